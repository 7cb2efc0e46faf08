/// Decides how many calls may be in progress, from how long they take. A value without clock or lock.
///
/// Four rules keep it from the faults that such limits are known for:
/// - A timeout is congestion, whatever its latency says. Taken as a sample like any other, steady timeouts become the
///   normal latency and drive the limit to its maximum.
/// - The limit holds still while it does not limit: calls that are quick because there are few say nothing about more.
/// - It falls at most once for the calls that were in progress together, so one burst of timeouts is one event.
/// - The latency that the present one is held against is that of calls with half of the limit in flight, when they were
///   admitted *and* when they ended. One that was admitted in a quiet moment and ended in a full house brings the full
///   house's latency with it, without a bound where the dependency shares its processor among its calls. When traffic
///   gives no quiet calls, the limit is halved for a while, to see them, as Envoy's `minRTT` and BBR's `ProbeRTT` do.
///   An average over all calls, as in Netflix's `Gradient2`, takes its own queue for the normal latency, and drifts.
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
    /// How many samples the usual latency remembers.
    private static let memory = 100
    /// How many batches of calls pass without one at half of the limit before it is halved to see some.
    private static let patience = 80
    /// How many batches it sees then. What is still in progress at the end does not count, and those are the long calls:
    /// of one batch they would be half, and the usual latency too short by a third.
    private static let look = 4

    public let configuration: AdaptiveLimitConfiguration
    public private(set) var inFlight = 0
    private var estimate: Double
    /// The latency with half of the limit in flight, in nanoseconds; zero before the first sample.
    private var usual: Double = 0
    /// How many samples are in it, up to ``memory``.
    private var known = 0
    /// Samples at the limit that have not been used yet.
    private var samples = 0
    private var sum: Double = 0
    /// How many samples came since the last one at half of the limit.
    private var sinceUsual = 0
    /// While it is halved: how many samples are still to come.
    private var looking = 0
    private var admitted: UInt64 = 0
    /// Calls admitted up to this number were in progress when the limit last fell.
    private var fellAt: UInt64 = 0

    /// - Parameter configuration: Already validated by the caller.
    public init(configuration: AdaptiveLimitConfiguration) {
        self.configuration = configuration
        estimate = Double(configuration.initial)
    }

    /// How many calls may be in progress.
    public var limit: Int { looking > 0 ? half : Int(estimate) }
    /// The usual latency, that of calls with half of the limit in flight; zero before the first sample.
    public var latency: Duration { .nanoseconds(Int64(usual)) }

    private var half: Int { max(configuration.minimum, Int(estimate / 2), 1) }

    /// Asks for the right to make one call.
    public mutating func admit(at now: MonotonicInstant) -> Ticket? {
        guard inFlight < limit else { return nil }
        inFlight += 1
        admitted += 1
        return Ticket(began: now, number: admitted, inFlight: inFlight)
    }

    /// Takes in how a call ended.
    ///
    /// - Parameters:
    ///   - verdict: How the call ended.
    ///   - isTimeout: Whether it ended because its time was over.
    ///   - took: How long it took; nil: from its ticket until now.
    ///   - ticket: What the admission handed out.
    ///   - now: The time.
    public mutating func record(
        _ verdict: Verdict, isTimeout: Bool = false, took: Duration? = nil, for ticket: Ticket,
        at now: MonotonicInstant
    ) {
        let atEnd = inFlight
        inFlight -= 1
        let sample = Double(max(1, (took ?? ticket.began.duration(to: now)).saturatingNanoseconds))
        switch verdict {
        case .abandoned:
            return
        case .declined,
            .failed where isTimeout:
            fall(ticket)
        case .failed:
            // A quick failure is no sign of room.
            return
        case .succeeded:
            switch configuration.algorithm {
            case .aimd(let threshold): additive(sample, ticket, threshold)
            case .gradient(let tolerance): gradient(sample, ticket, tolerance, atEnd: atEnd)
            }
        }
        estimate = min(max(estimate, Double(configuration.minimum)), Double(configuration.maximum))
    }

    private mutating func additive(_ sample: Double, _ ticket: Ticket, _ threshold: Duration) {
        learn(sample)
        if sample > Double(threshold.saturatingNanoseconds) {
            fall(ticket)
        } else if isLimiting(ticket) {
            estimate += 1 / estimate
        }
    }

    /// - Parameter atEnd: How many were in progress when it ended, it among them.
    private mutating func gradient(_ sample: Double, _ ticket: Ticket, _ tolerance: Double, atEnd: Int) {
        let batch = max(10, Int(estimate / 2))
        // From there on the limit falls as steeply as it can. Counted whole, one call in ten that takes a thousand times as
        // long, as some always do, would have it fall to nothing.
        let sample = usual > 0 ? min(sample, 2 * tolerance * usual) : sample
        if ticket.inFlight <= half, atEnd <= half {
            learn(sample)
            sinceUsual = 0
            if looking > 0 { looking -= 1 }
        } else {
            sinceUsual += 1
            if sinceUsual > Self.patience * batch { (looking, sinceUsual) = (Self.look * batch, 0) }
        }
        guard isLimiting(ticket), looking == 0 else { return }
        (sum, samples) = (sum + sample, samples + 1)
        guard samples >= batch else { return }
        if usual == 0 { learn(sum / Double(samples)) }
        let ratio = max(0.5, min(1, tolerance * usual * Double(samples) / sum))
        let next = estimate * ratio + estimate.squareRoot()
        estimate += (next - estimate) / 2
        (sum, samples) = (0, 0)
    }

    private mutating func learn(_ sample: Double) {
        // At first the average of what there is: a first sample that is far off would hold the limit down for long.
        known = min(known + 1, Self.memory)
        usual += (sample - usual) / Double(known)
    }

    private func isLimiting(_ ticket: Ticket) -> Bool { Double(ticket.inFlight) * 2 >= estimate }

    private mutating func fall(_ ticket: Ticket) {
        guard ticket.number > fellAt else { return }
        estimate *= Self.decrease
        fellAt = admitted
    }
}
