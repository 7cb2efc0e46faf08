import HoldfastIdempotency
import HoldfastTesting

extension ClaimStoreConformance {
    /// That what a store holds is counted. A store that cannot tell is not asked.
    static let counts = [
        Check("keys, bytes and unknown keys are counted, whatever becomes of them") { subject in
            var expected = ClaimUsage()
            let before = try await subject.store.usage()
            func check(_ what: String, _ change: ClaimUsage) async throws {
                expected += change
                guard let before, var usage = try await subject.store.usage() else { return }
                usage -= before
                guard usage == expected else { throw UnexpectedOutcome("\(what): \(usage) instead of \(expected)") }
            }
            let first = try await subject.claimed()
            try await check("claimed", ClaimUsage(keys: 1))
            try await subject.expect(subject.claim(), gives: .inFlight)
            try await subject.expect(.renew(fence: first, lease: subject.lease), gives: .done)
            try await check("repeated and renewed", ClaimUsage())
            let payload = [UInt8](repeating: 7, count: 10_000)
            try await subject.expect(subject.complete(first, payload), gives: .done)
            try await check("completed", ClaimUsage(bytes: 10_000))
            for _ in 0..<2 { try await subject.expect(subject.complete(first, payload), gives: .done) }
            try await subject.expect(subject.claim(), gives: .completed(payload: payload))
            try await subject.expect(subject.claim(subject.other), gives: .mismatched)
            try await subject.expect(subject.complete(first, [1]), gives: .stale)
            try await check("repeated", ClaimUsage())
            let tombstone = try await subject.claimed(1)
            try await subject.expect(subject.complete(tombstone, nil), on: 1, gives: .done)
            try await check("not kept", ClaimUsage(keys: 1))
            let released = try await subject.claimed(2)
            try await subject.expect(.release(fence: released), on: 2, gives: .done)
            try await check("released", ClaimUsage())
            let unknown = try await subject.claimed(3)
            try await subject.expect(.abandon(fence: unknown), on: 3, gives: .done)
            try await check("abandoned", ClaimUsage(keys: 1, unknown: 1))
            let again = try await subject.claimed(3, takesOver: .fence(unknown))
            try await check("taken over", ClaimUsage(unknown: -1))
            try await subject.expect(.abandon(fence: again), on: 3, gives: .done)
            try await subject.expect(
                .resolve(fence: again, .completed(payload: [1, 2, 3]), retention: subject.retention), on: 3,
                gives: .done)
            try await check("resolved", ClaimUsage(bytes: 3))
            try await subject.expect(.purge(fence: again), on: 3, gives: .done)
            try await check("purged", ClaimUsage(keys: -1, bytes: -3))
            for number in 4...6 { _ = try await subject.claimed(number) }
            try await subject.advance(subject.lease * 3 / 2)
            try await check("leases ended", ClaimUsage(keys: 3, unknown: 3))
            guard case .unknown(let late) = try await subject.apply(subject.claim(), on: 4) else {
                throw UnexpectedOutcome("a lease that has ended is not unknown")
            }
            try await check("seen", ClaimUsage())
            try await subject.expect(subject.complete(late, [4]), on: 4, gives: .done)
            try await check("completed late", ClaimUsage(bytes: 1, unknown: -1))
            let over = try await subject.claimed(5, takesOver: .anything)
            try await check("taken over when its lease had ended", ClaimUsage(unknown: -1))
            try await subject.expect(.release(fence: over), on: 5, gives: .done)
            try await check("released, and kept for its history", ClaimUsage())
        },
        Check("what is reaped is not counted any more") { subject in
            // Who forgets by itself may count by the ten minutes: too long to sleep.
            let byItself = subject.store.forgetsByItself
            guard !byItself || subject.lease >= .seconds(30), let before = try await subject.store.usage() else {
                return
            }
            for (number, state) in ClaimSummary.State.allCases.enumerated() {
                try await subject.bring(number, to: state)
            }
            try await subject.advance(subject.retention * 2 + (byItself ? .seconds(600) : .zero))
            while try await subject.store.reap(atMost: 2) > 0 {}
            let after = try await subject.store.usage()
            guard after == before else { throw UnexpectedOutcome("\(after ?? before) instead of \(before)") }
            _ = try await subject.claimed(9)
            guard try await subject.store.usage()?.keys == before.keys + 1 else {
                throw UnexpectedOutcome("it counts no more")
            }
        },
        Check("many who write at once are counted right") { subject in
            guard var usage = try await subject.store.usage() else { return }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<100 {
                    group.addTask {
                        let fence = try await subject.claimed(number)
                        let end: ClaimCommand.Action =
                            switch number % 4 {
                            case 0: .abandon(fence: fence)
                            case 1: .release(fence: fence)
                            default: subject.complete(fence, [UInt8](repeating: 1, count: number))
                            }
                        try await subject.expect(end, on: number, gives: .done)
                        _ = try await subject.store.usage()
                    }
                }
                try await group.waitForAll()
            }
            let bytes = (0..<100).filter { $0 % 4 > 1 }.reduce(0, +)
            usage += ClaimUsage(keys: 75, bytes: bytes, unknown: 25)
            let found = try await subject.store.usage()
            guard found == usage else { throw UnexpectedOutcome("\(found ?? usage) instead of \(usage)") }
        },
    ]
}
