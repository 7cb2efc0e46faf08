#if Gateway
import Holdfast
import HoldfastHTTP
import HoldfastIdempotency
import Logging
import NIOCore
import NIOHTTP1
import Synchronization

/// What a request with an idempotency key does besides: it asks for the claim before the service sees anything, and
/// answers only after the outcome is durable.
extension Exchange {
    /// What the store is asked about a key.
    struct ClaimSubject {
        let id: RecordID
        let fingerprint: Fingerprint
        /// Whose key it is, for the bounds on callers.
        let caller: String
    }

    /// What another gateway may be at.
    enum Awaited {
        /// A request with the same key.
        case execution
        /// The question how it ended.
        case question
    }

    /// Reads the key of a request that may have one, by its method.
    ///
    /// - Returns: Why the request is to be rejected; nil if it is not.
    func readKey() -> Problem? {
        // Most requests are these, and have none.
        if request.method == .GET || request.method == .HEAD { return nil }
        let configuration = route.configuration.idempotency
        guard configuration.keys != .off, configuration.hasKeys(request.method.rawValue) else { return nil }
        let values = request.headers["idempotency-key"]
        guard let value = values.first else {
            guard configuration.keys == .required else { return nil }
            return Problem(.keyMissing, "\(request.method.rawValue) needs an Idempotency-Key here")
        }
        do throws(ConfigurationError) {
            guard values.count == 1 else {
                throw ConfigurationError(
                    option: "Idempotency-Key", value: "there more than once", allowed: "there once")
            }
            let key = try IdempotencyKey(fieldValue: value)
            try (configuration.rules ?? configuration.profile.keys).check(key)
            self.key = key
        } catch {
            return Problem(.keyInvalid, "\(error)")
        }
        guard operation != nil else { return AmbiguousPath.tooFree.problem }
        let kept = route.configuration.keptBytes
        guard let length = fields.contentLength, length > kept else { return nil }
        return keyedBodyTooLarge
    }

    var keyedBodyTooLarge: Problem {
        let kept = route.configuration.keptBytes
        return Problem(.bodyTooLarge, "with an Idempotency-Key, at most \(kept) bytes can be sent")
    }

    /// Why a request with a key is rejected before it is claimed.
    var tooMuchToKeep: Problem {
        let limit = route.configuration.keptBytes
        guard receivedBytes <= limit else {
            return Problem(.bodyTooLarge, "with an Idempotency-Key, at most \(limit) bytes can be fingerprinted")
        }
        let all = KeptRoom.ofRequests(plan.configuration.keptBytes, length: receivedBytes)
        let explanation = Explanation(
            policy: .bulkhead, name: "kept bytes", state: "full",
            evidence: .concurrency(inFlight: shared.kept.bytes, limit: all, waiting: 0), retryAfter: .seconds(1))
        return Problem(
            .limitReached,
            "nothing was executed: bodies that are kept take all the \(all) bytes that they may, with all requests together",
            explanation: explanation)
    }

    /// What the request says, as far as its repeat has to say the same. All of its body has to be kept.
    var fingerprint: Fingerprint {
        let headers = request.headers
        return RequestFingerprint(
            method: request.method.rawValue, target: target.text, contentTypes: headers["content-type"],
            contentEncodings: headers["content-encoding"],
            fields: route.fingerprintFields.map { .init(name: $0, values: headers[$0]) } + saidMethods
        ).fingerprint(under: shared.secret, body: kept.map(\.readableBytesView))
    }

    func askForClaim() {
        guard let key else { return }
        // A body that comes after the deadline is late, whatever the store would say.
        guard !fields.announcesBody || loop.now < deadline else { return answer(bodyIsLate) }
        phase = .claiming
        storeAsked = loop.now
        let scope = scope
        let subject = ClaimSubject(
            id: shared.secret.recordID(of: key, in: scope), fingerprint: fingerprint, caller: counted(scope.caller))
        claimed = subject
        beginWaiting()
        watchCaller(scope, key, subject.fingerprint)
        askForClaim(takingOver: takeover)
    }

    /// Whoever is asked for from now on may be awaited for so long.
    func beginWaiting() {
        waitsUntil = loop.now + TimeAmount(route.configuration.idempotency.wait)
        armTimer()
    }

    /// What a repeat takes over without asking anybody.
    private var takeover: ClaimCommand.Takeover {
        route.configuration.idempotency.unknown == .rerun ? .anything : .nothing
    }

