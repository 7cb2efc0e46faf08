/// A quantile of how long calls took lately, in bounded room: a histogram of 8 steps to the octave, from 1 µs to 9
/// minutes, so that the answer is at most an eighth above the truth. Each 4,096 calls halve all counts, so that the past
/// fades.
struct LatencyQuantile: Sendable, Hashable {
    private static let octaves = 29
    private static let halveAt = 4_096

    private var counts = [UInt32](repeating: 0, count: octaves * 8)
    private var total = 0
    /// How many calls were seen in all.
    private(set) var seen = 0

    mutating func record(_ duration: Duration) {
        counts[Self.step(of: duration)] += 1
        total += 1
        seen = min(seen + 1, 1_000_000)
        if total >= Self.halveAt {
            for index in counts.indices { counts[index] /= 2 }
            total = counts.reduce(0) { $0 + Int($1) }
        }
    }

    /// A duration within which this share of the calls ended.
    func value(at quantile: Double) -> Duration {
        let rank = max(1, Int((quantile * Double(total)).rounded(.up)))
        var passed = 0
        for (step, count) in counts.enumerated() {
            passed += Int(count)
            if passed >= rank { return Self.upperEnd(of: step) }
        }
        return Self.upperEnd(of: counts.count - 1)
    }

    private static func step(of duration: Duration) -> Int {
        let microseconds = max(1, duration.saturatingNanoseconds / 1_000)
        let octave = 63 - microseconds.leadingZeroBitCount
        guard octave < octaves else { return octaves * 8 - 1 }
        let eighth = ((microseconds << 3) >> Int64(octave)) & 7
        return octave * 8 + Int(eighth)
    }

    private static func upperEnd(of step: Int) -> Duration {
        return .nanoseconds((Int64(1_000) << Int64(step / 8)) * Int64(step % 8 + 9) / 8)
    }
}
