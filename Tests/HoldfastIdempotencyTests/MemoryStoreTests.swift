import HoldfastIdempotency
import HoldfastTesting
import Testing

@Suite struct MemoryStoreTests {
    @Test(arguments: ClaimStoreConformance.checks)
    func `it is a store as all are`(check: ClaimStoreConformance.Check) async throws {
        let clock = ManualClock()
        try await check.run(on: MemoryStore(clock: clock)) { clock.advance(by: $0) }
    }
}
