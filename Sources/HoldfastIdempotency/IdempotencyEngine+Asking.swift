import Holdfast
import Synchronization

/// Who executes, who waits, and what those are told who waited.
extension IdempotencyEngine {
    /// Decides about one who asks, and carries that out.
    ///
    /// - Returns: Its number, by which it can leave.
    func decide(_ id: RecordID, _ asker: Asker) -> UInt64 {
        enum Decision { case arrived(InFlightTable<Asker>.Arrival), begun, overload, replay([UInt8]?) }
        var asker = asker
        let decision = part(of: id).state.withLock { state -> Decision in
            if let arrival = state.table.join(&asker, at: id, atMost: configuration.waitersPerKey) {
                return .arrived(arrival)
            }
            if let outcome = state.replays.outcome(of: id, at: clock.now) {
                return outcome.fingerprint == asker.fingerprint ? .replay(outcome.payload) : .arrived(.mismatches)
            }
            guard inFlight.add(1, ordering: .relaxed).newValue <= configuration.keysInFlight else { return .overload }
            state.table.begin(asker, at: id)
            return .begun
        }
        switch decision {
        case .arrived(.waits): break
        case .arrived(.mismatches): asker.decided(.mismatched)
        case .arrived(.conflicts): asker.decided(.conflict)
        case .arrived(.full): asker.decided(.full)
        case .replay(let payload): asker.decided(.replay(payload: payload))
        case .overload:
            isInFlightNoMore()
            asker.decided(.unavailable(ClaimStoreError(.overloaded, "too many keys are in flight")))
        case .begun: seekRoom(id, asker)
        }
        return asker.number
    }

    func leave(_ id: RecordID, _ number: UInt64) -> Bool {
        part(of: id).state.withLock { $0.table.leave(id, number) }
    }

    func noteGone(_ id: RecordID, _ number: UInt64) {
        part(of: id).state.withLock { $0.table.noteGone(id, number) }
    }

    func isBehindAnother(_ id: RecordID, _ number: UInt64) -> Bool {
        part(of: id).state.withLock { $0.table.isBehindAnother(id, number) }
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
        let ended = end(id, as: .refused)
        if case .full(let error) = refusal { tellIfGrave(error) }
        asker.decided(refusal.start)
        hear(ended, at: id) { refusal.start }
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
        return part(of: id).state.withLock { $0.table.grant(id, keeping: contextBytes) }
    }

    /// Tells what the store has said of a key that it did not grant.
    private func answer(_ id: RecordID, _ asker: Asker, _ result: Result<ClaimReply, ClaimStoreError>) {
        let unknown: Int64? = if case .success(.unknown(let fence)) = result { fence } else { nil }
        let ended = end(id, as: .answered(unknown: unknown))
        asker.decided(start(after: result, of: id))
        hear(ended, at: id) { start(after: result, of: id) }
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

    /// Ends a key's flight.
    ///
    /// - Parameter replay: What is kept at hand for the repeats that come soon; nil, if nothing is.
    /// - Returns: Who waited for it; nil, if it was not in flight.
    func end(
        _ id: RecordID, as ending: InFlightTable<Asker>.Ending, replaying replay: [UInt8]?? = nil
    ) -> InFlightTable<Asker>.Ended? {
        let ended = part(of: id).state.withLock { state in
            let ended = state.table.end(id, as: ending)
            if let ended, let replay, state.replays.bound > 0 {
                state.replays.add(replay, of: id, ended.fingerprint, at: clock.now)
            }
            return ended
        }
        if ended != nil { isInFlightNoMore() }
        return ended
    }

    /// Tells those who waited how it ended.
    ///
    /// - Parameter same: What the one they waited for has heard.
    func hear(_ ended: InFlightTable<Asker>.Ended?, at id: RecordID, same: () -> Start) {
        for (waiter, word) in ended?.words ?? [] {
            switch word {
            case .same: waiter.decided(same())
            case .asksAgain: ask(id, waiter)
            case .unknown(let fence): waiter.decided(.unknown(fence: fence))
            }
        }
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
        part(of: id).state.withLock { $0.table.account(of: id) }
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
        let hasCome = part(of: id).state.withLock {
            $0.table.waitElsewhere(for: id, atMost: configuration.waitersPerKey)
        }
        if !hasCome { waitingElsewhere.subtract(1, ordering: .relaxed) }
        return hasCome
    }

    func endWaiting(for id: RecordID) {
        part(of: id).state.withLock { $0.table.endWaitingElsewhere(for: id) }
        waitingElsewhere.subtract(1, ordering: .relaxed)
    }
}
