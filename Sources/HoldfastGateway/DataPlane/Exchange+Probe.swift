#if Gateway
import Holdfast
import HoldfastHTTP
import HoldfastIdempotency
import NIOCore
import NIOHTTP1
import Synchronization

/// What a repeat does about a key whose outcome is unknown, where the service can be asked.
///
/// ```
///  unknown ─▶ the turn to ask ─▶ GET ─┬▶ 2xx: recorded under the fence that was asked about ─▶ replay
///                 │ another's         ├▶ 404, and it is settled: claimed over that fence ─▶ execute
///                 ▼                   └▶ all else: refused, with the time to come again
///             await its end ─▶ ask for the key's claim again, and take what was found
/// ```
///
/// The question is an attempt like any other: an endpoint whose breaker admits, retries, the attempt timeout, and the
/// deadline of the request that asks. While it is asked, nothing has been executed, so a client that leaves calls it off.
extension Exchange {
    /// Whether the attempts are at the question, and not at the request.
    var isProbing: Bool { probe?.isAsking ?? false }

    func outcomeIsUnknown(_ fence: Int64) {
        let idempotency = route.configuration.idempotency
        guard let configuration = idempotency.probe, let key, let claimed else {
            return answer(Problem(.outcomeUnknown, Problem.outcomeUnknownDetail))
        }
        // Whoever has asked, or has waited for another who did, takes what was found.
        guard probe == nil else { return staysUnknown("the service was asked a moment ago, and could not tell") }
        let pattern = route.configuration.match.path
        guard let target = configuration.path.target(asking: key, path: target.path, of: pattern) else {
            return staysUnknown("the key cannot be asked about: as part of a path, it would lead to another")
        }
        let scope = Scope(caller: "holdfast", operation: "probe")
        let turn = shared.secret.recordID(of: IdempotencyKey(unchecked: "\(claimed.id)"), in: scope)
        probe = OutcomeProbe(
            configuration, fence: fence, request: OutcomeProbe.question(target, for: request), turnID: turn)
        askForTurn(waits: false)
    }

    // MARK: The turn

    func askForTurn(waits: Bool) {
        guard let probe else { return }
        let left = Duration.nanoseconds((deadline - loop.now).nanoseconds)
        let exchange = NIOLoopBound((self, probe), eventLoop: loop.eventLoop)
        let eventLoop = loop.eventLoop
        // A turn is nobody's key: it has a caller of its own, so that it counts against no one's bound.
        placeInLine = shared.engine.begin(
            probe.turnID, fingerprint: shared.secret.fingerprint(of: []), caller: "\(probe.turnID)",
            retention: IdempotencyEngine.retentions.lowerBound,
            lease: min(max(left, .zero) + .seconds(1), IdempotencyEngine.leases.upperBound), takesOver: .anything,
            mayWait: waits
        ) { start in
            let handoff = Handoff(start)
            eventLoop.execute {
                guard let start = handoff.take() else { return }
                let (exchange, probe) = exchange.value
                exchange.turnDecided(start, probe, hasWaited: waits)
            }
        }
    }

    private func turnDecided(_ start: consuming IdempotencyEngine.Start, _ probe: OutcomeProbe, hasWaited: Bool) {
        let isWaiting = phase == .claiming
        switch consume start {
        case .execute(let turn):
            guard isWaiting, !hasWaited else {
                turn.release()
                if isWaiting { askForClaim(takingOver: .nothing) }
                return
            }
            probe.take(turn)
            probe.isAsking = true
            account.isProbing = true
            route.budget.called()
            attempt()
        case .conflict where !hasWaited && route.configuration.idempotency.wait > .zero:
            if isWaiting { askForTurn(waits: true) }
        case .conflict:
            if isWaiting { awaitEnd(of: .question) }
        default:
            // Of the others only `full` and `unavailable` can be: a turn is taken over whatever became of it.
            if isWaiting { staysUnknown("the service was not asked: the store did not give the turn to ask") }
        }
    }

    // MARK: The answer

    /// The service has answered in full.
    func probeAnswered() {
        guard let probe, let head = responseHead else { return }
        let status = Int(head.status.code)
        let response = response(head, under: probe.configuration.status ?? status)
        endQuestion()
        switch status {
        // A part of it is not it; nothing but the whole was asked for.
        case 206: staysUnknown("the service, asked how it ended, answered with a part")
        case 200...299: happened(probe.fence, probe.configuration.replaysAnswer ? response.encoded : nil)
        case 404: notFound(probe)
        default:
            staysUnknown(
                "the service, asked how it ended, answered \(status)", retryAfter: Self.retryAfter(head))
        }
    }

