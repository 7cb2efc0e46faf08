#if Gateway
import Holdfast
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
    private var permit: CircuitBreaker.Permit?
    private var servicePermit: CircuitBreaker.Permit?
    private var isJudged = false

    init(
        _ number: Int, of exchange: Exchange, to endpoint: Endpoint, isHedge: Bool, wait: Duration,
        permit: consuming CircuitBreaker.Permit?, servicePermit: consuming CircuitBreaker.Permit?
    ) {
        self.number = number
        self.exchange = exchange
        began = exchange.loop.turn.now
        self.endpoint = endpoint
        self.isHedge = isHedge
        self.wait = wait
        self.permit = permit
        self.servicePermit = servicePermit
        endpoint.attempts.add(1, ordering: .relaxed)
        endpoint.inFlight.add(1, ordering: .relaxed)
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

    /// Tells the breakers how it went. Only the first verdict counts.
    func judge(_ verdict: CircuitBreakerMachine.Verdict) {
        guard !isJudged else { return }
        isJudged = true
        switch verdict {
        case .succeeded: endpoint.succeeded.add(1, ordering: .relaxed)
        case .failed: endpoint.failed.add(1, ordering: .relaxed)
        case .declined, .abandoned: break
        }
        permit.take()?.ended(verdict)
        servicePermit.take()?.ended(verdict)
    }

    /// What becomes of its connection when it ends.
    enum Ending {
        /// Its answer was read to the end, or the other side has closed.
        case over
        /// Nobody wants the rest.
        case drain, close
    }

    /// Ends it. Whatever comes back from now on concerns nobody.
    func end(_ verdict: CircuitBreakerMachine.Verdict, _ ending: Ending) {
        guard phase != .ended else { return }
        judge(verdict)
        phase = .ended
        exchange = nil
        endpoint.inFlight.subtract(1, ordering: .relaxed)
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
    /// - Parameter unreadable: What is wrong with its answer, if the connection ended for that.
    func serviceClosed(unreadable: String? = nil) { exchange?.serviceClosed(self, unreadable) }
}
#endif
