public import Holdfast
import Synchronization

extension IdempotencyEngine {
    /// Executes the work once under its key, and answers every repeat with what it returned.
    ///
    /// ```swift
    /// let receipt = try await engine.run(key, in: Scope(caller: tenant, operation: "charges"), saying: [body]) { execution in
    ///     try await bank.charge(order, key: execution.key(for: "charge"))
    /// }
    /// ```
    ///
    /// While the work runs, its lease is prolonged. Recording what it returned is shielded from the caller's
    /// cancellation, and tried again while the store fails.
    ///
    /// - Parameters:
    ///   - scope: What the key is unique within.
    ///   - parts: What the request says. The same key with other parts is refused.
    ///   - coding: How what the work returns is kept.
    ///   - policy: What is done about duplicates, failures and the unknown.
    ///   - work: Runs at most once here. What it throws is thrown as it is.
    /// - Throws: ``IdempotencyError``; `CancellationError` when the caller is cancelled while it waits for another.
    nonisolated(nonsending) public func run<Value: Sendable>(
        _ key: IdempotencyKey, in scope: Scope, saying parts: [[UInt8]], coding: OutcomeCoding<Value>,
        policy: IdempotencyPolicy<Value> = IdempotencyPolicy(),
        _ work: nonisolated(nonsending) (Execution) async throws -> Value
    ) async throws -> Executed<Value> {
        let secret: StoreSecret
        do { secret = try await store.secret() } catch {
            throw IdempotencyError.unavailable(error as? ClaimStoreError ?? ClaimStoreError(.failed, "\(error)"))
        }
        return try await run(
            secret.recordID(of: key, in: scope), key: key, caller: scope.caller,
            fingerprint: secret.fingerprint(of: parts), coding: coding,
            policy: policy, work)
    }

    /// The same, for what is kept as JSON.
    nonisolated(nonsending) public func run<Value: Sendable & Codable>(
        _ key: IdempotencyKey, in scope: Scope, saying parts: [[UInt8]],
        policy: IdempotencyPolicy<Value> = IdempotencyPolicy(),
        _ work: nonisolated(nonsending) (Execution) async throws -> Value
    ) async throws -> Executed<Value> {
        try await run(key, in: scope, saying: parts, coding: .json, policy: policy, work)
    }

    nonisolated(nonsending) func run<Value: Sendable>(
        _ id: RecordID, key: IdempotencyKey, caller: String, fingerprint: Fingerprint, coding: OutcomeCoding<Value>,
        policy: IdempotencyPolicy<Value>, _ work: nonisolated(nonsending) (Execution) async throws -> Value
    ) async throws -> Executed<Value> {
        try require("wait", policy.wait, in: .zero ... .seconds(3_600))
        if let retention = policy.retention {
            try require("retention", retention, in: .seconds(60) ... .seconds(365 * 86_400))
        }
        var takesOver: ClaimCommand.Takeover = if case .rerun = policy.unknown { .anything } else { .nothing }
        while true {
            switch try await start(id, fingerprint, caller, policy.retention, takesOver: takesOver, wait: policy.wait) {
            case .execute(let held):
                return Executed(
                    value: try await execute(held, id, caller, coding, policy, work), isReplay: false)
            case .replay(let payload):
                guard let payload else { throw IdempotencyError.notKept }
                do { return Executed(value: try coding.decode(payload), isReplay: true) } catch {
                    throw IdempotencyError.unreadable("\(error)")
                }
            case .inFlight: throw IdempotencyError.inFlight
            case .mismatched: throw IdempotencyError.mismatched
            case .limited: throw IdempotencyError.limited
            case .unavailable(let error): throw IdempotencyError.unavailable(error)
            case .unknown(let fence):
                guard case .probe(let probe) = policy.unknown else { throw IdempotencyError.unknown(id, fence: fence) }
                switch try await probe(key) {
                case .unknown:
                    throw IdempotencyError.unknown(id, fence: fence)
                case .nothing:
                    // Of several who found this out, the first takes over; the others meet a higher fence.
                    takesOver = .fence(fence)
                case .completed(let value):
                    do {
                        try await resolve(
                            id, fence: fence, as: .completed(payload: try coding.encode(value)),
                            by: configuration.owner, why: "probed")
                    } catch let error as ClaimStoreError where error.code == .lost {
                        // Somebody else has resolved it meanwhile, and that is what counts.
                        continue
                    }
                    return Executed(value: value, isReplay: true)
                }
            }
        }
    }

    // MARK: Beginning

    /// What a caller is to do, as something that can be handed on.
    private enum Beginning: Sendable {
        case execute(Held)
        case replay([UInt8]?)
        case inFlight
        case mismatched
        case unknown(fence: Int64)
        case limited
        case unavailable(ClaimStoreError)
    }

    /// A claim that has not been used up.
    private final class Held: Sendable {
        private let claim: Mutex<Claim?>
        let fence: Int64

        init(_ claim: consuming Claim) {
            fence = claim.fence
            self.claim = Mutex(consume claim)
        }

        func take() -> Claim? { claim.withLock { $0.take() } }
    }

    /// Where a decision meets the caller who waits for it, or has left.
    private final class Arrival: Sendable {
        private enum State {
            case empty
            case waiting(CheckedContinuation<Beginning, any Error>)
            case decided(Beginning)
            case left
        }

        private let state = Mutex(State.empty)

