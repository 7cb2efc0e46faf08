#if Gateway
import Holdfast
import HoldfastHTTP
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// One attempt after another: an endpoint whose breaker admits, a connection, the request on its way, and what the
/// retry decides when it fails.
extension Exchange {
    func attempt() {
        switch loop.choose(avoiding: endpoint) {
        case .rejected(let explanation):
            let attempts = attemptNumber
            let detail = "\(explanation)"
            giveUp(
                Problem(.circuitOpen, detail, explanation: explanation, attempts: attempts == 0 ? nil : attempts),
                after: .notSent())
        case .endpoint(let index, let permit):
            attemptNumber += 1
            endpoint = index
            self.permit = consume permit
            shared.endpoints[index].attempts.add(1, ordering: .relaxed)
            if let connection = loop.pool.take(index, fresh: retry.repeatability == .once) {
                start(on: connection)
            } else {
                connect(to: index)
            }
        }
    }

    private func connect(to index: Int) {
        phase = .connecting
        attemptDeadline = nil
        armTimer()
        let number = attemptNumber
        let address = shared.endpoints[index].address
        loop.pool.connect(index, to: address, timeout: shared.configuration.route.attemptTimeout) { result in
            guard self.phase == .connecting, self.attemptNumber == number else {
                if case .success(let connection) = result { self.loop.pool.put(connection) }
                return
            }
            switch result {
            case .success(let connection):
                self.start(on: connection)
            case .failure(let error):
                self.failed(
                    .notSent(), Problem(.upstreamUnreachable, "\(address) cannot be reached: \(Self.reason(error))"))
            }
        }
    }

    private func start(on connection: UpstreamConnection) {
        phase = .awaitingHead
        self.connection = connection
        connection.serve(self)
        let index = connection.endpoint
        let head = HeaderRules.toService(
            request, client: client?.clientAddress, address: shared.endpoints[index].address)
        connection.send(.head(head), flush: !isRequestComplete && kept.isEmpty)
        for (position, body) in kept.enumerated() {
            connection.send(.body(.byteBuffer(body)), flush: !isRequestComplete && position == kept.count - 1)
        }
        // What was kept only because it could not be sent yet is not kept any longer.
        if keptBytes > shared.configuration.route.keptBytes {
            isKeptWhole = false
            kept = []
        }
        if isRequestComplete { connection.send(.end(nil), flush: true) }
        if self.connection === connection, connection.isWritable { client?.holdReads(false) }
        armAttemptTimer()
    }

    /// The attempt failed before anything was answered. The retry decides what follows.
    func failed(_ failure: FailureClass, _ problem: Problem) {
        judge(.failed)
        connection = nil
        guard !retryIfAllowed(after: failure) else { return }
        giveUp(problem, after: failure)
    }

    /// - Returns: Whether another attempt will follow.
    func retryIfAllowed(after failure: FailureClass) -> Bool {
        guard isKeptWhole, phase != .finished else { return false }
        let decision = retry.next(
            after: failure, at: shared.clock.now, admittedAfter: loop.admittedAfter, using: &loop.generator,
            withdraw: { shared.budget.withdraw() })
        guard case .again(let wait) = decision else { return false }
        phase = .waiting
        attemptDeadline = nil
        shared.counters.retries.add(1, ordering: .relaxed)
        self.wait = loop.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(wait)) {
            self.wait = nil
            if self.phase == .waiting { self.attempt() }
        }
        armTimer()
        return true
    }

    func giveUp(_ problem: Problem, after failure: FailureClass) {
        guard claim != nil else { return answer(problem) }
        settleClaim(after: failure, problem)
    }

    func judge(_ verdict: CircuitBreakerMachine.Verdict) {
        guard let permit = permit.take() else { return }
        if let endpoint {
            switch verdict {
            case .succeeded: shared.endpoints[endpoint].succeeded.add(1, ordering: .relaxed)
            case .failed: shared.endpoints[endpoint].failed.add(1, ordering: .relaxed)
            case .declined, .abandoned: break
            }
        }
        permit.ended(verdict)
    }

    private static func reason(_ error: any Error) -> String {
        switch error {
        case let error as IOError: error.description
        case is ChannelError: "it did not answer in time"
        default: "\(error)"
        }
    }
}
#endif
