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
    ///   - key: The caller's name for this one effect. Every repeat carries the same.
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
        try await run(
            key, in: scope, fingerprint: { $0.fingerprint(of: parts) }, coding: coding, policy: policy, work)
    }

    /// The same, where what the request says is not a list of parts.
    ///
    /// - Parameters:
    ///   - key: The caller's name for this one effect.
    ///   - scope: What the key is unique within.
    ///   - fingerprint: What the request says, hashed under the store's secret. The same key with another fingerprint
    ///     is refused.
    ///   - coding: How what the work returns is kept.
    ///   - policy: What is done about duplicates, failures and the unknown.
    ///   - work: Runs at most once here. What it throws is thrown as it is.
    nonisolated(nonsending) public func run<Value: Sendable>(
        _ key: IdempotencyKey, in scope: Scope, fingerprint: (StoreSecret) -> Fingerprint, coding: OutcomeCoding<Value>,
        policy: IdempotencyPolicy<Value> = IdempotencyPolicy(),
        _ work: nonisolated(nonsending) (Execution) async throws -> Value
    ) async throws -> Executed<Value> {
        try requireName(scope.caller, of: "the scope's caller", suchAs: "anonymous")
        try requireName(scope.operation, of: "the scope's operation", suchAs: "charge")
        let secret: StoreSecret
        do { secret = try await store.secret() } catch {
            throw IdempotencyError.unavailable(error as? ClaimStoreError ?? ClaimStoreError(.failed, "\(error)"))
        }
        if let retention = policy.retention { try require("retention", retention, in: Self.retentions) }
        let subject = Subject(
            id: secret.recordID(of: key, in: scope), key: key, caller: scope.caller,
            root: ChildKeys(of: key, in: scope), fingerprint: fingerprint(secret),
            terms: Terms(lease: configuration.lease, retention: policy.retention ?? configuration.retention))
        return try await run(subject, coding: coding, policy: policy, work)
    }

    /// The same, for what is kept as JSON.
    nonisolated(nonsending) public func run<Value: Sendable & Codable>(
        _ key: IdempotencyKey, in scope: Scope, saying parts: [[UInt8]],
        policy: IdempotencyPolicy<Value> = IdempotencyPolicy(),
        _ work: nonisolated(nonsending) (Execution) async throws -> Value
    ) async throws -> Executed<Value> {
        try await run(key, in: scope, saying: parts, coding: .json, policy: policy, work)
    }

    /// What is run: a key, and what is known of it before anybody asks.
    struct Subject: Sendable {
        let id: RecordID
        let key: IdempotencyKey
        let caller: String
        let root: ChildKeys
        let fingerprint: Fingerprint
        let terms: Terms
    }

    nonisolated(nonsending) func run<Value: Sendable>(
        _ subject: Subject, coding: OutcomeCoding<Value>, policy: IdempotencyPolicy<Value>,
        _ work: nonisolated(nonsending) (Execution) async throws -> Value
    ) async throws -> Executed<Value> {
        try require("wait", policy.wait, in: .zero ... .seconds(3_600))
        var takesOver: ClaimCommand.Takeover = if case .rerun = policy.unknown { .anything } else { .nothing }
        let end = policy.wait > .zero ? clock.now.advanced(by: policy.wait) : nil
        while true {
            switch try await start(subject, takesOver: takesOver, until: end) {
            case .execute(let held):
                return Executed(value: try await execute(held, subject, coding, policy, work), isReplay: false)
            case .replay(let payload):
                guard let payload else { throw IdempotencyError.notKept }
                return Executed(value: try RecordedValue.read(payload, coding), isReplay: true)
            case .inFlight, .full: throw IdempotencyError.inFlight
            case .mismatched: throw IdempotencyError.mismatched
            case .limited: throw IdempotencyError.limited
            case .unreadable(let error): throw IdempotencyError.unreadable("\(error)")
            case .unavailable(let error): throw IdempotencyError.unavailable(error)
            case .unknown(let fence):
                guard case .probe(let probe) = policy.unknown else {
                    throw IdempotencyError.unknown(subject.id, fence: fence)
                }
                switch try await probe(subject.key) {
                case .unknown:
                    throw IdempotencyError.unknown(subject.id, fence: fence)
                case .nothing:
                    // Of several who found this out, the first takes over; the others meet a higher fence.
                    takesOver = .fence(fence)
                case .completed(let value):
                    do {
                        try await resolve(
                            subject.id, fence: fence,
                            as: .completed(payload: RecordedValue.value(try coding.encode(value))),
                            retention: subject.terms.retention, by: configuration.owner, why: "probed")
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
        case full
        case mismatched
        case unknown(fence: Int64)
        case limited
        case unreadable(ClaimStoreError)
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
            case .full: beginning = .full
            case .mismatched: beginning = .mismatched
            case .unknown(let fence): beginning = .unknown(fence: fence)
            case .limited: beginning = .limited
            case .unreadable(let error): beginning = .unreadable(error)
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

    /// - Parameter end: How long a duplicate waits; nil if it does not.
    private func start(
        _ subject: Subject, takesOver: ClaimCommand.Takeover, until end: MonotonicInstant?
    ) async throws -> Beginning {
        // Whoever asks again after it has waited long enough is told at once what is known.
        guard let end, clock.now < end else {
            return try await once(subject, takesOver: takesOver, mayWait: false)
        }
        do {
            return try await within(.endOfWait(at: end, on: clock)) { [self] in
                // Another process executes it. Where the store is not told of the end, it is asked, less and less often.
                var pace = WaitPace()
                while true {
                    let beginning = try await once(subject, takesOver: takesOver, mayWait: true)
                    guard case .inFlight = beginning, comeToWait(for: subject.id) else { return beginning }
                    defer { endWaiting(for: subject.id) }
                    try await store.awaitEnd(of: subject.id, within: pace.next(), on: clock)
                }
            }
        } catch let error as TimeoutError where error.limit.instant == end {
            return .inFlight
        }
    }

    private func once(
        _ subject: Subject, takesOver: ClaimCommand.Takeover, mayWait: Bool
    ) async throws -> Beginning {
        let arrival = Arrival()
        let asker = Asker(
            fingerprint: subject.fingerprint, account: Account(caller: subject.caller, origin: nil),
            terms: subject.terms, takesOver: takesOver, context: [],
            mayWait: mayWait
        ) { arrival.decide($0) }
        let place = ask(subject.id, asker)
        do { return try await arrival.beginning() } catch {
            place.leave()
            throw error
        }
    }

    // MARK: Executing

    nonisolated(nonsending) private func execute<Value: Sendable>(
        _ held: Held, _ subject: Subject, _ coding: OutcomeCoding<Value>, _ policy: IdempotencyPolicy<Value>,
        _ work: nonisolated(nonsending) (Execution) async throws -> Value
    ) async throws -> Value {
        let lease = subject.terms.lease
        let renewal = Task { await keepLease(of: subject.id, fence: held.fence, lease: lease) }
        defer { renewal.cancel() }
        let execution = Execution(fence: held.fence, engine: self, subject: subject)
        let value: Value
        do { value = try await work(execution) } catch {
            switch policy.effect(error) {
            case .record:
                let payload = RecordedValue.error("\(error)")
                let failure = await ending(held) { claim, ended in claim.complete(payload, completion: ended) }
                if failure != nil { throw IdempotencyError.unknown(subject.id, fence: held.fence) }
            case .none: await endWithoutOutcome(held, execution)
            case .unknown: _ = await ending(held) { claim, ended in claim.abandon(completion: ended) }
            }
            throw error
        }
        switch policy.resultEffect(value) {
        case .record: break
        case .none:
            await endWithoutOutcome(held, execution)
            return value
        case .unknown:
            _ = await ending(held) { claim, ended in claim.abandon(completion: ended) }
            return value
        }
        // What cannot be encoded was executed all the same.
        let payload = (try? coding.encode(value)).map { RecordedValue.value($0) }
        let failure = await ending(held) { claim, ended in claim.complete(payload, completion: ended) }
        if failure != nil { throw IdempotencyError.unknown(subject.id, fence: held.fence) }
        return value
    }

    /// Leaves the key free, unless a step may have had its effect.
    nonisolated(nonsending) private func endWithoutOutcome(_ held: Held, _ execution: Execution) async {
        _ = await ending(held) { claim, ended in
            if execution.mayHaveActed {
                claim.abandon(completion: ended)
            } else {
                claim.release(completion: ended)
            }
        }
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
    private func keepLease(of id: RecordID, fence: Int64, lease: Duration) async {
        while true {
            do { try await clock.sleep(for: lease / 3) } catch { return }
            do { try await renew(id, fence: fence, lease: lease) } catch {
                if Task.isCancelled { return }
                tell(.renewalFailed(id, fence: fence, error))
                if error.code == .lost { return }
            }
        }
    }
}
