import Holdfast
import Synchronization

/// Who executes, who waits, and what those are told who waited.
extension IdempotencyEngine {
    /// Decides about one who asks, and carries that out.
    ///
    /// - Returns: Its number, by which it can leave.
    func decide(_ id: RecordID, _ asker: Asker) -> UInt64 {
        enum Arrival { case claim, wait, mismatch, conflict, full, overload, replay([UInt8]?) }
        var asker = asker
        let arrival = part(of: id).state.withLock { state -> Arrival in
            if asker.number == 0 {
                state.lastNumber += 1
                asker.number = state.lastNumber
            }
            guard let entry = state.entries[id] else {
                if let outcome = state.replays.outcome(of: id, at: clock.now) {
                    return outcome.fingerprint == asker.fingerprint ? .replay(outcome.payload) : .mismatch
                }
                guard inFlight.add(1, ordering: .relaxed).newValue <= configuration.keysInFlight else {
                    return .overload
                }
                state.entries[id] = Entry(
                    fingerprint: asker.fingerprint, account: asker.account, asker: asker.number)
                return .claim
            }
            if entry.fingerprint != asker.fingerprint {
                // What has only been asked for says nothing of the key: the store may know the other request.
                if entry.isGranted { return .mismatch }
            } else if !asker.mayWait {
                return .conflict
            }
            guard entry.waiters.count < configuration.waitersPerKey else { return .full }
            state.entries[id]?.waiters.append(asker)
            return .wait
        }
        switch arrival {
        case .wait: break
        case .replay(let payload): asker.decided(.replay(payload: payload))
        case .mismatch: asker.decided(.mismatched)
        case .conflict: asker.decided(.conflict)
        case .full: asker.decided(.full)
        case .overload:
            isInFlightNoMore()
            asker.decided(.unavailable(ClaimStoreError(.overloaded, "too many keys are in flight")))
        case .claim: seekRoom(id, asker)
        }
        return asker.number
    }

    /// Takes one who waits out of its place.
    func leave(_ id: RecordID, _ number: UInt64) -> Bool {
        part(of: id).state.withLock { state in
            guard let place = state.entries[id]?.waiters.firstIndex(where: { $0.number == number }) else {
                return false
            }
            state.entries[id]?.waiters.remove(at: place)
            return true
        }
    }

    func noteGone(_ id: RecordID, _ number: UInt64) {
        part(of: id).state.withLock { state in
            if state.entries[id]?.asker == number { state.entries[id]?.isAskerGone = true }
        }
    }

    func isBehindAnother(_ id: RecordID, _ number: UInt64) -> Bool {
        part(of: id).state.withLock { state in
            guard let entry = state.entries[id], entry.asker != number else { return false }
            return entry.isGranted || !entry.isAskerGone
        }
    }

    /// Counts the key, and asks the store for it. Where there is no room for another, it is only asked what became of it:
    /// whoever has had enough still gets replays, and costs no write.
    private func seekRoom(_ id: RecordID, _ asker: Asker) {
        if let room, !room.state.withLock({ $0.machine.isKnown }) {
            return whenRoomIsKnown(room) { self.seekRoom(id, asker) }
        }
        if let refusal = reserve(asker.account) { look(id, asker, refusal) } else { claim(id, asker) }
    }

    private func look(_ id: RecordID, _ asker: Asker, _ refusal: Refusal, attempt: Int = 1) {
        let action = ClaimCommand.Action.look(fingerprint: asker.fingerprint, retention: asker.terms.retention)
        commit.submit(ClaimCommand(id: id, action: action)) { result in
            switch result {
            case .failure(let error) where error.code == .failed && attempt < Self.claimAttempts:
                self.again(after: attempt) { self.look(id, asker, refusal, attempt: attempt + 1) }
            case .success(.free): self.refuse(id, asker, refusal)
            case .success(.unknown(let fence)) where asker.takesOver.covers(fence):
                // It is no new key.
                self.count(.init(keys: 1), of: asker.account)
                self.countInStore(ClaimUsage(keys: 1))
                self.claim(id, asker)
            default: self.answer(id, asker, result)
            }
        }
    }

    private func refuse(_ id: RecordID, _ asker: Asker, _ refusal: Refusal) {
        let waiters = remove(id)
        if case .full(let error) = refusal { tellIfGrave(error) }
        asker.decided(refusal.start)
        for waiter in waiters {
            // Another may have room.
            if waiter.account == asker.account { waiter.decided(refusal.start) } else { ask(id, waiter) }
        }
    }

