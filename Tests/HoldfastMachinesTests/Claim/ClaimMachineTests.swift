import HoldfastMachines
import Testing

@Suite struct ClaimMachineTests {
    private let fingerprint = Fingerprint(bytes: [1])
    private let other = Fingerprint(bytes: [2])

    private func at(_ seconds: Int64) -> StoreInstant { StoreInstant(milliseconds: seconds * 1_000) }

    private func claim(_ fingerprint: Fingerprint) -> ClaimCommand.Action {
        .claim(fingerprint: fingerprint, lease: .seconds(10), retention: .seconds(100))
    }

    private func record(_ state: ClaimRecord.State, fence: Int64 = 1) -> ClaimRecord {
        ClaimRecord(fingerprint: fingerprint, fence: fence, state: state, expires: at(100))
    }

    private func apply(
        _ action: ClaimCommand.Action, _ record: ClaimRecord?, at now: Int64 = 0
    ) -> ClaimMachine.Decision {
        ClaimMachine.apply(action, to: record, at: at(now), nextFence: 7)
    }

    @Test func `a new key is claimed under a lease`() {
        let decision = apply(claim(fingerprint), nil)
        #expect(decision.reply == .claimed(fence: 7))
        var expected = record(.inFlight(leaseEnds: at(10)), fence: 7)
        expected.expires = at(110)
        expected.history = ClaimHistory(text: "0\tclaimed\t7\t\t\n")
        #expect(decision.write == .put(expected))
    }

    @Test func `another payload learns nothing whatever the state`() {
        let states: [ClaimRecord.State] = [.inFlight(leaseEnds: at(10)), .completed(payload: [9]), .unknown]
        for state in states {
            #expect(apply(claim(other), record(state)).reply == .mismatched)
            #expect(apply(claim(other), record(state)).write == .nothing)
        }
    }

    @Test func `an orphan becomes unknown and is not run again`() {
        let decision = apply(claim(fingerprint), record(.inFlight(leaseEnds: at(10))), at: 10)
        #expect(decision.reply == .unknown(fence: 1))
        guard case .put(let orphan) = decision.write else {
            Issue.record("the orphan was not written")
            return
        }
        #expect(orphan.state == .unknown)
    }

    @Test func `an orphan is kept for a whole retention however short that is`() {
        let claim = ClaimCommand.Action.claim(
            fingerprint: fingerprint, lease: .seconds(10), retention: .seconds(2))
        guard case .put(let claimed) = apply(claim, nil).write,
            case .put(let renewed) = apply(.renew(fence: 7, lease: .seconds(10)), claimed, at: 9).write
        else {
            Issue.record("it was not claimed and renewed")
            return
        }
        #expect(apply(claim, claimed, at: 10).reply == .unknown(fence: 7))
        #expect(apply(claim, claimed, at: 11).reply == .unknown(fence: 7))
        #expect(apply(claim, claimed, at: 12).reply == .claimed(fence: 7))
        #expect(apply(claim, renewed, at: 20).reply == .unknown(fence: 7))
        #expect(renewed.expires == at(21))
    }

    @Test func `resolving never shortens how long a key is kept`() {
        let resolutions: [ClaimCommand.Resolution] = [.completed(payload: [1]), .released]
        for resolution in resolutions {
            let brief = apply(.resolve(fence: 1, resolution, retention: .seconds(10)), record(.unknown), at: 50)
            let long = apply(.resolve(fence: 1, resolution, retention: .seconds(100)), record(.unknown), at: 50)
            guard case .put(let first) = brief.write, case .put(let second) = long.write else {
                Issue.record("it was not resolved")
                return
            }
            #expect(first.expires == at(100))
            #expect(second.expires == at(150))
        }
    }

    @Test func `a live claim is not taken for an orphan`() {
        #expect(apply(claim(fingerprint), record(.inFlight(leaseEnds: at(10))), at: 9).reply == .inFlight)
    }

