#if Gateway
import Foundation
import HTTPTypes
import Holdfast
import HoldfastHTTP
import HoldfastIdempotency
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// One attempt after another, or one beside another: an endpoint whose breaker admits, a connection, the request on its
/// way, and what the retry decides when it fails.
extension Exchange {
    /// Why the request may be made again.
    var repeatability: Repeatability {
        guard !isWebSocket else { return .once }
        guard !isProbing else { return .idempotent }
        let byMethod = Repeatability(method: .init(rawValue: request.method.rawValue) ?? .post)
        guard let key, byMethod == .once else { return byMethod }
        return route.configuration.idempotency.isHonouredByService ? .keyed(key) : .once
    }

    func attempt(isHedge: Bool = false) {
        let owner = isHedge ? nil : client?.owner
        let choice = route.service.choose(
            avoiding: tried, preferring: loop.pool.endpoint(of: owner, among: route.service.endpoints),
            for: callerPlace, isWhole: isRequestComplete || !mayGather, at: loop.turn.now, isEnforced: !isShadow,
            in: &loop.choices, using: &loop.generator, hasIdle: { loop.pool.hasIdle($0) },
            wouldReject: { account.wouldHave(.rejected, "\($0)", after: attemptNumber) })
        switch consume choice {
        case .rejected(let explanation):
            guard !isHedge else { return }
            let attempts = attemptNumber == 0 ? nil : attemptNumber
            let told = explanation.named(route.service.name)
            var problem = Problem(.circuitOpen, "\(told)", explanation: told, attempts: attempts)
            problem.cause = Problem.Cause("\(explanation)", explanation: explanation)
            giveUp(problem, after: .notSent())
        case .bodyFirst(let endpoint):
            gatherFirst(for: endpoint)
        case .nowhere:
            guard !isHedge else { return }
            let name = route.service.name
            giveUp(Problem(.upstreamUnreachable, "no address of service '\(name)' is known"), after: .notSent())
        case .heldOut:
            guard !isHedge else { return }
            let attempts = attemptNumber == 0 ? nil : attemptNumber
            var problem = Problem(
                .serviceDrained, "service '\(route.service.name)' is out of service: its operators have said so",
                attempts: attempts)
            problem.cause = Problem.Cause(
                "every endpoint of service '\(route.service.name)' is drained or disabled: 'holdfast admin list' tells by whom, and why"
            )
            giveUp(problem, after: .notSent())
        case .endpoint(let endpoint, let permit, let servicePermit):
            if !isRequestComplete, !takeUpload(to: endpoint) { return gatherFirst(for: endpoint) }
            attemptNumber += 1
            tried.note(endpoint)
            phase = .attempting
            let attempt = UpstreamAttempt(
                attemptNumber, of: self, to: endpoint, isHedge: isHedge, wait: isHedge ? .zero : nextWait,
                permit: permit, servicePermit: servicePermit)
            if current == nil { current = attempt } else { hedges.append(attempt) }
            let connections = route.service.configuration.connections
            guard attempt.takePlace(of: connections) else {
                let explanation = Explanation(
                    policy: .bulkhead, name: endpoint.name, state: "full for this client",
                    evidence: .concurrency(
                        inFlight: endpoint.connections.load(ordering: .relaxed), limit: connections, waiting: 0),
                    retryAfter: .zero)
                return failed(
                    attempt, .notSent(), .abandoned,
                    problem(
                        .limitReached, "has few connections left, and this client most of them", at: endpoint,
                        explanation: explanation, retryAfter: .seconds(1)))
            }
            if let connection = loop.pool.take(endpoint, of: owner)
                ?? loop.pool.take(endpoint, fresh: repeatability == .once)
            {
                start(attempt, on: connection)
            } else {
                connect(attempt)
            }
        }
    }