    /// - Parameter attempt: Whoever gets no answer asks again, and gets the claim that it may have been granted: otherwise
    ///   the key would be in flight, and unknown later, though nothing was done.
    private func claim(_ id: RecordID, _ asker: Asker, attempt: Int = 1, mayBeGranted: Bool = false) {
        let context = stored(asker.context, of: id)
        let action = ClaimCommand.Action.claim(
            fingerprint: asker.fingerprint, lease: asker.terms.lease, retention: asker.terms.retention,
            takesOver: asker.takesOver, owner: configuration.owner, nonce: nonce(of: asker), context: context)
        commit.submit(ClaimCommand(id: id, action: action)) { result in
            if case .failure(let error) = result, error.code == .failed {
                let mayBeGranted = mayBeGranted || error.isAnswerLost
                guard attempt == Self.claimAttempts else {
                    return self.again(after: attempt) {
                        self.claim(id, asker, attempt: attempt + 1, mayBeGranted: mayBeGranted)
                    }
                }
                if mayBeGranted { self.takeBack(id, action, until: self.clock.now.advanced(by: asker.terms.lease)) }
            }
            guard case .success(.claimed(let fence)) = result else {
                self.count(.init(keys: -1), of: asker.account)
                self.countInStore(ClaimUsage(keys: -1))
                return self.answer(id, asker, result)
            }
            for other in self.grant(id, keeping: context.count) { other.decided(.mismatched) }
            asker.decided(.execute(Claim(id: id, fence: fence, terms: asker.terms, engine: self)))
        }
    }

    /// How often a claim is asked for while the store does not answer: within a third of a second, since somebody waits.
    static let claimAttempts = 4

    /// Nobody is there any more for a claim that the store may have granted, or may yet grant when it goes on. So it is
    /// asked under the same nonce until it answers, and what it grants is given back.
    private func takeBack(_ id: RecordID, _ action: ClaimCommand.Action, until end: MonotonicInstant) {
        guard takenBack.add(1, ordering: .relaxed).newValue <= configuration.keysInFlight else {
            takenBack.subtract(1, ordering: .relaxed)
            return
        }
        // With the longest pause, for whoever is in a hurry has been answered.
        again(after: .max) {
            self.commit.submit(ClaimCommand(id: id, action: action)) { result in
                self.takenBack.subtract(1, ordering: .relaxed)
                switch result {
                case .success(.claimed(let fence)): self.giveBack(id, fence: fence) { _ in }
                case .failure(let error) where error.mayPass && self.clock.now < end:
                    self.takeBack(id, action, until: end)
                case .success, .failure: break
                }
            }
        }
    }

    /// What names this question and no other. The number alone is not enough: another engine may have the same owner.
    private func nonce(of asker: Asker) -> String {
        // A store that answers at once loses no answer.
        store is any ImmediateClaimStore ? "" : "\(instance).\(asker.number)"
    }

    /// Notes that the store has granted the claim.
    ///
    /// - Parameter contextBytes: What it keeps of the cause.
    /// - Returns: Those who wait with another request under this key.
    private func grant(_ id: RecordID, keeping contextBytes: Int) -> [Asker] {
        if contextBytes > 0 { countInStore(ClaimUsage(bytes: contextBytes)) }
        return part(of: id).state.withLock { state in
            guard let entry = state.entries[id] else { return [] }
            state.entries[id]?.isGranted = true
            state.entries[id]?.contextBytes = contextBytes
            if entry.waiters.isEmpty { return [] }
            state.entries[id]?.waiters.removeAll { $0.fingerprint != entry.fingerprint }
            return entry.waiters.filter { $0.fingerprint != entry.fingerprint }
        }
    }

    /// Tells what the store has said of a key that it did not grant.
    private func answer(_ id: RecordID, _ asker: Asker, _ result: Result<ClaimReply, ClaimStoreError>) {
        let waiters = remove(id)
        asker.decided(start(after: result, of: id))
        for waiter in waiters {
            // The answer is about the one request, and about what the one would take over.
            if waiter.fingerprint == asker.fingerprint, !waiter.takes(over: result) {
                waiter.decided(start(after: result, of: id))
            } else {
                ask(id, waiter)
            }
        }
    }

