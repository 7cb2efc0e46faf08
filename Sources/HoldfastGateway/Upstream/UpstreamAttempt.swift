#if Gateway
import Holdfast
import HoldfastTLS
import NIOCore
import NIOHTTP1
import Synchronization

/// One attempt of an exchange: an endpoint, the permits for it, and a connection once there is one. It tells its exchange
/// what comes back, until it has ended.
final class UpstreamAttempt {
    enum Phase {
        case connecting
        /// The request is on its way.
        case sent
        /// Its answer is the one that the client gets.
        case answering
        case ended
    }

    let endpoint: Endpoint
    /// From 1, of all the exchange's attempts.
    let number: Int
    /// Whether it was sent beside another.
    let isHedge: Bool
    /// Since the attempt before it.
    let wait: Duration
    let began: NIODeadline
    private(set) var phase = Phase.connecting
    private(set) var connection: UpstreamConnection?
    /// When its time is over; nil while it connects, which has a limit of its own.
    var deadline: NIODeadline?
    /// Whether it stands in the account of its exchange.
    var isTold = false
    private var exchange: Exchange?
    private var permit: BreakerPermit?
    private var servicePermit: BreakerPermit?
    private var isJudged = false
    private var hasTaught = false
    private let service: UpstreamService
    private let caller: Int
    private var hasPlace = false
    /// How long the service took, up to its answer's head.
    private(set) var took: Duration?
    private let turn: LoopTurn

    init(
        _ number: Int, of exchange: Exchange, to endpoint: Endpoint, isHedge: Bool, wait: Duration,
        permit: consuming BreakerPermit?, servicePermit: consuming BreakerPermit?
    ) {
        self.number = number
        self.exchange = exchange
        turn = exchange.loop.turn
        began = turn.now
        service = exchange.route.service
        caller = exchange.callerPlace
        self.endpoint = endpoint
        self.isHedge = isHedge
        self.wait = wait
        self.permit = permit
        self.servicePermit = servicePermit
        endpoint.attempts.add(1, ordering: .relaxed)
        endpoint.inFlight.add(1, ordering: .relaxed)
    }

    /// Takes a place among the endpoint's connections, until it ends.
    ///
    /// - Returns: False when its caller may not have another.
    func takePlace(of connections: Int) -> Bool {
        hasPlace = endpoint.inUse.take(caller, of: connections, isBound: false)
        return hasPlace
    }

    /// Leaves the place to what becomes of the connection.
    ///
    /// - Returns: Gives it back.
    func handOverPlace() -> () -> Void {
        guard hasPlace else { return {} }
        hasPlace = false
        return { [endpoint, caller] in endpoint.inUse.give(caller) }
    }

    /// Whether a breaker waits for its verdict to decide on its state.
    var isProbe: Bool { (permit?.isProbe ?? false) || (servicePermit?.isProbe ?? false) }

    func use(_ connection: UpstreamConnection) {
        self.connection = connection
        phase = .sent
        connection.serve(self)
    }

    func answers() { phase = .answering }

    /// For whom its connection may be kept when it has been authenticated; nil while there is nobody, or several.
    var owner: PersonalConnections.Owner? { exchange?.client?.owner }

    /// The head of its answer has come. What its client took to send the request is not the service's time.
    func answered() { took = took ?? waited }

    private var waited: Duration {
        guard let requestEnd = exchange?.requestEnd else { return .zero }
        return .nanoseconds((turn.now - max(began, requestEnd)).nanoseconds)
    }

    /// Tells the route's hedge how long the call's first attempt took: once, when it has answered well or ended without.
    func teachHedge(succeeded: Bool) {
        guard number == 1, !hasTaught, let exchange, !exchange.isProbing, let hedge = exchange.route.hedge else {
            return
        }
        hasTaught = true
        hedge.firstEnded(after: took ?? waited, succeeded: succeeded)
    }

    /// Tells the breakers how it went. Only the first verdict counts.
    func judge(_ verdict: Verdict) {
        guard !isJudged else { return }
        isJudged = true
        switch verdict {
        case .succeeded: endpoint.succeeded.add(1, ordering: .relaxed)
        case .failed: endpoint.failed.add(1, ordering: .relaxed)
        case .declined, .abandoned: break
        }
        let took = took ?? waited
        let (own, whole) = (weighed(verdict, took, endpoint.evidence), weighed(verdict, took, service.evidence))
        if verdict != .succeeded, verdict != .abandoned, phase != .connecting { exchange?.hasFailed = true }
        permit.take()?.ended(own, took: took, at: turn.now)
        servicePermit.take()?.ended(whole, took: took, at: turn.now)
    }

    /// What a verdict counts for. A call that needed no permit has met the service all the same.
    private func weighed(
        _ verdict: Verdict, _ took: Duration, _ evidence: CallerEvidence?
    ) -> Verdict {
        guard let evidence else { return verdict }
        let isUnreachable = phase == .connecting
        // A request that fails again, here or elsewhere, says the same once more.
        if !isUnreachable, verdict != .succeeded, exchange?.hasFailed == true { return .abandoned }
        let isSlow = took > evidence.slowLimit
        return evidence.weighed(verdict, isUnreachable: isUnreachable, isSlow: isSlow, of: caller, at: turn.now)
    }

    /// What becomes of its connection when it ends.
    enum Ending {
        /// Its answer was read to the end, or the other side has closed.
        case over
        /// Nobody wants the rest.
        case drain, close
    }

    /// Ends it. Whatever comes back from now on concerns nobody.
    func end(_ verdict: Verdict, _ ending: Ending) {
        guard phase != .ended else { return }
        judge(verdict)
        teachHedge(succeeded: false)
        phase = .ended
        exchange = nil
        endpoint.inFlight.subtract(1, ordering: .relaxed)
        if hasPlace { endpoint.inUse.give(caller) }
        let connection = connection
        self.connection = nil
        switch ending {
        case .over: break
        case .drain: connection?.drain()
        case .close: connection?.close()
        }
    }

    // MARK: What the connection tells

    func received(_ head: HTTPResponseHead) { exchange?.received(head, from: self) }
    func receivedInformational(_ head: HTTPResponseHead) { exchange?.receivedInformational(head, from: self) }
    func received(_ body: ByteBuffer) { exchange?.received(body) }
    func receivedEnd() { exchange?.receivedEnd(of: self) }
    func flush() { exchange?.flush() }
    func serviceBecameWritable() { exchange?.serviceBecameWritable() }
    func serviceRefused(_ failure: TLSFailure) { exchange?.serviceRefused(self, failure) }
    /// - Parameter unreadable: What is wrong with its answer, if the connection ended for that.
    func serviceClosed(unreadable: String? = nil) { exchange?.serviceClosed(self, unreadable) }
}
#endif