    /// Asks for the claim, also once more: what is asked about stays the same.
    func askForClaim(takingOver takesOver: ClaimCommand.Takeover) {
        guard let claimed else { return }
        let exchange = NIOLoopBound(self, eventLoop: loop.eventLoop)
        let eventLoop = loop.eventLoop
        let idempotency = route.configuration.idempotency
        let limits = plan.configuration
        let cause = cause()
        let stranger = StrangerOrigin.name(
            of: origin.client, isSaid: limits.keysPerAddress != nil || limits.bytesPerAddress != nil)
        placeInLine = shared.engine.begin(
            claimed.id, fingerprint: claimed.fingerprint, caller: claimed.caller, origin: stranger,
            retention: idempotency.retention, lease: lease, takesOver: takesOver, context: cause.encoded,
            mayWait: idempotency.wait > .zero
        ) { start in
            let handoff = Handoff(start)
            eventLoop.execute {
                guard let start = handoff.take() else { return }
                exchange.value.decided(start)
            }
        }
    }

    /// The time to wait for the claim is over. Where something began under the key, or may begin, the answer is none that
    /// could be taken for "nothing was done".
    func claimIsLate() {
        let isBehindAnother = placeInLine?.isBehindAnother == true
        if probe != nil, !isBehindAnother { return staysUnknown("the store has not answered in time") }
        guard !isKnownToExecute, !isBehindAnother else {
            return answer(Problem(.keyInFlight, "a request with this key has not ended in time"))
        }
        guard storeHadTime else { return answer(bodyIsLate) }
        let words = "the store has not answered in time"
        storeIsUnavailable(words, ClaimStoreError(.failed, words))
    }

    /// Whether it is the store that took the time: it has had a second, or half of all there was. A client that sends the
    /// end of its body at the last moment must not have operators called.
    private var storeHadTime: Bool {
        let half = TimeAmount.nanoseconds((deadline - started).nanoseconds / 2)
        return loop.now - storeAsked >= min(.seconds(1), half)
    }

    /// The client has taken the time that its request had.
    var bodyIsLate: Problem {
        let limit = isDeadlineOfCaller ? "caller's deadline" : "deadline of \(route.configuration.deadline)"
        return Problem(
            .requestTimeout, "nothing was executed: the request's body did not arrive within the \(limit)")
    }

    private func storeIsUnavailable(_ words: String, _ error: ClaimStoreError) {
        shared.logger.warning("the idempotency store did not answer", metadata: logged(error: error))
        answer(Problem(.storeUnavailable, "nothing was executed: \(words)", retryAfter: .seconds(1)))
    }

    /// A keyed request ends within its deadline, so its lease never has to be renewed.
    private var lease: Duration {
        min(.seconds(3_600), route.configuration.deadline * 2 + .seconds(30))
    }

    /// Waits for the end of what another gateway is at, and then asks again.
    func awaitEnd(of awaited: Awaited) {
        guard let id = awaited == .execution ? claimed?.id : probe?.turnID else { return }
        guard loop.now < min(waitsUntil, deadline) else { return answer(inFlight(awaited)) }
        let pause = pace.next()
        let exchange = NIOLoopBound(self, eventLoop: loop.eventLoop)
        let (engine, eventLoop) = (shared.engine, loop.eventLoop)
        // The store's word comes by its own task; the exchange goes on where it lives.
        Task {
            let hasWaited = await engine.awaitEnd(of: id, within: pause)
            eventLoop.execute { exchange.value.endAwaited(of: awaited, hasWaited) }
        }
    }

    /// - Parameter hasWaited: Whether there was a place to wait.
    private func endAwaited(of awaited: Awaited, _ hasWaited: Bool) {
        guard phase == .claiming else { return }
        guard hasWaited else { return answer(inFlight(awaited)) }
        switch awaited {
        case .execution: askForClaim(takingOver: takeover)
        case .question: askForTurn(waits: true)
        }
    }

    /// What is answered when another gateway's end is not awaited any longer.
    private func inFlight(_ awaited: Awaited) -> Problem {
        switch awaited {
        case .execution:
            Problem(.keyInFlight, "a request with this key is being executed", retryAfter: .seconds(1))
        case .question: unknown("the service is being asked how it ended")
        }
    }

    /// What is asked for; nil where spellings that some service takes for the same cannot be told.
    private var operation: Operation? {
        let host = origin.host?.host
        return route.service.configuration.exactPaths
            ? Operation(spelled: target, for: host) : Operation(read: target, for: host)
    }

