import Holdfast
import Synchronization

/// What an execution has left is written, again and again while the store fails, and those who waited are told.
extension IdempotencyEngine {
    func complete(
        _ id: RecordID, fence: Int64, payload: [UInt8]?, as outcome: Claim.Outcome, retention: Duration,
        completion: @escaping Claim.Completion
    ) {
        let known = account(of: id)
        let account = known?.account
        let whole = payload.flatMap { kept($0) }
        // What was let in is recorded. What it left is kept as long as there is room.
        let reserved = whole?.count ?? 0
        let hasRoom = room?.state.withLock { $0.machine.admit(bytes: reserved) } ?? true
        let payload = hasRoom ? whole : nil
        let recording = Recording(
            id: id, fence: fence, payload: payload.flatMap { sealed($0, of: id) },
            retention: self.retention(of: outcome, account, retention), began: clock.now)
        record(recording) { error, isKept in
            // What could not be recorded is not shared either: a repeat could not be given the same answer.
            let bytes = error == nil && isKept ? payload?.count ?? 0 : 0
            if let account, bytes > 0 { self.count(.init(bytes: bytes), of: account) }
            // What was kept of the cause is gone when the outcome is there.
            let gone = (hasRoom ? reserved - bytes : 0) + (error == nil ? known?.contextBytes ?? 0 : 0)
            if gone > 0 { self.countInStore(ClaimUsage(bytes: -gone)) }
            let ended = self.end(
                id, as: error == nil ? .recorded : .lost(fence: fence), replaying: isKept ? .some(payload) : nil)
            self.hear(ended, at: id) { .replay(payload: isKept ? payload : nil) }
            if let error { self.tell(.outcomeLost(id, fence: fence, error)) }
            completion(error)
        }
    }

    /// An outcome that is to be written.
    private struct Recording: Sendable {
        let id: RecordID
        let fence: Int64
        var payload: [UInt8]?
        let retention: Duration
        let began: MonotonicInstant
        var attempt = 1
        var isLast = false
    }

    /// Writes the outcome, again and again while the store fails. That is safe: the record knows the claim's fence.
    ///
    /// - Parameter completion: Called with the error, if it could not be written, and whether the payload is kept.
    private func record(
        _ recording: Recording, completion: @escaping @Sendable (ClaimStoreError?, Bool) -> Void
    ) {
        let action = ClaimCommand.Action.complete(
            fence: recording.fence, payload: recording.payload, retention: recording.retention)
        write(recording.id, action) { error in
            guard let error, error.mayPass, !recording.isLast else {
                return completion(error, error == nil && recording.payload != nil)
            }
            self.tell(.recordingFailed(recording.id, attempt: recording.attempt, error))
            self.again(after: recording.attempt) {
                var next = recording
                next.attempt += 1
                // The last try leaves out the payload, in case that is what the store cannot take.
                next.isLast = recording.began.duration(to: self.clock.now) >= self.configuration.recordingTime
                if next.isLast { next.payload = nil }
                self.record(next, completion: completion)
            }
        }
    }

    /// Tries something again, after a pause that grows with the attempts: from 50 ms to 2 s.
    func again(after attempt: Int, _ body: @escaping @Sendable () -> Void) {
        // A task of its own: nobody's cancellation reaches it.
        Task {
            try? await self.clock.sleep(for: min(.milliseconds(50) * (1 << min(attempt - 1, 10)), .seconds(2)))
            body()
        }
    }

    func release(_ id: RecordID, fence: Int64, completion: @escaping Claim.Completion) {
        giveBack(id, fence: fence) { error in
            if error == nil, let known = self.account(of: id) {
                self.count(.init(keys: -1), of: known.account)
                self.countInStore(ClaimUsage(keys: -1, bytes: -known.contextBytes))
            }
            // Whoever asks hears how the record stands, if the store can tell.
            let canTell = error.map { $0.code == .lost } ?? true
            self.hear(self.end(id, as: canTell ? .released : .lost(fence: fence)), at: id) { .unknown(fence: fence) }
            completion(error)
        }
    }

    /// Gives a claim back under which nothing was done: twice, if the store fails.
    func giveBack(_ id: RecordID, fence: Int64, completion: @escaping Claim.Completion) {
        write(id, .release(fence: fence)) { error in
            guard let error, error.mayPass else {
                if let error { self.tell(.releaseFailed(id, fence: fence, error)) }
                return completion(error)
            }
            self.again(after: 1) {
                self.write(id, .release(fence: fence)) { error in
                    if let error { self.tell(.releaseFailed(id, fence: fence, error)) }
                    completion(error)
                }
            }
        }
    }

    func abandon(_ id: RecordID, fence: Int64, completion: @escaping Claim.Completion) {
        // If this write fails, the record stays in flight until its lease ends, and is unknown then.
        write(id, .abandon(fence: fence)) { error in
            if error == nil { self.countInStore(ClaimUsage(unknown: 1)) }
            let ended = self.end(id, as: error == nil ? .abandoned(fence: fence) : .lost(fence: fence))
            self.hear(ended, at: id) { .unknown(fence: fence) }
            self.tell(.becameUnknown(id, fence: fence))
            completion(error)
        }
    }

    /// Prolongs a claim's lease.
    func renew(_ id: RecordID, fence: Int64, lease: Duration) async throws(ClaimStoreError) {
        try await write(id, .renew(fence: fence, lease: lease))
    }

    /// Says how what is unknown ended.
    package func resolve(
        _ id: RecordID, fence: Int64, as resolution: ClaimCommand.Resolution, retention: Duration? = nil, by: String,
        why: String
    ) async throws(ClaimStoreError) {
        var sealed = resolution
        if case .completed(let payload?) = resolution {
            sealed = .completed(payload: kept(payload).flatMap { self.sealed($0, of: id) })
        }
        try await write(
            id, .resolve(fence: fence, sealed, retention: retention ?? configuration.retention, by: by, why: why))
        countInStore(ClaimUsage(unknown: -1))
        tell(.resolved(id, fence: fence, by: by, why: why))
    }

    func write(_ id: RecordID, _ action: ClaimCommand.Action) async throws(ClaimStoreError) {
        let error: ClaimStoreError? = await withCheckedContinuation { continuation in
            write(id, action) { continuation.resume(returning: $0) }
        }
        if let error { throw error }
    }

    private func write(_ id: RecordID, _ action: ClaimCommand.Action, completion: @escaping Claim.Completion) {
        commit.submit(ClaimCommand(id: id, action: action)) { result in
            switch result {
            case .success(.done): completion(nil)
            case .success(let reply): completion(ClaimStoreError(.lost, "the claim has moved on: \(reply)"))
            case .failure(let error):
                self.tellIfGrave(error)
                completion(error)
            }
        }
    }

    /// What is too large leaves the tombstone that it was executed.
    private func kept(_ payload: [UInt8]) -> [UInt8]? { payload.count <= configuration.outcomeBytes ? payload : nil }

    private func sealed(_ payload: [UInt8], of id: RecordID) -> [UInt8]? {
        guard let seal else { return payload }
        return seal.seal(payload, of: id)
    }

    /// What is kept of a cause; nothing, if it cannot be sealed.
    func stored(_ context: [UInt8], of id: RecordID) -> [UInt8] {
        guard let seal, !context.isEmpty else { return context }
        return seal.seal(context, as: .context, of: id) ?? []
    }
}

extension ClaimStoreError {
    /// Whether another try may succeed.
    var mayPass: Bool {
        switch code {
        case .failed, .overloaded: true
        case .full, .lost, .unusable, .invalid: false
        }
    }
}
