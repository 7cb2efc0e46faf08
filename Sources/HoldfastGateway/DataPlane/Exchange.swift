#if Gateway
import HTTPTypes
import Holdfast
import HoldfastHTTP
import HoldfastIdempotency
import NIOCore
import NIOHTTP1
import Synchronization

/// One request, from its head to the end of its answer: it carries out what the machines decide.
///
/// ```
///                     keyed: gather the body ─▶ ask for the claim ─▶ replay, conflict … ─▶ answered
///                                                      │ execute
///  request's head ─────────────────────────────────────▼
///                        ┌──▶ choose an endpoint (breaker) ─▶ connect ─▶ send ─▶ await the head
///                        │                                                            │
///                        └── wait (retry: attempts, deadline, budget) ◀── failed ─────┤
///                                                                                     ▼
///                     keyed: collect ─▶ record, and answer when it is durable     relay as it comes
/// ```
///
/// It lives on the event loop of the client's connection and never leaves it.
final class Exchange {
    enum Phase {
        /// A keyed request's body is being gathered.
        case gathering
        /// The engine has been asked, or a duplicate's outcome is awaited.
        case claiming
        /// Between two attempts.
        case waiting
        case connecting
        /// The request is on its way, or its answer is.
        case awaitingHead
        /// The response goes to the client as it comes.
        case relaying
        /// A keyed response is being gathered.
        case collecting
        /// The outcome is being made durable.
        case recording
        case finished
    }

    let loop: LoopContext
    let request: HTTPRequestHead
    /// The client's connection; nil when the client has left.
    var client: DownstreamHandler?
    let timer: LazyTimer
    var phase = Phase.waiting

    // The request's body, as far as it is kept for another attempt or for the fingerprint.
    var kept: [ByteBuffer] = []
    var keptBytes = 0
    var isKeptWhole = true
    /// Whether the request has arrived whole. One that announces no body has, with its head.
    var isRequestComplete: Bool

    // The attempt in progress.
    var retry: RetryMachine
    var permit: CircuitBreaker.Permit?
    var endpoint: Int?
    var connection: UpstreamConnection?
    var wait: Scheduled<Void>?
    var attemptNumber = 0
    private var deadline: NIODeadline
    var attemptDeadline: NIODeadline?

    // A keyed request.
    var claim: Claim?
    /// The record of its key, once the claim was asked for.
    var recordID: RecordID?
    let key: IdempotencyKey?
    var responseHead: HTTPResponseHead?
    var collected: [ByteBuffer] = []
    var collectedBytes = 0
    /// How a response ended while its tombstone was being recorded.
    enum ResponseEnd { case whole, broken }
    var responseEnd: ResponseEnd?

    private let started = NIODeadline.now()
    var keepsClientAlive = true

    var shared: DataPlaneContext { loop.shared }

    init(
        request: HTTPRequestHead, key: IdempotencyKey?, client: DownstreamHandler, loop: LoopContext, timer: LazyTimer
    ) {
        self.request = request
        isRequestComplete = !request.announcesBody
        self.key = key
        self.client = client
        self.loop = loop
        self.timer = timer
        let configuration = loop.shared.configuration
        deadline = started + TimeAmount(configuration.route.deadline)
        // The service is not known to honour keys, so a keyed request is sent again only if it was not sent.
        let repeatability =
            key == nil ? Repeatability(method: .init(rawValue: request.method.rawValue) ?? .post) : .once
        retry = RetryMachine(
            configuration: configuration.route.retry, repeatability: repeatability,
            deadline: loop.shared.clock.now.advanced(by: configuration.route.deadline))
    }

    func begin() {
        shared.counters.requests.add(1, ordering: .relaxed)
        shared.counters.inFlight.add(1, ordering: .relaxed)
        timer.onFire = { [unowned self] in timeIsUp() }
        if key != nil {
            phase = .gathering
            armBodyTimer()
            if isRequestComplete { askForClaim() }
        } else {
            shared.budget.called()
            attempt()
        }
    }

    // MARK: The request

    func receivedRequest(_ body: ByteBuffer) {
        keep(body)
        switch phase {
        case .gathering:
            if !isKeptWhole {
                let limit = shared.configuration.route.keptBytes
                answer(Problem(.bodyTooLarge, "with an Idempotency-Key, at most \(limit) bytes can be fingerprinted"))
            } else {
                armBodyTimer()
            }
        case .awaitingHead:
            connection?.send(.body(.byteBuffer(body)), flush: false)
            armAttemptTimer()
            if connection?.isWritable == false { client?.holdReads(true) }
        case .connecting, .waiting:
            // It goes out with what is kept. Beyond that there is no room: the client waits until there is.
            if !isKeptWhole { client?.holdReads(true) }
        case .relaying, .collecting:
            connection?.send(.body(.byteBuffer(body)), flush: false)
        case .claiming, .recording, .finished:
            break
        }
    }

    func flushRequest() {
        if phase == .awaitingHead || phase == .relaying { connection?.channel.flush() }
    }

    func receivedRequestEnd() {
        guard !isRequestComplete else { return }
        isRequestComplete = true
        switch phase {
        case .gathering:
            askForClaim()
        case .awaitingHead:
            // The clock starts when the request has arrived whole: a slow upload is not the service's slowness.
            deadline = max(deadline, .now() + TimeAmount(shared.configuration.route.deadline))
            connection?.send(.end(nil), flush: true)
            armAttemptTimer()
        case .relaying, .collecting:
            connection?.send(.end(nil), flush: true)
        case .claiming, .waiting, .connecting, .recording, .finished:
            break
        }
    }