    /// The service has it, and what it says of it is too large to be kept.
    func probeOverflowed() {
        guard let probe else { return }
        if let current { remove(current, .succeeded, .close) }
        endQuestion()
        happened(probe.fence, nil)
    }

    /// The service could not be asked, or broke off its answer.
    func probeFailed(_ problem: Problem) {
        endQuestion()
        let words = "the service could not be asked how it ended"
        let cause = problem.cause.map {
            Problem.Cause(unknown("\(words): \($0.detail)").detail, explanation: $0.explanation)
        }
        staysUnknown(
            "\(words): \(problem.detail)", retryAfter: problem.retryAfter, explanation: problem.explanation,
            cause: cause)
    }

    /// Ends the question, and lets go of what was gathered of its answer. What comes now begins anew.
    private func endQuestion() {
        probe?.isAsking = false
        account.isProbing = false
        account.bytesOut = 0
        (collected, collectedBytes, responseHead, pieceDeadline) = ([], 0, nil, nil)
        (retry, attemptNumber, nextWait, tried, mayHaveRun) = (nil, 0, .zero, TriedEndpoints(), false)
    }

    private func happened(_ fence: Int64, _ payload: [UInt8]?) {
        guard let id = claimed?.id else { return }
        // From here on it is brought to its end, whether or not somebody waits for it.
        let completion = beginRecording(.found(payload: payload))
        let engine = shared.engine
        let retention = route.configuration.idempotency.retention
        Task {
            var failure: ClaimStoreError?
            do throws(ClaimStoreError) {
                try await engine.resolve(
                    id, fence: fence, as: .completed(payload: payload), retention: retention,
                    by: engine.configuration.owner, why: "probed")
            } catch { failure = error }
            completion(failure)
        }
    }

    /// What the service knew is recorded, or is not.
    func foundRecorded(_ payload: [UInt8]?, _ error: ClaimStoreError?) {
        switch error?.code {
        case nil:
            probe?.found(.completed, in: route.metrics)
            replay(payload)
        case .lost?:
            // Somebody else has resolved it meanwhile, and that is what counts.
            guard client != nil else { return finish() }
            claimAgain(.nothing)
        default: staysUnknown("the service has it, and the store did not record that")
        }
    }

    /// A 404 says nothing while the service may still be at work on the first request.
    private func notFound(_ probe: OutcomeProbe) {
        guard let id = claimed?.id else { return }
        phase = .claiming
        beginWaiting()
        let (engine, eventLoop) = (shared.engine, loop.eventLoop)
        let proceed = NIOLoopBound({ self.looked(probe, $0) }, eventLoop: eventLoop)
        Task {
            let record = try? await engine.explain(id)
            eventLoop.execute { proceed.value(record) }
        }
    }

    private func looked(_ probe: OutcomeProbe, _ record: ClaimSummary?) {
        guard phase == .claiming else { return }
        guard let record else { return staysUnknown("the store did not tell how long ago it began") }
        let deadline = route.configuration.deadline
        let left = OutcomeProbe.unsettled(
            record, fence: probe.fence, deadline: deadline, settle: probe.configuration.settle ?? deadline)
        guard left == .zero else {
            return staysUnknown(
                "the service does not know it, but may still be at work on it", retryAfter: left)
        }
        probe.found(.nothing, in: route.metrics)
        claimAgain(.fence(probe.fence))
    }

    /// The turn goes on until the store has decided, so that nobody asks in between.
    private func claimAgain(_ takesOver: ClaimCommand.Takeover) {
        phase = .claiming
        beginWaiting()
        askForClaim(takingOver: takesOver)
    }

    // MARK: The refusal

    /// It is the same problem as where nobody is asked, and never 503: whoever takes a 503 for "nothing was done" and
    /// turns elsewhere would have it done twice.
    func staysUnknown(
        _ words: String, retryAfter: Duration? = nil, explanation: Explanation? = nil, cause: Problem.Cause? = nil
    ) {
        probe?.found(.unknown, in: route.metrics)
        var problem = unknown(words, retryAfter: retryAfter, explanation: explanation)
        problem.cause = cause
        answer(problem)
    }

    func unknown(
        _ words: String, retryAfter: Duration? = nil, explanation: Explanation? = nil
    ) -> Problem {
        Problem(
            .outcomeUnknown, "a request with this key began, and nobody knows how it ended; \(words)",
            explanation: explanation, retryAfter: min(max(retryAfter ?? .zero, .seconds(1)), .seconds(3_600)))
    }
}
#endif
