#if Gateway
import Holdfast
import HoldfastHTTP
import HoldfastIdempotency
import Logging
import NIOCore
import NIOHTTP1

/// What a call under a key does when the store has recorded how it ended, or has taken too long.
enum RecordedEnding {
    /// Gives the client the answer.
    ///
    /// - Parameters:
    ///   - isWhole: Whether all of it was collected. Of one that is too large to be kept, the rest is relayed as it comes.
    ///   - isOutcome: Whether it is the key's outcome. Then the client gets it only if it is recorded. What was no success
    ///     is told as it is, whatever the store does.
    case answer(isWhole: Bool, isOutcome: Bool)
    /// Gives the client what the service knew of a key whose outcome was unknown.
    case found(payload: [UInt8]?)
    /// Gives the client a problem: the call has failed without an answer.
    indirect case problem(Problem)
}

/// How a call under a key ends: its answer is collected, the outcome is recorded, and the client is answered when that is
/// durable.
extension Exchange {
    func collect(_ body: ByteBuffer) {
        collected.append(compacting: body)
        collectedBytes += body.readableBytes
        if collectedBytes <= route.configuration.keptBytes, hold(body, atMost: plan.configuration.keptBytes) { return }
        if isProbing { return probeOverflowed() }
        // Too large to keep. What becomes of the key is recorded first; then the client gets it as it comes.
        current?.connection?.holdReads(true)
        settle(isWhole: false)
    }

    /// The service has answered in full.
    func record() {
        if isProbing { return probeAnswered() }
        guard let head = responseHead else { return }
        settle(isWhole: true, keeping: { self.response(head, under: Int(head.status.code)).encoded })
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
    ///   - isWhole: Whether all of it was collected.
    ///   - payload: What is kept of the answer, if it is the outcome; nil if it is too large.
    private func settle(isWhole: Bool, keeping payload: () -> [UInt8]? = { nil }) {
        guard let head = responseHead, let claim = claim.take() else { return }
        let disposition = route.configuration.idempotency.disposition(
            status: Int(head.status.code), hasRetryAfter: head.headers.contains(name: "retry-after"))
        let completion = beginRecording(.answer(isWhole: isWhole, isOutcome: disposition == .keep))
        switch disposition {
        case .keep: claim.complete(payload(), as: .init(status: Int(head.status.code)), completion: completion)
        case .release: claim.release(completion: completion)
        case .unknown:
            becomesUnknown()
            claim.abandon(completion: completion)
        }
    }

    /// A keyed request has failed without an answer.
    func settleClaim(after failure: FailureClass, _ problem: Problem) {
        if isProbing { return probeFailed(problem) }
        guard let claim = claim.take() else { return answer(problem) }
        let completion = beginRecording(.problem(problem))
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

    // MARK: What follows

    /// From here on nothing is called off. The client is answered when the store has, or when the time is over for which
    /// recording is tried; recording goes on all the same.
    ///
    /// - Returns: Takes the store's word, on any thread.
    func beginRecording(_ ending: RecordedEnding) -> Claim.Completion {
        phase = .recording
        self.ending = ending
        armPieceTimer(TimeAmount(shared.engine.configuration.recordingTime))
        let eventLoop = loop.eventLoop
        let exchange = NIOLoopBound(self, eventLoop: eventLoop)
        return { error in eventLoop.execute { exchange.value.recordingEnded(error) } }
    }

    /// - Parameter error: Why nothing is durable yet; nil if it is.
    func recordingEnded(_ error: ClaimStoreError?) {
        guard let ending = ending.take(), phase == .recording else { return }
        switch ending {
        case .answer(_, isOutcome: true) where error != nil: outcomeIsLost(error)
        case .answer(isWhole: true, _): answerCollected()
        case .answer(isWhole: false, _): relayCollected()
        case .found(let payload): foundRecorded(payload, error)
        case .problem(let problem): answer(problem)
        }
    }

    private func answerCollected() {
        guard let head = responseHead else { return }
        relay(head)
        for piece in collected { client?.write(piece) }
        end(keepAlive: keepsClientAlive && isRequestComplete)
    }

    private func relayCollected() {
        guard let head = responseHead else { return }
        relay(head)
        for piece in collected { client?.write(piece) }
        client?.flush()
        collected = []
        switch responseEnd {
        case .whole: end(keepAlive: keepsClientAlive)
        case .broken: abort()
        case nil where client == nil: finish()
        case nil: current?.connection?.holdReads(false)
        }
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
}
#endif