    /// What the key is unique within. Two hosts may be two tenants' doors to the same service.
    var scope: Scope {
        let operation = (operation ?? Operation(spelled: target, for: origin.host?.host)).description
        let fields = route.scopeFields.map { ($0, request.headers[$0]) }
        return Scope(caller: caller, operation: KeyScope.operation(operation, with: fields))
    }

    private func decided(_ start: consuming IdempotencyEngine.Start) {
        let isWaiting = phase == .claiming
        probe?.endTurn()
        switch consume start {
        case .execute(let claim):
            // The client has left, or was told to come back: nothing has been sent, so the next may execute.
            // Beyond its deadline, it may not send what another may have been let to execute since.
            guard isWaiting, loop.now < deadline else {
                claim.release()
                return isWaiting ? timeIsUp() : ()
            }
            if shared.observer.logsBegins { tellBegin(under: claim.fence) }
            self.claim = consume claim
            route.metrics.claimed()
            route.budget.called()
            attempt()
        case .replay(let payload):
            if isWaiting { replay(payload) }
        case .conflict:
            isKnownToExecute = true
            if isWaiting { awaitEnd(of: .execution) }
        case .full:
            if isWaiting {
                answer(Problem(.keyInFlight, "too many wait for a request with this key", retryAfter: .seconds(1)))
            }
        case .mismatched:
            if isWaiting { answer(keyReused) }
        case .unknown(let fence):
            if isWaiting { outcomeIsUnknown(fence) }
        case .unreadable(let error):
            if isWaiting {
                shared.logger.error("a recorded response cannot be read", metadata: logged(error: error))
                answer(Problem(.responseNotKept, Problem.unreadableDetail))
            }
        case .limited:
            if isWaiting {
                let kept = route.configuration.idempotency.retention
                answer(Problem(.tooManyKeys, Problem.tooManyKeysDetail, retryAfter: kept / 24))
            }
        case .unavailable(let error):
            guard isWaiting else { return }
            guard error.code == .full else { return storeIsUnavailable(error.code.words, error) }
            answer(Problem(.storeFull, Problem.storeFullDetail, retryAfter: Problem.storeFullPause))
        }
    }

    var keyReused: Problem { Problem(.keyReused, Problem.keyReusedDetail) }

    func replay(_ payload: [UInt8]?) {
        guard let payload else {
            return answer(Problem(.responseNotKept, Problem.notKeptDetail))
        }
        let more = route.configuration.idempotency.replayFields
        guard let recorded = RecordedResponse(encoded: payload, adding: more) else {
            shared.logger.error("a recorded response cannot be read", metadata: logged())
            return answer(Problem(.responseNotKept, Problem.unreadableDetail))
        }
        account.replayed(recorded.status)
        let keepsAlive = fields.isKeepAlive
        var headers = HTTPHeaders(recorded.fields.map { ($0.name, $0.value) })
        headers.add(name: "idempotent-replayed", value: "true")
        headers.add(name: RequestID.explainedField, value: requestID.description)
        // A record of the service's own name for the request leads to what was executed.
        if let fieldID, !headers.contains(name: RequestID.field) { headers.add(fieldID) }
        let status = HTTPResponseStatus(statusCode: recorded.status)
        // A 205 says that there is nothing (RFC 9112, section 6.3); a record of one has no bytes.
        let hasBody = HeaderRules.hasBody(status: status, method: request.method)
        if hasBody { headers.add(name: "content-length", value: "\(recorded.body.count)") }
        account.bytesOut = hasBody && client != nil ? recorded.body.count : 0
        HeaderRules.addConnection(to: &headers, for: request, keepAlive: keepsAlive)
        client?.write(HTTPResponseHead(version: .http1_1, status: status, headers: headers))
        if hasBody, !recorded.body.isEmpty { client?.write(ByteBuffer(bytes: recorded.body)) }
        end(keepAlive: keepsAlive)
    }
}

/// Carries a move-only value through a closure that could, for all the compiler knows, be called twice.
final class Handoff: Sendable {
    private let start: Mutex<IdempotencyEngine.Start?>

    init(_ start: consuming IdempotencyEngine.Start) {
        self.start = Mutex(start)
    }

    func take() -> IdempotencyEngine.Start? {
        start.withLock { $0.take() }
    }
}
#endif