    private func keep(_ body: ByteBuffer) {
        keptBytes += body.readableBytes
        guard isKeptWhole else { return }
        // A piece that is already on its way when the limit is met need not be kept; one that is not yet sent must be.
        guard keptBytes <= shared.configuration.route.keptBytes || phase == .connecting || phase == .waiting else {
            isKeptWhole = false
            kept = []
            return
        }
        kept.append(body)
        if keptBytes > shared.configuration.route.keptBytes { client?.holdReads(true) }
    }

    // MARK: What goes wrong

    func serviceClosed() {
        connection = nil
        let name = endpoint.map { "\(shared.endpoints[$0].address)" } ?? "the service"
        switch phase {
        case .awaitingHead:
            failed(.unknown, Problem(.upstreamReset, "\(name) closed the connection before it answered"))
        case .collecting:
            judge(.failed)
            settleClaim(after: .unknown, Problem(.upstreamReset, "\(name) broke off its answer"))
        case .relaying:
            judge(.failed)
            // Part of the answer is out. Breaking the connection is the only way to say that it is not whole.
            abort()
        case .recording:
            responseEnd = .broken
        case .gathering, .claiming, .waiting, .connecting, .finished:
            break
        }
    }

    /// What the client sends is not HTTP any longer.
    func requestBroke(_ problem: Problem) {
        switch phase {
        case .gathering, .waiting, .connecting, .awaitingHead:
            // Its end is still to come, so it has no claim yet, and the service has not had it whole.
            judge(.abandoned)
            closeConnection()
            answer(problem)
        case .claiming, .relaying, .collecting, .recording, .finished:
            abort()
        }
    }

    /// The client has left. What was begun under a key is brought to its end and recorded; the rest is called off.
    func clientClosed() {
        client = nil
        if claim != nil || phase == .recording { return connection?.holdReads(false) ?? () }
        guard phase != .finished else { return }
        judge(.abandoned)
        connection?.close()
        connection = nil
        finish()
    }

    func clientBecameWritable() {
        connection?.holdReads(false)
    }

    func serviceBecameWritable() {
        if let connection, connection.isWritable { client?.holdReads(false) }
    }

    private func timeIsUp() {
        let now = NIODeadline.now()
        let isCall = now >= deadline
        let limit = isCall ? shared.configuration.route.deadline : shared.configuration.route.attemptTimeout
        let name = isCall ? "timeout" : "attempt timeout"
        let problem = Problem(.deadline, "no answer within the \(name) of \(limit)", attempts: attemptNumber)
        switch phase {
        case .gathering:
            answer(Problem(.requestTimeout, "the request's body did not arrive in time"))
        case .claiming:
            answer(Problem(.keyInFlight, "a request with this key has not ended within \(limit)"))
        case .waiting:
            giveUp(problem, after: .notSent())
        case .connecting:
            judge(.failed)
            giveUp(problem, after: .notSent())
        case .awaitingHead where !isRequestComplete && client != nil && connection?.isWritable == true:
            // The service waits for the client, as we do: the client's connection has a limit of its own for that.
            judge(.abandoned)
            closeConnection()
            answer(Problem(.requestTimeout, "the request's body did not arrive in time"))
        case .awaitingHead:
            let failing = connection
            connection = nil
            failing?.close()
            if isCall {
                judge(.failed)
                giveUp(problem, after: .unknown)
            } else {
                failed(.unknown, problem)
            }
        case .collecting:
            judge(.failed)
            closeConnection()
            settleClaim(after: .unknown, problem)
        case .relaying:
            judge(.failed)
            closeConnection()
            abort()
        case .recording, .finished:
            break
        }
    }

    func closeConnection() {
        let closing = connection
        connection = nil
        closing?.close()
    }

    // MARK: The end

    /// Answers in the gateway's own name, when nothing of an answer is out yet.
    func answer(_ problem: Problem) {
        shared.counters.count(problem.kind)
        var problem = problem
        problem.record = recordID?.description
        let client = client
        finish()
        client?.write(problem, for: request, keepAlive: request.isKeepAlive && isRequestComplete)
    }

    /// Ends the answer. The exchange ends first, because the answer's end may bring the client's next request with it.
    func end(keepAlive: Bool) {
        let client = client
        finish()
        client?.writeEnd(keepAlive: keepAlive)
    }

    func abort() {
        let client = client
        finish()
        client?.abort()
    }

    func finish() {
        guard phase != .finished else { return }
        phase = .finished
        wait?.cancel()
        wait = nil
        judge(.abandoned)
        closeConnection()
        kept = []
        collected = []
        shared.counters.inFlight.subtract(1, ordering: .relaxed)
        timer.onFire = nil
        timer.set(nil)
        let client = client
        self.client = nil
        client?.exchangeEnded()
    }

    // MARK: Time

    func armAttemptTimer() {
        attemptDeadline = .now() + TimeAmount(shared.configuration.route.attemptTimeout)
        armTimer()
    }

    private func armBodyTimer() {
        attemptDeadline = .now() + TimeAmount(shared.configuration.headerTimeout)
        armTimer()
    }

    func armTimer() {
        switch phase {
        case .relaying:
            // A stream may be long. It may not be silent.
            timer.set(attemptDeadline)
        case .awaitingHead where !isRequestComplete:
            timer.set(attemptDeadline)
        case .recording, .finished:
            timer.set(nil)
        default:
            timer.set(attemptDeadline.map { min($0, deadline) } ?? deadline)
        }
    }
}
#endif
