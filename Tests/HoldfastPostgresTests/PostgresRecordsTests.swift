#if PostgreSQL
import HoldfastIdempotency
import HoldfastTesting
import TestSupport
import Testing

@testable import HoldfastPostgres

@Suite struct PostgresRecordsTests {
    @Test func `a row that is too short is no reply`() {
        let claim = OneKey().claim
        let id = claim.id.description
        let records = PostgresRecords()
        #expect(records.replies(to: [claim], in: [[], [[id, "7"]]]) == [.claimed(fence: 7)])
        #expect(records.replies(to: [claim], in: [[], [[id], [], [nil, "7"], [id, "x"]]]) == [nil])
    }
}
#endif
