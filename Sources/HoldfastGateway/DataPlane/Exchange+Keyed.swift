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
        let recordID = shared.secret.recordID(of: key, in: scope)
        self.recordID = recordID
        beginWaiting()
        let fingerprint = fingerprint
        watchCaller(scope, key, fingerprint)
        askForClaim(recordID, fingerprint, caller: counted(scope.caller), takesOver: takeover)
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

    private func askForClaim(
        _ recordID: RecordID, _ fingerprint: Fingerprint, caller: String, takesOver: ClaimCommand.Takeover
    ) {
        let exchange = NIOLoopBound(self, eventLoop: loop.eventLoop)
        let eventLoop = loop.eventLoop
        let idempotency = route.configuration.idempotency
        let limits = plan.configuration
        let cause = cause()
        let stranger = StrangerOrigin.name(
            of: origin.client, isSaid: limits.keysPerAddress != nil || limits.bytesPerAddress != nil)
        placeInLine = shared.engine.begin(
            recordID, fingerprint: fingerprint, caller: caller, origin: stranger,
            retention: idempotency.retention, lease: lease, takesOver: takesOver, context: cause.encoded,
            mayWait: idempotency.wait > .zero
        ) { start in
            let handoff = Handoff(start)
            eventLoop.execute {
                guard let start = handoff.take() else { return }
                exchange.value.decided(start) { takesOver in
                    exchange.value.askForClaim(recordID, fingerprint, caller: caller, takesOver: takesOver)
                }
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

    /// Another gateway is at it: its end is awaited, and then it is asked again.
    ///
    /// - Parameter conflict: What is answered when that takes too long.
    func awaitEnd(of recordID: RecordID, orElse conflict: Problem, _ again: @escaping () -> Void) {
        guard loop.now < min(waitsUntil, deadline) else { return answer(conflict) }
        let pause = pauseOfWait
        pauseOfWait = min(pause * 2, .seconds(1))
        let proceed = NIOLoopBound(
            { (hasWaited: Bool) in
                guard self.phase == .claiming else { return }
                if hasWaited { again() } else { self.answer(conflict) }
            }, eventLoop: loop.eventLoop)
        let (engine, eventLoop) = (shared.engine, loop.eventLoop)
        // The store's word comes by its own task; the exchange goes on where it lives.
        Task {
            let hasWaited = await engine.awaitEnd(of: recordID, within: pause)
            eventLoop.execute { proceed.value(hasWaited) }
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

    /// - Parameter again: Asks once more.
    private func decided(
        _ start: consuming IdempotencyEngine.Start, again: @escaping (ClaimCommand.Takeover) -> Void
    ) {
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
            if isWaiting, let recordID {
                let conflict = Problem(
                    .keyInFlight, "a request with this key is being executed", retryAfter: .seconds(1))
                awaitEnd(of: recordID, orElse: conflict) { again(self.takeover) }
            }
        case .full:
            if isWaiting {
                answer(Problem(.keyInFlight, "too many wait for a request with this key", retryAfter: .seconds(1)))
            }
        case .mismatched:
            if isWaiting { answer(keyReused) }
        case .unknown(let fence):
            if isWaiting { outcomeIsUnknown(fence, askAgain: again) }
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

    func collect(_ body: ByteBuffer) {
        collected.append(compacting: body)
        collectedBytes += body.readableBytes
        if collectedBytes <= route.configuration.keptBytes, hold(body, atMost: plan.configuration.keptBytes) { return }
        if isProbing { return probeOverflowed() }
        // Too large to keep. What becomes of the key is recorded first; then the client gets it as it comes.
        current?.connection?.holdReads(true)
        settle { error in
            guard let head = self.responseHead, error == nil else { return self.outcomeIsLost(error) }
            self.relay(head)
            for piece in self.collected { self.client?.write(piece) }
            self.client?.flush()
            self.collected = []
            switch self.responseEnd {
            case .whole: self.end(keepAlive: self.keepsClientAlive)
            case .broken: self.abort()
            case nil where self.client == nil: self.finish()
            case nil: self.current?.connection?.holdReads(false)
            }
        }
    }

    /// The service has answered in full.
    func record() {
        if isProbing { return probeAnswered() }
        guard let head = responseHead else { return }
        settle(keeping: { self.response(head, under: Int(head.status.code)).encoded }) { error in
            if error == nil { self.answerCollected(head) } else { self.outcomeIsLost(error) }
        }
    }

    /// What is kept of an answer that has been gathered.
    func response(_ head: HTTPResponseHead, under status: Int) -> RecordedResponse {
        var body: [UInt8] = []
        body.reserveCapacity(collectedBytes)
        for piece in collected { body.append(contentsOf: piece.readableBytesView) }
        return RecordedResponse(
            status: status, fields: head.headers.map { RecordedResponse.Field(name: $0.name, value: $0.value) },
            body: body, adding: route.configuration.idempotency.replayFields)
    }

    /// Does with the key what the answer says.
    ///
    /// - Parameters:
    ///   - payload: What is kept of the answer, if it is the outcome; nil if it is too large.
    ///   - completion: What follows; with an error if the answer is the outcome, and not recorded.
    private func settle(
        keeping payload: () -> [UInt8]? = { nil }, _ completion: @escaping (ClaimStoreError?) -> Void
    ) {
        guard let head = responseHead, let claim = claim.take() else { return }
        let disposition = route.configuration.idempotency.disposition(
            status: Int(head.status.code), hasRetryAfter: head.headers.contains(name: "retry-after"))
        switch disposition {
        case .keep:
            claim.complete(payload(), as: .init(status: Int(head.status.code)), completion: beginRecording(completion))
        // What was no success is told as it is, whatever the store does.
        case .release: claim.release(completion: beginRecording { _ in completion(nil) })
        case .unknown:
            becomesUnknown()
            claim.abandon(completion: beginRecording { _ in completion(nil) })
        }
    }

    private func answerCollected(_ head: HTTPResponseHead) {
        relay(head)
        for piece in collected { client?.write(piece) }
        end(keepAlive: keepsClientAlive && isRequestComplete)
    }

    /// The service has acted, and the store has not recorded it. The client is not told that all is well: it would not
    /// survive a restart.
    private func outcomeIsLost(_ error: ClaimStoreError?) {
        route.metrics.becameUnknown()
        shared.logger.error(
            "an outcome is not recorded, and its caller was told that it is unknown",
            metadata: logged(error: error))
        answer(Problem(.outcomeUnknown, "the service has answered, but the store has not recorded it"))
    }

    /// A keyed request has failed without an answer.
    func settleClaim(after failure: FailureClass, _ problem: Problem) {
        if isProbing { return probeFailed(problem) }
        guard let claim = claim.take() else { return answer(problem) }
        let completion = beginRecording { _ in self.answer(problem) }
        if case .notSent = failure {
            claim.release(completion: completion)
        } else {
            becomesUnknown()
            claim.abandon(completion: completion)
        }
    }

    /// It ends, and nobody knows what it has done.
    private func becomesUnknown() {
        route.metrics.becameUnknown()
        shared.logger.warning("a request ended, and what it did is unknown: so is its key", metadata: logged())
    }

    /// From here on nothing is called off. The client is answered when the store has, or when the time is over for which
    /// recording is tried; recording goes on all the same.
    ///
    /// - Parameter answer: What follows, once; with an error if nothing is durable yet.
    /// - Returns: Takes the store's word, on any thread.
    func beginRecording(_ answer: @escaping (ClaimStoreError?) -> Void) -> Claim.Completion {
        phase = .recording
        afterRecording = answer
        armPieceTimer(TimeAmount(shared.engine.configuration.recordingTime))
        let eventLoop = loop.eventLoop
        let exchange = NIOLoopBound(self, eventLoop: eventLoop)
        return { error in eventLoop.execute { exchange.value.recordingEnded(error) } }
    }

    func recordingEnded(_ error: ClaimStoreError?) {
        let answer = afterRecording.take()
        if phase == .recording { answer?(error) }
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
