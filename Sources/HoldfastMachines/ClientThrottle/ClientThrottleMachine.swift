/// Decides whether a call is worth sending to a dependency that declines many. A value without clock or lock.
///
/// A call is rejected with the probability `max(0, (requests − K · accepts) / (requests + 1))`, up to a ceiling. All is
/// counted when a call is *issued*, what is rejected here among it, and a call that is made counts as accepted until the
/// dependency declines it: one in flight is no refusal, however long it takes. So a dependency that declines nothing is
/// never throttled, whatever the calls in flight, and the price is that one which takes long to decline is called for
/// that long. A call that was abandoned, which is neither accepted nor declined, is taken out again: cancellations must
/// not look like a dependency that declines.
public struct ClientThrottleMachine: Sendable, Hashable {
    public enum Decision: Sendable, Hashable {
        case made(Call)
        case rejected(probability: Double)
    }

    /// A call that was made and has not ended.
    public struct Call: Sendable, Hashable {
        fileprivate let bucket: Int64
    }

    private struct Bucket: Sendable, Hashable {
        var number: Int64 = .min
        var requests = 0
        /// Those of them that the dependency has not declined.
        var accepts = 0
    }

    private static let bucketCount = 10

    public let configuration: ClientThrottleConfiguration
    private let width: Int64
    /// Each says itself which stretch of time it counts, so an idle gap of any length costs nothing.
    private var buckets = [Bucket](repeating: Bucket(), count: Self.bucketCount)

    /// - Parameter configuration: Already validated by the caller.
    public init(configuration: ClientThrottleConfiguration) {
        self.configuration = configuration
        width = max(1, configuration.window.saturatingNanoseconds / Int64(Self.bucketCount))
    }

    /// Counts a call that is about to be made.
    ///
    /// - Parameters:
    ///   - now: The time.
    ///   - draw: A random number from 0 up to, and without, 1.
    public mutating func ask(at now: MonotonicInstant, draw: Double) -> Decision {
        let probability = probability(at: now)
        let index = rotate(to: now)
        buckets[index].requests += 1
        if draw < probability { return .rejected(probability: probability) }
        buckets[index].accepts += 1
        return .made(Call(bucket: buckets[index].number))
    }

    /// Takes in how a call ended. Whatever it is, but "too much", the dependency accepted it. The call counts where it
    /// was issued, so one that takes longer than the window has left it.
    public mutating func record(_ verdict: Verdict, for call: Call) {
        let index = ringPlace(of: call.bucket, count: Self.bucketCount)
        guard buckets[index].number == call.bucket else { return }
        switch verdict {
        case .succeeded, .failed:
            break
        case .declined:
            buckets[index].accepts -= 1
        case .abandoned:
            buckets[index].requests -= 1
            buckets[index].accepts -= 1
        }
    }

    /// The probability with which a call is rejected.
    public func probability(at now: MonotonicInstant) -> Double {
        let (requests, accepts) = counts(at: now)
        let excess = Double(requests) - configuration.multiplier * Double(accepts)
        return min(configuration.ceiling, max(0, excess / Double(requests + 1)))
    }

    /// The calls within the window, and those of them that were not declined.
    public func counts(at now: MonotonicInstant) -> (requests: Int, accepts: Int) {
        let number = now.nanoseconds / width
        let oldest = number.subtractingReportingOverflow(Int64(Self.bucketCount) - 1)
        return buckets.filter { $0.number != .min && $0.number >= (oldest.overflow ? .min : oldest.partialValue) }
            .reduce(into: (0, 0)) {
                $0.0 += $1.requests
                $0.1 += $1.accepts
            }
    }

    private mutating func rotate(to now: MonotonicInstant) -> Int {
        let number = now.nanoseconds / width
        let index = ringPlace(of: number, count: Self.bucketCount)
        if buckets[index].number < number { buckets[index] = Bucket(number: number) }
        return index
    }
}
