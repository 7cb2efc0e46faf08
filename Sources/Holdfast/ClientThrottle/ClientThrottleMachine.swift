/// Decides whether a call is worth sending to a dependency that declines many. A value without clock or lock.
///
/// A call is rejected with the probability `max(0, (requests − K · accepts) / (requests + 1))`. Requests are counted
/// when they are *issued*, those that are rejected here among them: counted only when they end, the probability would
/// lag behind a burst by as long as the calls take.
public struct ClientThrottleMachine: Sendable, Hashable {
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
    /// - Returns: Nil if the call may be made, else the probability with which it was rejected.
    public mutating func ask(at now: MonotonicInstant, draw: Double) -> Double? {
        let probability = probability(at: now)
        buckets[rotate(to: now)].requests += 1
        return draw < probability ? probability : nil
    }

    /// Takes in that the dependency accepted a call: it answered anything but "too much".
    public mutating func accepted(at now: MonotonicInstant) {
        buckets[rotate(to: now)].accepts += 1
    }

    /// The probability with which a call is rejected.
    public func probability(at now: MonotonicInstant) -> Double {
        let (requests, accepts) = counts(at: now)
        return max(0, (Double(requests) - configuration.multiplier * Double(accepts)) / Double(requests + 1))
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
        let remainder = Int(number % Int64(Self.bucketCount))
        let index = remainder < 0 ? remainder + Self.bucketCount : remainder
        if buckets[index].number < number { buckets[index] = Bucket(number: number) }
        return index
    }
}