        func decide(_ start: consuming Start) {
            let beginning: Beginning
            switch consume start {
            case .execute(let claim): beginning = .execute(Held(claim))
            case .replay(let payload): beginning = .replay(payload)
            case .conflict: beginning = .inFlight
            case .mismatched: beginning = .mismatched
            case .unknown(let fence): beginning = .unknown(fence: fence)
            case .limited: beginning = .limited
            case .unavailable(let error): beginning = .unavailable(error)
            }
            let (waiting, hasLeft) = state.withLock { state -> (CheckedContinuation<Beginning, any Error>?, Bool) in
                switch state {
                case .waiting(let continuation):
                    state = .left
                    return (continuation, false)
                case .left:
                    return (nil, true)
                case .empty, .decided:
                    state = .decided(beginning)
                    return (nil, false)
                }
            }
            waiting?.resume(returning: beginning)
            // Nothing was done under the claim of a caller who has left.
            if hasLeft, case .execute(let held) = beginning, let claim = held.take() { claim.release() }
        }

        func beginning() async throws -> Beginning {
            try await withTaskCancellationHandler {
                try await withCheckedThrowingContinuation { continuation in
                    let now = state.withLock { state -> Result<Beginning, any Error>? in
                        switch state {
                        case .decided(let beginning):
                            state = .left
                            return .success(beginning)
                        case .left:
                            return .failure(CancellationError())
                        case .empty, .waiting:
                            state = .waiting(continuation)
                            return nil
                        }
                    }
                    if let now { continuation.resume(with: now) }
                }
            } onCancel: {
                let waiting = state.withLock { state -> CheckedContinuation<Beginning, any Error>? in
                    switch state {
                    case .waiting(let continuation):
                        state = .left
                        return continuation
                    case .empty:
                        state = .left
                        return nil
                    case .decided, .left:
                        return nil
                    }
                }
                waiting?.resume(throwing: CancellationError())
            }
        }
    }

    private func start(
        _ id: RecordID, _ fingerprint: Fingerprint, _ caller: String, _ retention: Duration?,
        takesOver: ClaimCommand.Takeover, wait: Duration
    ) async throws -> Beginning {
        guard wait > .zero else {
            return try await once(id, fingerprint, caller, retention, takesOver: takesOver, mayWait: false)
        }
        let end = clock.now.advanced(by: wait)
        do {
            return try await withDeadline(end, clock: clock) {
                // Another process executes it. Where the store is not told of the end, it is asked, less and less often.
                var pause = Duration.milliseconds(20)
                while true {
                    let beginning = try await once(
                        id, fingerprint, caller, retention, takesOver: takesOver, mayWait: true)
                    guard case .inFlight = beginning else { return beginning }
                    try await store.awaitEnd(of: id, within: pause, on: clock)
                    pause = min(pause * 2, .seconds(1))
                }
            }
        } catch let error as TimeoutError where error.limit.instant == end {
            return .inFlight
        }
    }

    private func once(
        _ id: RecordID, _ fingerprint: Fingerprint, _ caller: String, _ retention: Duration?,
        takesOver: ClaimCommand.Takeover, mayWait: Bool
    ) async throws -> Beginning {
        let arrival = Arrival()
        begin(
            id, fingerprint: fingerprint, caller: caller, retention: retention, takesOver: takesOver, mayWait: mayWait
        ) {
            arrival.decide($0)
        }
        return try await arrival.beginning()
    }

    // MARK: Executing

    nonisolated(nonsending) private func execute<Value: Sendable>(
        _ held: Held, _ id: RecordID, _ caller: String, _ coding: OutcomeCoding<Value>,
        _ policy: IdempotencyPolicy<Value>,
        _ work: nonisolated(nonsending) (Execution) async throws -> Value
    ) async throws -> Value {
        let renewal = Task { await keepLease(of: id, fence: held.fence) }
        defer { renewal.cancel() }
        let value: Value
        do {
            value = try await work(Execution(fence: held.fence, engine: self, id: id, caller: caller))
        } catch {
            let effect = policy.effect(error)
            _ = await ending(held) { claim, ended in
                switch effect {
                case .none: claim.release(completion: ended)
                case .unknown: claim.abandon(completion: ended)
                }
            }
            throw error
        }
        // What cannot be encoded was executed all the same.
        let payload = try? coding.encode(value)
        let failure = await ending(held) { claim, ended in claim.complete(payload, completion: ended) }
        if failure != nil { throw IdempotencyError.unknown(id, fence: held.fence) }
        return value
    }

    /// Ends a claim, and waits until that is durable, whether or not the caller is cancelled meanwhile.
    nonisolated(nonsending) private func ending(
        _ held: Held, _ end: (consuming Claim, @escaping Claim.Completion) -> Void
    ) async -> ClaimStoreError? {
        await withCheckedContinuation { continuation in
            guard let claim = held.take() else { return continuation.resume(returning: nil) }
            end(claim) { continuation.resume(returning: $0) }
        }
    }

    /// Prolongs the lease each time a third of it is over, so that two failures in a row do no harm.
    private func keepLease(of id: RecordID, fence: Int64) async {
        while true {
            do { try await clock.sleep(for: configuration.lease / 3) } catch { return }
            do { try await renew(id, fence: fence) } catch {
                if Task.isCancelled { return }
                tell(.renewalFailed(id, fence: fence, error))
                if error.code == .lost { return }
            }
        }
    }
}
