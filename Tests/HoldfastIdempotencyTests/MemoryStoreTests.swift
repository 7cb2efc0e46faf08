import HoldfastIdempotencyTesting
import HoldfastTesting
import TestSupport
import Testing

@testable import HoldfastIdempotency

@Suite struct MemoryStoreTests {
    @Test(arguments: ClaimStoreConformance.checks)
    func `it is a store as all are`(check: ClaimStoreConformance.Check) async throws {
        let clock = ManualClock()
        try await check.run(on: MemoryStore(clock: clock)) { clock.advance(by: $0) }
    }

    @Test func `what is claimed and released leaves nothing behind`() async throws {
        let clock = ManualClock()
        let store = MemoryStore(bound: 100, clock: clock)
        let key = OneKey()
        for _ in 0..<10_000 {
            let fence = try await key.claimed(store)
            try await expectEqual(store.apply([ClaimCommand(id: key.id, action: .release(fence: fence))]), [.done])
        }
        #expect(store.dueCount <= 16 * 3 * 64)
        let fence = try await key.claimed(store)
        try await expectEqual(store.apply([key.complete(fence, [1])]), [.done])
        clock.advance(by: .seconds(200))
        try await expectEqual(store.reap(atMost: 10), 1)
        #expect(store.dueCount < 16 * 3 * 64)
    }
}
