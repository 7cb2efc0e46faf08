/// Decides how many calls may be in progress, from how long they take. A value without clock or lock.
///
/// Four rules keep it from the faults that such limits are known for:
/// - A timeout is congestion, whatever its latency says. Taken as a sample like any other, steady timeouts become the
///   normal latency and drive the limit to its maximum.
/// - The limit holds still while it does not limit: calls that are quick because there are few say nothing about more.
/// - It falls at most once for the calls that were in progress together, so one burst of timeouts is one event.
/// - The long-term latency gives way when it is twice the present one, so that a slow hour is not the standard for ever.
public struct AdaptiveLimitMachine: Sendable, Hashable {
    /// The right to make one call, as data.
    public struct Ticket: Sendable, Hashable {
        let began: MonotonicInstant
        /// How many had been admitted before it.
        let number: UInt64
        /// How many were in progress, it among them.
        let inFlight: Int
    }

    private static let decrease = 0.9
    /// How fast the gradient's limit follows: a fifth of the way with each sample.
    private static let smoothing = 0.2
    /// How many samples the long-term latency remembers.
    private static let memory = 600.0

    public let configuration: AdaptiveLimitConfiguration
    public private(set) var inFlight = 0
    private var estimate: Double
    /// In nanoseconds; zero before the first sample.
    private var longTerm: Double = 0
    private var admitted: UInt64 = 0
    /// Calls admitted up to this number were in progress when the limit last fell.
    private var fellAt: UInt64 = 0

    /// - Parameter configuration: Already validated by the caller.
    public init(configuration: AdaptiveLimitConfiguration) {
        self.configuration = configuration
        estimate = Double(configuration.initial)
    }

    /// How many calls may be in progress.
    public var limit: Int { Int(estimate) }
    /// The long-term latency; zero before the first sample.
    public var latency: Duration { .nanoseconds(Int64(longTerm)) }

    /// Asks for the right to make one call.
    public mutating func admit(at now: MonotonicInstant) -> Ticket? {
        guard inFlight < limit else { return nil }
        inFlight += 1
        admitted += 1
        return Ticket(began: now, number: admitted, inFlight: inFlight)
    }

    /// Takes in how a call ended.
    ///
    /// - Parameter isTimeout: Whether it ended because its time was over.
    public mutating func record(
        _ verdict: CircuitBreakerMachine.Verdict, isTimeout: Bool = false, for ticket: Ticket, at now: MonotonicInstant
    ) {
        inFlight -= 1
        let sample = Double(max(1, ticket.began.duration(to: now).saturatingNanoseconds))
        switch verdict {
        case .abandoned:
            return
        case .declined:
            fall(ticket)
        case .failed where isTimeout:
            fall(ticket)
        case .failed:
            // A quick failure is no sign of room.
            return
        case .succeeded:
            switch configuration.algorithm {
            case .aimd(let threshold): additive(sample, ticket, threshold)
            case .gradient(let tolerance): gradient(sample, ticket, tolerance)
            }
        }
        estimate = min(max(estimate, Double(configuration.minimum)), Double(configuration.maximum))
    }

    private mutating func additive(_ sample: Double, _ ticket: Ticket, _ threshold: Duration) {
        longTerm = longTerm == 0 ? sample : longTerm + (sample - longTerm) / Self.memory
        if sample > Double(threshold.saturatingNanoseconds) {
            fall(ticket)
        } else if isLimiting(ticket) {
            estimate += 1 / estimate
        }
    }

    private mutating func gradient(_ sample: Double, _ ticket: Ticket, _ tolerance: Double) {
        longTerm = longTerm == 0 ? sample : longTerm + (sample - longTerm) / Self.memory
        if longTerm > 2 * sample { longTerm *= 0.95 }
        guard isLimiting(ticket) else { return }
        let ratio = max(0.5, min(1, tolerance * longTerm / sample))
        let next = estimate * ratio + estimate.squareRoot()
        estimate += (next - estimate) * Self.smoothing
    }

    private func isLimiting(_ ticket: Ticket) -> Bool { Double(ticket.inFlight) * 2 >= estimate }

    private mutating func fall(_ ticket: Ticket) {
        guard ticket.number > fellAt else { return }
        estimate *= Self.decrease
        fellAt = admitted
    }
}
