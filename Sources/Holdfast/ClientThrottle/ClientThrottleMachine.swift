/// Decides whether a call is worth sending to a dependency that declines many. A value without clock or lock.
///
/// A call is rejected with the probability `max(0, (requests − K · accepts) / (requests + 1))`, up to a ceiling. Requests are counted
/// when they are *issued*, those that are rejected here among them: counted only when they end, the probability would
/// lag behind a burst by as long as the calls take. A call that was abandoned, which is neither accepted nor declined,
/// is taken out again: cancellations must not look like a dependency that declines.
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
    /// - Parameter draw: A random number from 0 up to, and without, 1.
    public mutating func ask(at now: MonotonicInstant, draw: Double) -> Decision {
        let probability = probability(at: now)
        let index = rotate(to: now)
        buckets[index].requests += 1
        return draw < probability ? .rejected(probability: probability) : .made(Call(bucket: buckets[index].number))
    }

    /// Takes in how a call ended. Whatever it is, but "too much", the dependency accepted it.
    public mutating func record(_ verdict: CircuitBreakerMachine.Verdict, for call: Call, at now: MonotonicInstant) {
        switch verdict {
        case .succeeded, .failed:
            buckets[rotate(to: now)].accepts += 1
        case .abandoned:
            let index = ringPlace(of: call.bucket, count: Self.bucketCount)
            if buckets[index].number == call.bucket { buckets[index].requests -= 1 }
        case .declined:
            break
        }
    }

    /// The probability with which a call is rejected.
    public func probability(at now: MonotonicInstant) -> Double {
        let (requests, accepts) = counts(at: now)
        let excess = Double(requests) - configuration.multiplier * Double(accepts)
        return min(configuration.ceiling, max(0, excess / Double(requests + 1)))
    }

    /// The calls and the accepted ones within the window.
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
