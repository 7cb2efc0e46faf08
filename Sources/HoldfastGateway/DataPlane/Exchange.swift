#if Gateway
import HTTPTypes
import Holdfast
import HoldfastHTTP
import HoldfastIdempotency
import HoldfastTLS
import NIOCore
import NIOHTTP1
import Synchronization

/// One request, from its head to the end of its answer: it carries out what the machines decide.
///
/// ```
///         key, rate limit, concurrency ─▶ rejected
///                        │
///                     keyed: gather the body ─▶ ask for the claim ─▶ replay, conflict … ─▶ answered
///                                                      │ execute
///  request's head ─────────────────────────────────────▼
///                        ┌──▶ choose an endpoint (breakers) ─▶ connect ─▶ send ─▶ await the head ◀─ hedge
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
        /// One attempt is in progress, or several.
        case attempting
        /// The response goes to the client as it comes.
        case relaying
        /// A keyed response is being gathered.
        case collecting
        /// The outcome is being made durable.
        case recording
        case finished
    }

    let loop: LoopContext
    let plan: Plan
    let route: Route
    let request: HTTPRequestHead
    let target: RequestTarget
    let fields: RequestFields
    let origin: RequestOrigin
    /// What it is called, everywhere.
    let requestID: RequestID
    /// The client's connection; nil when the client has left.
    var client: DownstreamHandler?
    /// Which caller's word on the service this request's is.
    let callerPlace: Int
    let timer: LazyTimer
    var phase = Phase.waiting

    // The request's body, as far as it is kept for another attempt or for the fingerprint.
    var kept: [ByteBuffer] = []
    /// Of the body, whether they are kept or not.
    var receivedBytes = 0
    var isKeptWhole = true
    /// Whether more is kept than may be, because it could not be sent yet.
    private(set) var isKeptToBeSent = false
    /// Where its body has a place among those that are still to come.
    var upload: Endpoint?
    /// What is taken of the room that all have together.
    private var heldBytes = 0
    /// Whether the request has arrived whole. One that announces no body has, with its head.
    var isRequestComplete: Bool

    // The attempts.
    /// The one whose answer is awaited or relayed.
    var current: UpstreamAttempt?
    /// Those that are in progress beside it.
    var hedges: [UpstreamAttempt] = []
    var retry: RetryMachine?
    var hedging: HedgeMachine?
    var hedgeTimer: Scheduled<Void>?
    var wait: Scheduled<Void>?
    /// How long the attempt that comes next has waited.
    var nextWait = Duration.zero
    var attemptNumber = 0
    var tried = TriedEndpoints()
    /// Whether some attempt may have acted, whatever the last one says.
    var mayHaveRun = false
    /// Whether some attempt has failed in a way that the request may have provoked.
    var hasFailed = false
    var deadline: NIODeadline
    /// Whether the deadline is the caller's own: missing it says nothing about the service.
    let isDeadlineOfCaller: Bool
    /// For the next piece of a body, or for the record of the outcome.
    var pieceDeadline: NIODeadline?
    /// Whether the request's body comes fast enough, while it comes.
    var bodyRate: BodyRateMachine?

    // The places that it holds.
    var place: Bulkhead.Place?
    var permit: AdaptiveLimit.Permit?

    /// Who the client has shown to be, whether it is still there or not.
    let certificate: CertificateIdentity?

    // A keyed request.
    /// Read when the exchange begins.
    var key: IdempotencyKey?
    /// Who calls, where a token says it, once that is known.
    var identity: String?
    /// The same, as operators are told it.
    var identityShown: String?
    /// Whether the client asks to leave HTTP for a WebSocket, and may.
    let isWebSocket: Bool
    var claim: Claim?
    /// Where it waits for another with the same key, and until when.
    var placeInLine: IdempotencyEngine.Place?
    var waitsUntil = NIODeadline.distantFuture
    /// When the store was asked for the claim first.
    var storeAsked = NIODeadline.distantPast
    /// Whether the store has said that another executes.
    var isKnownToExecute = false
    /// How long another gateway is waited for before the store is asked again.
    var pace = WaitPace()
    /// What the store is asked about, once it is.
    var claimed: ClaimSubject?
    /// What is asked of the service, where the key's outcome is unknown.
    var probe: OutcomeProbe?
    var responseHead: HTTPResponseHead?
    var collected: [ByteBuffer] = []
    var collectedBytes = 0
    /// How a response ended while its tombstone was being recorded.
    enum ResponseEnd { case whole, broken }
    var responseEnd: ResponseEnd?
    /// What follows when the store has recorded how it ended, or has taken too long; nil while nothing is recorded.
    var ending: RecordedEnding?

    let started: NIODeadline
    /// When the request had arrived whole; nil while it has not.
    var requestEnd: NIODeadline?
    var keepsClientAlive = true
    /// What is told of it at the end.
    var account = RequestAccount()

    var shared: DataPlaneContext { loop.shared }
    var isShadow: Bool { route.configuration.isShadow }

    init(
        request: HTTPRequestHead, _ target: RequestTarget, _ fields: RequestFields, from origin: RequestOrigin,
        route: Route,
        client: DownstreamHandler, loop: LoopContext, timer: LazyTimer
    ) {
        plan = loop.plan
        self.request = request
        self.target = target
        self.fields = fields
        self.origin = origin
        requestID = origin.requestID ?? RequestID(using: &loop.names)
        self.route = route
        isRequestComplete = !fields.announcesBody
        isWebSocket =
            fields.hasUpgrade && route.configuration.webSockets && Self.asksForWebSocket(request, fields)
        self.client = client
        certificate = client.transport.certificate
        callerPlace = origin.callerPlace
        self.loop = loop
        self.timer = timer
        let start = loop.turn.now
        started = start
        requestEnd = fields.announcesBody ? nil : start
        let own = start + route.deadline
        let callers = fields.timeout.map { start + TimeAmount($0) }
        isDeadlineOfCaller = callers.map { $0 < own } ?? false
        deadline = callers.map { min($0, own) } ?? own
    }

    func begin() {
        shared.counters.inFlight.add(1, ordering: .relaxed)
        if let problem = checkMethodOverride(), !wouldReject(problem) { return answer(problem) }
        if let problem = readKey(), !wouldReject(problem) { return answer(problem) }
        if let problem = identify(), !wouldReject(problem) { return answer(problem) }
        if let problem = admitted() { return answer(problem) }
        if let limit = route.configuration.bodyLimit, let length = fields.contentLength, length > limit {
            let problem = bodyTooLarge(limit)
            if !wouldReject(problem) { return answer(problem) }
        }
        let configuration = plan.configuration
        if !isRequestComplete, configuration.bodyRate > 0 {
            bodyRate = BodyRateMachine(rate: configuration.bodyRate, grace: configuration.bodyGrace, at: started)
        }
        if isShadow {
            if isRequestComplete { watchKey() }
            route.budget.called()
            attempt()
        } else if key != nil {
            phase = .gathering
            armPieceTimer(plan.headerTimeout)
            if isRequestComplete { askForClaim() } else { leavePlaces() }
        } else {
            route.budget.called()
            attempt()
        }
        // Nobody has rejected it, so its body is wanted.
        if fields.expectsContinue, !isRequestComplete, phase != .finished, request.version != .http1_0 {
            client?.writeContinue()
        }
    }

    /// Passes the limits that stand in front of everything else.
    ///
    /// - Returns: Why it is rejected; nil if it is not.
    private func admitted() -> Problem? {
        if let limits = route.rateLimits {
            let caller = limits.configuration.byCaller ? counted(self.caller) : ""
            if let explanation = limits.admit(caller), !wouldReject(explanation) {
                return Problem(.rateLimited, "\(explanation)", explanation: explanation)
            }
        }
        return takePlaces()
    }

    // MARK: The request

    func receivedRequest(_ body: ByteBuffer) {
        bodyRate?.received(body.readableBytes)
        keep(body)
        if isShadow {
            watchBody(body.readableBytes)
        } else if let limit = route.configuration.bodyLimit, receivedBytes > limit {
            return bodyPassed(limit)
        }
        switch phase {
        case .gathering:
            if isKeyed, !isKeptWhole {
                answer(tooMuchToKeep)
            } else if isKeptToBeSent {
                gathered()
            } else {
                armPieceTimer(plan.headerTimeout)
            }
        case .attempting:
            guard let current, let connection = current.connection else { return holdWhileFull() }
            connection.send(body)
            armAttemptTimer(current)
            if !connection.isWritable { holdClient(true) }
        case .waiting:
            holdWhileFull()
        case .relaying, .collecting:
            guard let connection = current?.connection else { return }
            connection.send(body)
            if !connection.isWritable { holdClient(true) }
        // All of a keyed request has come before its claim is asked for.
        case .claiming, .recording: noteImpossible("a piece of the request's body")
        case .finished: break
        }
    }

    /// It goes out with what is kept. Beyond that there is no room: the client waits until there is.
    private func holdWhileFull() {
        if !isKeptWhole { holdClient(true) }
    }

    /// Stops or goes on reading what the client sends. While nobody reads, it cannot be slow.
    func holdClient(_ hold: Bool) {
        if bodyRate != nil, bodyRate?.hold(hold, at: loop.now) == true { armTimer() }
        client?.holdReads(hold)
    }

    func flushRequest() {
        if phase == .attempting || phase == .relaying { current?.connection?.flush() }
    }

    func receivedRequestEnd() {
        guard !isRequestComplete else { return }
        isRequestComplete = true
        requestEnd = loop.turn.now
        bodyRate = nil
        giveUpload()
        if isShadow { watchKey() }
        switch phase {
        case .gathering:
            gathered()
        case .attempting:
            // The clock starts when the request has arrived whole: a slow upload is not the service's slowness.
            if !isDeadlineOfCaller {
                deadline = max(deadline, loop.now + route.deadline)
            }
            guard let current, let connection = current.connection else { return armTimer() }
            connection.sendEnd()
            armAttemptTimer(current)
            startHedging()
        case .relaying, .collecting:
            current?.connection?.sendEnd()
            armTimer()
        case .waiting:
            armTimer()
        case .claiming, .recording: noteImpossible("the request's end")
        case .finished: break
        }
    }

    private func keep(_ body: ByteBuffer) {
        receivedBytes += body.readableBytes
        guard isKeptWhole else { return }
        let all = KeptRoom.ofRequests(plan.configuration.keptBytes, length: receivedBytes)
        if receivedBytes > route.configuration.keptBytes || !hold(body, atMost: all) {
            // What is already on its way when a limit is met need not be kept; what is not yet sent must be.
            let isOnItsWay = current?.connection != nil
            let isAwaited = phase == .attempting || phase == .waiting || (phase == .gathering && !isKeyed)
            guard !isOnItsWay, isAwaited else { return letGo() }
            isKeptToBeSent = true
            heldBytes += body.readableBytes
            shared.kept.require(body.readableBytes)
        }
        kept.append(compacting: body)
        if isKeptToBeSent { holdClient(true) }
    }

    /// Takes room for a piece of a body, if there is any.
    func hold(_ body: ByteBuffer, atMost bound: Int) -> Bool {
        guard shared.kept.take(body.readableBytes, atMost: bound) else { return false }
        heldBytes += body.readableBytes
        return true
    }

    /// Keeps nothing of the request any longer: it is not made again.
    func letGo() {
        isKeptWhole = false
        kept = []
        guard heldBytes > 0 else { return }
        shared.kept.give(heldBytes)
        heldBytes = 0
    }

    // MARK: The end

    /// Answers in the gateway's own name, when nothing of an answer is out yet.
    func answer(_ problem: Problem) {
        var problem = problem
        problem.status = route.configuration.idempotency.profile.status(of: problem.kind)
        problem.record = claimed?.id.description
        if attemptNumber > 1 { problem.attempts = attemptNumber }
        account.answered(problem)
        problem.request = requestID.description
        let client = client
        let body = problem.body
        account.bytesOut = client == nil || request.method == .HEAD ? 0 : body.count
        finish()
        client?.write(
            problem, body, for: request, keepAlive: fields.isKeepAlive && isRequestComplete,
            adding: [(RequestID.explainedField, requestID.description)]
                + route.configuration.idempotency.profile.fields(of: problem.kind))
    }

    /// Ends the answer. The exchange ends first, because the answer's end may bring the client's next request with it.
    func end(keepAlive: Bool) {
        let client = client
        finish()
        client?.writeEnd(keepAlive: keepAlive)
    }

    func abort() {
        account.isAborted = true
        let client = client
        finish()
        client?.abort()
    }

    func finish() {
        guard phase != .finished else { return }
        // Whoever leaves makes room for another who would wait.
        if phase == .claiming { placeInLine?.abandon() }
        probe?.endTurn()
        probe = nil
        phase = .finished
        wait?.cancel()
        wait = nil
        hedgeTimer?.cancel()
        hedgeTimer = nil
        endAttempts(.abandoned)
        bodyRate = nil
        giveUpload()
        letGo()
        collected = []
        place = nil
        endPermit()
        shared.counters.inFlight.subtract(1, ordering: .relaxed)
        timer.set(nil)
        tellEnd()
        guard let client else { return timer.cancel() }
        self.client = nil
        client.exchangeEnded()
    }
}
#endif
