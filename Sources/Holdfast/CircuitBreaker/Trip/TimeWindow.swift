/// Calls of the last stretch of time, counted exactly in ten buckets.
///
/// Each bucket says itself which stretch of time and which generation it counts, so the window rotates over an idle
/// gap of any length without touching a single bucket, and what an older generation counted is not there any more.
/// One bucket is one word: the machine keeps the words in an array, and a breaker that threads share keeps them in
/// atomics (``SharedStatistics``). Both move them by the functions below.
struct TimeWindow: Sendable, Hashable {
    static let bucketCount = 10

    private let layout: TimeWindowLayout
    private var buckets = [Bucket](repeating: Bucket(), count: Self.bucketCount)

    init(_ duration: Duration) {
        layout = TimeWindowLayout(duration)
    }

    mutating func record(isBad: Bool, generation: UInt32, at now: MonotonicInstant) {
        let stamp = layout.stamp(at: now, generation: generation)
        if let next = buckets[stamp.place].adding(isBad: isBad, stamp: stamp) { buckets[stamp.place] = next }
    }

    func tally(generation: UInt32, at now: MonotonicInstant) -> Tally {
        let stamp = layout.stamp(at: now, generation: generation)
        return buckets.reduce(into: Tally()) { $1.add(to: &$0, at: stamp) }
    }
}

/// Where a moment falls within a time window.
struct TimeWindowLayout: Sendable, Hashable {
    /// A bucket's number since the clock's origin, and who counts.
    struct Stamp: Sendable, Hashable {
        var number: Int64
        var generation: UInt32

        var place: Int { ringPlace(of: number, count: TimeWindow.bucketCount) }
    }

    private let width: Int64

    init(_ duration: Duration) {
        width = max(1, duration.saturatingNanoseconds / Int64(TimeWindow.bucketCount))
    }

    func stamp(at now: MonotonicInstant, generation: UInt32) -> Stamp {
        Stamp(number: now.nanoseconds / width, generation: generation)
    }
}

/// One bucket of a time window in 64 bits: generation 8 | number 20 | calls 18 | bad 18.
///
/// The generation and the number are the low bits of the real ones. Two moments are taken for one only if 2²⁰ bucket
/// widths lie between them to the bucket (a day for the shortest window) and the bucket was not used meanwhile.
struct Bucket: Sendable, Hashable {
    var bits: UInt64 = 0

    private static let countBits: UInt64 = 18
    private static let countLimit = (UInt64(1) << countBits) - 1
    private static let numberMask = (UInt64(1) << 20) - 1

    private init(_ stamp: TimeWindowLayout.Stamp) {
        bits =
            UInt64(stamp.generation & 0xFF) << 56 | (UInt64(truncatingIfNeeded: stamp.number) & Self.numberMask) << 36
    }

    init(bits: UInt64 = 0) {
        self.bits = bits
    }

    private var tag: UInt64 { bits >> 36 }
    private var calls: UInt64 { bits >> Self.countBits & Self.countLimit }
    private var bad: UInt64 { bits & Self.countLimit }

    /// The bucket with one more call in it; nil when the stamp is of an older generation than the bucket.
    func adding(isBad: Bool, stamp: TimeWindowLayout.Stamp) -> Bucket? {
        var next = Bucket(stamp)
        if next.tag == tag {
            next = self
        } else if calls > 0, Int8(truncatingIfNeeded: Int64(next.bits >> 56) - Int64(bits >> 56)) < 0 {
            return nil
        }
        // A full bucket is halved, which keeps its share: 262,143 calls in a tenth of a window.
        if next.calls == Self.countLimit {
            next.bits = next.tag << 36 | (next.calls / 2) << Self.countBits | next.bad / 2
        }
        next.bits += 1 << Self.countBits | (isBad ? 1 : 0)
        return next
    }

    /// Adds what the bucket holds, if it is of this generation and within the window that ends at the stamp.
    func add(to tally: inout Tally, at stamp: TimeWindowLayout.Stamp) {
        guard calls > 0, bits >> 56 == UInt64(stamp.generation & 0xFF) else { return }
        let age = (UInt64(truncatingIfNeeded: stamp.number) &- (bits >> 36)) & Self.numberMask
        // A thread that read the clock a little earlier may meet a bucket from its own future: that is no age.
        guard age < UInt64(TimeWindow.bucketCount) || age > Self.numberMask - UInt64(TimeWindow.bucketCount) else {
            return
        }
        tally.bad += Int(bad)
        tally.calls += Int(calls)
    }
}