    @Test func `a repeat is answered until retention is over`() {
        let completed = record(.completed(payload: [9]))
        #expect(apply(claim(fingerprint), completed, at: 99).reply == .completed(payload: [9]))
        #expect(apply(claim(fingerprint), completed, at: 100).reply == .claimed(fence: 7))
    }

    @Test func `a worker that lost its claim can neither complete nor release nor extend`() {
        let successor = record(.inFlight(leaseEnds: at(10)), fence: 2)
        let late: [ClaimCommand.Action] = [
            .complete(fence: 1, payload: [1], retention: .seconds(100)), .release(fence: 1), .abandon(fence: 1),
            .renew(fence: 1, lease: .seconds(10)),
        ]
        for action in late {
            #expect(apply(action, successor).reply == .stale)
            #expect(apply(action, successor).write == .nothing)
        }
    }

    @Test func `a lease that has ended cannot be extended`() {
        let ended = record(.inFlight(leaseEnds: at(10)))
        #expect(apply(.renew(fence: 1, lease: .seconds(10)), ended, at: 10).reply == .stale)
        #expect(apply(.renew(fence: 1, lease: .seconds(10)), ended, at: 9).reply == .done)
    }

    @Test func `the truth that comes late settles the unknown`() {
        let decision = apply(.complete(fence: 1, payload: [5], retention: .seconds(100)), record(.unknown))
        #expect(decision.reply == .done)
    }

    @Test func `what is said of a cause stays while nobody knows how it ended, and no longer`() {
        let claim = ClaimCommand.Action.claim(
            fingerprint: fingerprint, lease: .seconds(10), retention: .seconds(100), context: [1, 2])
        guard case .put(let claimed) = apply(claim, nil).write else {
            Issue.record("it was not claimed")
            return
        }
        func contextAfter(_ action: ClaimCommand.Action, _ record: ClaimRecord, at now: Int64 = 1) -> [UInt8]? {
            if case .put(let next) = apply(action, record, at: now).write { next.context } else { nil }
        }
        var unknown = claimed
        unknown.state = .unknown
        #expect(claimed.context == [1, 2])
        #expect(contextAfter(.renew(fence: 7, lease: .seconds(10)), claimed) == [1, 2])
        #expect(contextAfter(.abandon(fence: 7), claimed) == [1, 2])
        #expect(contextAfter(claim, claimed, at: 10) == [1, 2])
        #expect(contextAfter(.look(fingerprint: fingerprint, retention: .seconds(100)), claimed, at: 10) == [1, 2])
        for record in [claimed, unknown] {
            for payload in [[5], nil] as [[UInt8]?] {
                let complete = ClaimCommand.Action.complete(fence: 7, payload: payload, retention: .seconds(100))
                #expect(contextAfter(complete, record) == [])
            }
        }
        for resolution in [.completed(payload: [1]), .completed(payload: nil), .released]
            as [ClaimCommand.Resolution]
        {
            #expect(contextAfter(.resolve(fence: 7, resolution, retention: .seconds(100)), unknown) == [])
        }
        let over = ClaimCommand.Action.claim(
            fingerprint: fingerprint, lease: .seconds(10), retention: .seconds(100), takesOver: .anything, context: [3])
        #expect(contextAfter(over, unknown) == [3])
        // Released, and kept for its history.
        guard case .put(let again) = apply(over, unknown).write else {
            Issue.record("it was not taken over")
            return
        }
        #expect(contextAfter(.release(fence: 7), again) == [])
    }

    @Test func `completing twice is one outcome`() {
        let completed = record(.completed(payload: [5]))
        #expect(apply(.complete(fence: 1, payload: [5], retention: .seconds(1)), completed).reply == .done)
        #expect(apply(.complete(fence: 1, payload: [6], retention: .seconds(1)), completed).reply == .stale)
        #expect(apply(.release(fence: 1), completed).reply == .stale)
    }
}
