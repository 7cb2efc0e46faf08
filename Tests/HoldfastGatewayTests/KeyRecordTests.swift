#if Gateway
import HoldfastIdempotency
import Testing

@testable import HoldfastGateway

@Suite struct KeyRecordTests {
    @Test(arguments: [Int64.min, -1, 0, Int64.max - 1], [Int64.min, 0, Int64.max])
    func `times that are further apart than a number is long are told`(now: Int64, other: Int64) throws {
        let instant = StoreInstant(milliseconds: other)
        let record = ClaimRecord(
            fingerprint: Fingerprint(bytes: []), fence: 1, state: .inFlight(leaseEnds: instant),
            expires: StoreInstant(milliseconds: .max), history: ClaimHistory(text: "\(other)\tclaimed\t1\ta\tb\n"))
        let summary = try #require(
            ClaimSummary(record, of: RecordID(bytes: []), at: StoreInstant(milliseconds: now)))
        let told = KeyRecord(summary)
        #expect(told.leaseEndsInSeconds == (Double(other) - Double(now)) / 1_000)
        #expect(told.history.map(\.secondsAgo) == [(Double(now) - Double(other)) / 1_000])
    }

    @Test(arguments: [
        (Int64.min, Duration.zero), (-1_000, .zero), (0, .seconds(3)), (Int64.max, .milliseconds(Int64.max - 1_000)),
    ])
    func `what was sent at a time beyond all others is settled, or is not for long`(at: Int64, left: Duration) throws {
        let record = ClaimRecord(
            fingerprint: Fingerprint(bytes: []), fence: 1, state: .unknown, expires: StoreInstant(milliseconds: .max),
            history: ClaimHistory(text: "\(at)\tabandoned\t1\ta\tb\n"))
        let summary = try #require(
            ClaimSummary(record, of: RecordID(bytes: []), at: StoreInstant(milliseconds: 1_000)))
        #expect(
            OutcomeProbe.unsettled(summary, fence: 1, deadline: .seconds(1), settle: .seconds(at < 0 ? 2 : 4)) == left)
    }
}
#endif