    private func connect(_ attempt: UpstreamAttempt) {
        armTimer()
        let service = route.service.configuration
        let timeout = min(service.connectTimeout, route.configuration.attemptTimeout)
        let endpoint = attempt.endpoint
        loop.pool.connect(to: endpoint, atMost: service.connections, timeout: TimeAmount(timeout)) { result in
            guard attempt.phase == .connecting, self.phase != .finished else {
                if case .success(let connection) = result { self.loop.pool.put(connection) }
                return
            }
            switch result {
            case .success(let connection):
                self.start(attempt, on: connection)
            case .failure(is UpstreamPool.Full):
                let explanation = Explanation(
                    policy: .bulkhead, name: endpoint.name, state: "full",
                    evidence: .concurrency(inFlight: service.connections, limit: service.connections, waiting: 0),
                    retryAfter: .zero)
                self.failed(
                    attempt, .notSent(), .abandoned,
                    self.problem(
                        .limitReached, "has all its connections in use", at: endpoint, explanation: explanation,
                        retryAfter: .seconds(1)))
            case .failure(is UpstreamPool.NoDescriptor):
                self.failed(
                    attempt, .notSent(), .abandoned,
                    Problem(
                        .limitReached, "there are as many connections to services as there are descriptors for",
                        retryAfter: .seconds(1)))
            case .failure(let error):
                let failure = ConnectionFailure(error)
                self.failed(
                    attempt, .notSent(), Self.isOurOwn(error) ? .abandoned : .failed,
                    self.problem(
                        .upstreamUnreachable, "cannot be reached: \(failure.kind)", at: endpoint,
                        because: "cannot be reached: \(failure.reason)"))
            }
        }
    }

    private func start(_ attempt: UpstreamAttempt, on connection: UpstreamConnection) {
        attempt.use(connection)
        let question = isProbing ? probe : nil
        if fields.authenticatesConnection { connection.carryCredentials() }
        let asked = question?.request ?? request
        let hop = HeaderRules.Hop(
            authority: target.authority, origin: origin,
            writesForwarded: route.service.configuration.forwarded, writesVia: route.service.configuration.via,
            address: attempt.endpoint.identity.place.address,
            timeout: .nanoseconds((deadline - loop.turn.now).nanoseconds), attempt: attempt.number,
            requestID: fieldID, deciding: plan.table.deciding)
        connection.send(asked, question?.request.uri ?? target.text) { output in
            HeaderRules.toService(asked, question?.fields ?? fields, hop, into: &output)
            if isWebSocket { addUpgrade(to: &output) }
        }
        if question == nil { for body in kept { connection.send(body) } }
        // What was kept only because it could not be sent yet is not kept any longer.
        if isKeptToBeSent { letGo() }
        if isRequestComplete { connection.sendEnd() } else { connection.flush() }
        // The answer may have come, or the connection broken, while the request was being written.
        guard attempt.phase == .sent else { return }
        if connection.isWritable { holdClient(false) }
        armAttemptTimer(attempt)
        startHedging()
    }

    // MARK: Failures

    /// A problem with an endpoint. Callers know the service by its name, and need no address inside; operators do.
    ///
    /// - Parameters:
    ///   - words: What it did, for callers.
    ///   - reason: The same for operators, where there is more to it.
    func problem(
        _ kind: Problem.Kind, _ words: String, at endpoint: Endpoint, because reason: String? = nil,
        explanation: Explanation? = nil, retryAfter: Duration? = nil
    ) -> Problem {
        let name = route.service.name
        var problem = Problem(
            kind, "service '\(name)' \(words)", explanation: explanation?.named(name), retryAfter: retryAfter)
        problem.cause = Problem.Cause("\(endpoint.name) \(reason ?? words)", explanation: explanation)
        return problem
    }

    /// An attempt failed before anything was answered. Others go on, or the retry decides what follows.
    func failed(
        _ attempt: UpstreamAttempt, _ failure: FailureClass, _ verdict: Verdict,
        _ problem: Problem, _ ending: UpstreamAttempt.Ending = .over
    ) {
        note(failure)
        account.ended(attempt, problem.kind.rawValue, because: problem.fullDetail)
        remove(attempt, verdict, ending)
        guard current == nil, !retryIfAllowed(after: failure) else { return }
        giveUp(problem, after: failure)
    }

