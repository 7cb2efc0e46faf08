#if Gateway
import Holdfast
import HoldfastHTTP
import HoldfastIdempotency
import NIOCore
import NIOHTTP1

/// What goes wrong on its own: time runs out, a side leaves.
extension Exchange {
    /// - Parameter unreadable: What is wrong with its answer, if the connection ended for that.
    func serviceClosed(_ attempt: UpstreamAttempt, _ unreadable: String?) {
        let reason =
            unreadable.map { "the answer cannot be read: \($0)" }
            ?? "the service closed the connection before the end of its answer"
        switch phase {
        case .attempting:
            failed(
                attempt, .unknown, .failed,
                reset("closed the connection before it answered", attempt.endpoint, unreadable))
        case .collecting:
            brokeOff(attempt, reason)
            remove(attempt, .failed, .over)
            settleClaim(after: .unknown, reset("broke off its answer", attempt.endpoint, unreadable))
        case .relaying:
            brokeOff(attempt, isClientBehind ? "\(reason), while the client did not take it" : reason)
            remove(attempt, verdictOfRelaying, .over)
            // Part of the answer is out. Breaking the connection is the only way to say that it is not whole.
            abort()
        case .recording:
            brokeOff(attempt, reason)
            remove(attempt, .failed, .over)
            responseEnd = .broken
        // An attempt that is over has no exchange any more.
        case .gathering, .claiming, .waiting, .finished: noteImpossible("the end of a service's connection")
        }
    }

    private func reset(_ words: String, _ endpoint: Endpoint, _ unreadable: String?) -> Problem {
        guard let unreadable else { return problem(.upstreamReset, words, at: endpoint) }
        let words = "sent an answer that cannot be read"
        return problem(.upstreamReset, words, at: endpoint, because: "\(words): \(unreadable)")
    }

    /// What the client sends is not HTTP any longer.
    func requestBroke(_ problem: Problem) {
        switch phase {
        case .gathering, .waiting, .attempting:
            // Its end is still to come, so it has no claim yet, and the service has not had it whole.
            endAttempts(.abandoned)
            answer(problem)
        case .claiming, .relaying, .collecting, .recording, .finished:
            brokeOff(current, problem.detail)
            abort()
        }
    }

    /// A body that streams has grown beyond what the route allows.
    func bodyPassed(_ limit: Int) {
        let problem = bodyTooLarge(limit)
        switch phase {
        case .gathering, .waiting, .attempting:
            endAttempts(.abandoned)
            answer(problem)
        case .relaying, .collecting:
            brokeOff(current, problem.detail)
            abort()
        case .claiming, .recording: noteImpossible("a body that is too large")
        case .finished: break
        }
    }

    func bodyTooLarge(_ limit: Int) -> Problem {
        Problem(.bodyTooLarge, "at most \(limit) bytes can be sent here")
    }

    /// The client has left. What was begun under a key is brought to its end and recorded; the rest is called off.
    func clientClosed() {
        client = nil
        if claim != nil || phase == .recording {
            timer.onFire = { [unowned self] in timeIsUp() }
            return current?.connection?.holdReads(false) ?? ()
        }
        guard phase != .finished else { return }
        if phase == .relaying { brokeOff(current, "the client's connection ended before the answer did") }
        account.isAborted = true
        finish()
    }

    func clientBecameWritable() {
        current?.connection?.holdReads(false)
        // The service could not be heard until now: its silence begins here.
        if phase == .relaying { armPieceTimer(route.streamTimeout) }
    }

    /// The client's time begins, and the service's rests.
    func clientFellBehind() {
        if phase == .relaying { armTimer() }
    }

    func serviceBecameWritable() {
        if let connection = current?.connection, connection.isWritable { holdClient(false) }
    }