    private func start(after result: Result<ClaimReply, ClaimStoreError>, of id: RecordID) -> Start {
        switch result {
        case .success(.inFlight): return .conflict
        case .success(.completed(let payload)):
            guard let seal, let payload else { return .replay(payload: payload) }
            // It has been executed, whether or not that can be read.
            do { return .replay(payload: try seal.open(payload, of: id)) } catch { return .unreadable(error) }
        case .success(.unknown(let fence)): return .unknown(fence: fence)
        case .success(.mismatched): return .mismatched
        case .success(let reply):
            return .unavailable(ClaimStoreError(.failed, "the store answered a claim with \(reply)"))
        case .failure(let error):
            tellIfGrave(error)
            return .unavailable(error)
        }
    }

    // MARK: The table of what is in flight

    func remove(_ id: RecordID) -> [Asker] {
        let entry = part(of: id).state.withLock { $0.entries.removeValue(forKey: id) }
        if entry != nil { isInFlightNoMore() }
        return entry?.waiters ?? []
    }

    /// Keeps the outcome at hand for the repeats that come soon.
    func remove(_ id: RecordID, replaying payload: [UInt8]?) -> [Asker] {
        let entry = part(of: id).state.withLock { state in
            let entry = state.entries.removeValue(forKey: id)
            if let entry, state.replays.bound > 0 {
                let now = clock.now
                state.replays.add(payload, of: id, entry.fingerprint, at: now)
            }
            return entry
        }
        if entry != nil { isInFlightNoMore() }
        return entry?.waiters ?? []
    }

    private func isInFlightNoMore() {
        guard inFlight.subtract(1, ordering: .relaxed).newValue == 0 else { return }
        var told: [@Sendable () -> Void] = []
        awaitingNone.withLock { swap(&$0, &told) }
        for tell in told { tell() }
    }

    /// Calls back, once, when no key is in flight in this process: at once, if none is. Then whoever waited for one may
    /// have asked for it anew.
    package func whenNoneIsInFlight(_ tell: @escaping @Sendable () -> Void) {
        let isNone = awaitingNone.withLock { waiting in
            // Whoever takes the last away looks here afterwards, so it finds this one, or has been seen.
            guard inFlight.load(ordering: .relaxed) > 0 else { return true }
            waiting.append(tell)
            return false
        }
        if isNone { tell() }
    }

    /// Whose key is in flight, and how many bytes the store keeps of its cause.
    func account(of id: RecordID) -> (account: Account, contextBytes: Int)? {
        part(of: id).state.withLock { state in state.entries[id].map { ($0.account, $0.contextBytes) } }
    }

    /// What an operator has changed is asked of the store.
    func forgetReplay(of id: RecordID) { part(of: id).state.withLock { $0.replays.remove(id) } }

    // MARK: Those who wait for another process

    /// Waits until what another process executes has ended, or the pause is over. Then ask again.
    ///
    /// - Returns: Whether there was a place to wait; without, nothing was waited for.
    package func awaitEnd(of id: RecordID, within pause: Duration) async -> Bool {
        guard comeToWait(for: id) else { return false }
        defer { endWaiting(for: id) }
        return (try? await store.awaitEnd(of: id, within: pause, on: clock)) != nil
    }

    /// Takes a place among those who wait for what another process executes, as many for one key as wait here, and no
    /// more altogether than keys may be in flight.
    ///
    /// - Returns: Whether there was one.
    func comeToWait(for id: RecordID) -> Bool {
        guard waitingElsewhere.add(1, ordering: .relaxed).newValue <= configuration.keysInFlight else {
            waitingElsewhere.subtract(1, ordering: .relaxed)
            return false
        }
        let hasCome = part(of: id).state.withLock { state in
            let count = state.elsewhere[id] ?? 0
            guard count < configuration.waitersPerKey else { return false }
            state.elsewhere[id] = count + 1
            return true
        }
        if !hasCome { waitingElsewhere.subtract(1, ordering: .relaxed) }
        return hasCome
    }

    func endWaiting(for id: RecordID) {
        part(of: id).state.withLock { state in
            let count = state.elsewhere[id] ?? 0
            state.elsewhere[id] = count > 1 ? count - 1 : nil
        }
        waitingElsewhere.subtract(1, ordering: .relaxed)
    }
}

extension IdempotencyEngine.Asker {
    /// Whether it may execute what others are told is unknown.
    fileprivate func takes(over result: Result<ClaimReply, ClaimStoreError>) -> Bool {
        guard case .success(.unknown(let fence)) = result else { return false }
        return takesOver.covers(fence)
    }
}