    /// Ends an attempt; one of those beside it takes its place.
    func remove(
        _ attempt: UpstreamAttempt, _ verdict: Verdict, _ ending: UpstreamAttempt.Ending
    ) {
        attempt.end(verdict, ending)
        if attempt === current {
            giveUpload()
            current = hedges.popLast()
        } else {
            hedges.removeAll { $0 === attempt }
        }
        _ = hedging?.ended(succeeded: false)
    }

    /// Ends all attempts.
    func endAttempts(_ verdict: Verdict) {
        current?.end(verdict, .close)
        current = nil
        endHedges()
    }

    /// Those that have lost.
    func endHedges() {
        for attempt in hedges { attempt.end(.abandoned, .close) }
        hedges = []
    }

    func note(_ failure: FailureClass) {
        switch failure {
        case .notSent, .rejected: break
        case .failed, .unknown: mayHaveRun = true
        }
    }

    /// - Returns: Whether another attempt will follow.
    func retryIfAllowed(after failure: FailureClass) -> Bool {
        guard isKeptWhole, phase != .finished else { return false }
        let now = shared.clock.now
        var machine = retry ?? machine(at: now)
        let use: RetryBudget.Use = if case .rejected = failure { .throttledRetry } else { .retry }
        let decision = machine.next(
            after: failure, at: now, admittedAfter: route.service.admittedAfter(callerPlace, at: loop.turn.now),
            using: &loop.generator,
            withdraw: { isShadow || route.budget.withdraw(use) })
        retry = machine
        switch decision {
        case .stop(let reason):
            account.stopped = reason
            return false
        case .again(let wait):
            if isShadow {
                account.wouldHave(.retried, "it is tried again after \(wait)", after: attemptNumber)
                return false
            }
            phase = .waiting
            account.retried()
            route.metrics.retried()
            nextWait = wait
            self.wait = loop.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(wait)) {
                self.wait = nil
                if self.phase == .waiting { self.attempt() }
            }
            armTimer()
            return true
        }
    }

    private func machine(at now: MonotonicInstant) -> RetryMachine {
        let left = Duration.nanoseconds((deadline - loop.now).nanoseconds)
        return RetryMachine(
            configuration: route.configuration.retry, repeatability: repeatability, deadline: now.advanced(by: left),
            isRetriedAbove: fields.attempt > 1)
    }

    func giveUp(_ problem: Problem, after failure: FailureClass) {
        if isProbing { return probeFailed(problem) }
        guard claim != nil else { return answer(problem) }
        settleClaim(after: mayHaveRun ? .unknown : failure, problem)
    }

    /// Whether this machine has no descriptor or no port left. That says nothing about the service.
    private static func isOurOwn(_ error: any Error) -> Bool {
        guard let error = error as? IOError else { return false }
        return error.isLackOfRoom || error.errnoCode == EADDRNOTAVAIL
    }

    // MARK: Hedges

    /// Once the request is out whole, another attempt may be sent beside it when the first takes long.
    func startHedging() {
        guard let hedge = route.hedge, hedging == nil, isRequestComplete, isKeptWhole, !isShadow, !isProbing,
            repeatability != .once, fields.attempt == 1
        else { return }
        hedging = HedgeMachine(hedges: hedge.configuration.hedges)
        setHedgeTimer(hedge)
    }

    private func setHedgeTimer(_ hedge: Hedge) {
        hedgeTimer = loop.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(hedge.delay)) {
            self.hedgeTimer = nil
            guard self.phase == .attempting, var machine = self.hedging else { return }
            let decision = machine.delayPassed(withdraw: { self.route.budget.withdraw(.hedge) })
            self.hedging = machine
            guard case .send = decision else { return }
            self.account.hedged()
            self.route.metrics.hedged()
            self.attempt(isHedge: true)
            if machine.mayHedge { self.setHedgeTimer(hedge) }
        }
    }
}
#endif