    func timeIsUp() {
        let now = loop.now
        switch bodyRate?.judge(at: now) {
        case .tooSlow?:
            let rate = plan.configuration.bodyRate
            return requestBroke(
                Problem(.requestTimeout, "the request's body came slower than \(rate) bytes a second"))
        case .enough? where phaseDeadline.map { now < $0 } ?? true: return armTimer()
        case .early?, .enough?, nil: break
        }
        let isCall = now >= deadline
        let limit = isCall ? route.configuration.deadline : route.configuration.attemptTimeout
        let name =
            isCall ? (isDeadlineOfCaller ? "caller's deadline" : "deadline of \(limit)") : "attempt timeout of \(limit)"
        let problem = Problem(.deadline, "no answer within the \(name)", attempts: attemptNumber)
        // A deadline that the caller chose says nothing about the service.
        let verdict: Verdict = isCall && isDeadlineOfCaller ? .abandoned : .failed
        switch phase {
        case .gathering:
            let late = Problem(.requestTimeout, "the request's body did not arrive in time")
            answer(isCall && isKeyed ? bodyIsLate : late)
        case .claiming where !isCall && placeInLine?.leave() != true:
            // It is the store that takes its time, or another gateway, of which somebody else keeps count.
            timer.set(deadline)
        case .claiming:
            claimIsLate()
        case .waiting:
            giveUp(problem, after: .notSent())
        case .attempting where isClientSlow:
            // The service waits for the client, as we do: the client's connection has a limit of its own for that.
            endAttempts(.abandoned)
            answer(Problem(.requestTimeout, "the request's body did not arrive in time"))
        case .attempting where isCall:
            if ([current].compactMap { $0 } + hedges).contains(where: { $0.phase != .connecting }) { note(.unknown) }
            if let current { account.ended(current, "deadline") }
            endAttempts(verdict)
            giveUp(problem, after: .notSent())
        case .attempting:
            for attempt in [current].compactMap({ $0 }) + hedges {
                guard phase == .attempting, let limit = attempt.deadline, now >= limit else { continue }
                failed(attempt, .unknown, .failed, problem, .close)
            }
            armTimer()
        case .collecting:
            brokeOff(current, problem.detail)
            // The service has answered, and has not come to an end: a stream may be what was asked for.
            endAttempts(.abandoned)
            settleClaim(after: .unknown, problem)
        case .relaying:
            guard !isGoingOn else { return armTimer() }
            let (who, limit) =
                isClientBehind
                ? ("the client took", plan.configuration.clientTimeout)
                : ("the service sent", route.configuration.streamTimeout)
            brokeOff(current, "\(who) nothing of the answer for \(limit)")
            // That a stream has nothing to say is no failure of its service, which has answered.
            endAttempts(.abandoned)
            abort()
        case .recording:
            let limit = shared.engine.configuration.recordingTime
            recordingEnded(ClaimStoreError(.failed, "it has not answered within \(limit), and is still being told"))
        case .finished:
            break
        }
    }

    private var isClientSlow: Bool {
        !isRequestComplete && client != nil && current?.connection?.isWritable == true
    }

    private var isClientBehind: Bool { client?.isWritable == false }

    /// Whether what is awaited of the answer has come: of the client that it takes, or else of the service that it sends.
    private var isGoingOn: Bool {
        guard let client, isClientBehind else { return pieceDeadline.map { loop.now < $0 } ?? false }
        return client.goesOnTaking
    }

    /// A client that does not take its answer says nothing about the service, which may have lost patience with it.
    private var verdictOfRelaying: Verdict { isClientBehind ? .abandoned : .failed }

    // MARK: Timers

    func armAttemptTimer(_ attempt: UpstreamAttempt) {
        attempt.deadline = loop.turn.now + route.attemptTimeout
        armTimer()
    }

    func armPieceTimer(_ limit: TimeAmount) {
        pieceDeadline = loop.turn.now + limit
        armTimer()
    }

    func armTimer() {
        guard let ofBody = bodyRate?.deadline else { return timer.set(phaseDeadline) }
        timer.set(phaseDeadline.map { min($0, ofBody) } ?? ofBody)
    }

    private var phaseDeadline: NIODeadline? {
        switch phase {
        case .relaying where isClientBehind:
            return client?.pace?.deadline
        case .relaying, .recording:
            // A body may be long. It may not be silent.
            return pieceDeadline
        case .gathering where !isKeyed:
            return pieceDeadline
        case .gathering, .collecting:
            return pieceDeadline.map { min($0, deadline) } ?? deadline
        case .attempting:
            var limit = current?.deadline
            for hedge in hedges { limit = [limit, hedge.deadline].compactMap { $0 }.min() }
            // While the request is still coming, its end starts the clock of the call.
            guard isRequestComplete else { return limit ?? deadline }
            return limit.map { min($0, deadline) } ?? deadline
        case .claiming:
            return min(waitsUntil, deadline)
        case .waiting:
            return deadline
        case .finished:
            return nil
        }
    }
}
#endif
