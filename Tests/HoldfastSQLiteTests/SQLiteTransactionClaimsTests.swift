#if SQLite
import Foundation
import GRDB
import Holdfast
import HoldfastIdempotency
import HoldfastSQLite
import HoldfastTesting
import TestSupport
import Testing

@Suite struct SQLiteTransactionClaimsTests {
    private let clock = ManualClock()
    private let scope = Scope(caller: "acme", operation: "charges")
    private struct Torn: Error {}

    private func withDatabase(_ body: (DatabaseQueue, String) async throws -> Void) async throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "holdfast-\(UUID()).db").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let queue = try DatabaseQueue(path: path)
        try await queue.write { try $0.execute(sql: "CREATE TABLE charge (amount INTEGER)") }
        try await body(queue, path)
    }

    private func charges(_ database: DatabaseQueue) async throws -> Int {
        try await database.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM charge") ?? -1 }
    }

    private func charge(
        _ key: String, _ claims: SQLiteTransactionClaims, _ database: DatabaseQueue, amount: Int = 7,
        fails: Bool = false
    ) async throws -> Executed<Int> {
        let (key, scope) = (try IdempotencyKey(key), scope)
        return try await database.write { database in
            try claims.run(key, in: scope, saying: [[UInt8(amount)]], on: database) {
                try database.execute(sql: "INSERT INTO charge VALUES (?)", arguments: [amount])
                if fails { throw Torn() }
                return amount
            }
        }
    }

    @Test func `the claim and the user's writes and the outcome are one transaction`() async throws {
        try await withDatabase { database, path in
            let clock = clock
            let claims = try await database.write { try SQLiteTransactionClaims(in: $0, clock: clock) }
            await #expect(throws: Torn.self) { _ = try await charge("k", claims, database, fails: true) }
            try await expectEqual(charges(database), 0)
            try await expectEqual(charge("k", claims, database).isReplay, false)
            let again = try await charge("k", claims, database)
            #expect(again.isReplay && again.value == 7)
            try await expectEqual(charges(database), 1)
            // Another process, later.
            try database.close()
            let reopened = try DatabaseQueue(path: path)
            let later = try await reopened.write { try SQLiteTransactionClaims(in: $0, clock: clock) }
            try await expectEqual(charge("k", later, reopened).isReplay, true)
            try await expectEqual(charges(reopened), 1)
        }
    }

    @Test func `another payload is refused and learns nothing`() async throws {
        try await withDatabase { database, _ in
            let claims = try await database.write { try SQLiteTransactionClaims(in: $0) }
            _ = try await charge("k", claims, database)
            let error = await #expect(throws: IdempotencyError.self) {
                _ = try await charge("k", claims, database, amount: 8)
            }
            guard case .mismatched? = error else { throw UnexpectedOutcome("\(String(describing: error))") }
            try await expectEqual(charges(database), 1)
        }
    }

    @Test func `outside a transaction nothing is done`() async throws {
        try await withDatabase { database, _ in
            let claims = try await database.write { try SQLiteTransactionClaims(in: $0) }
            let (key, scope) = (try IdempotencyKey("k"), scope)
            await #expect(throws: ClaimStoreError.self) {
                try await database.writeWithoutTransaction { database in
                    _ = try claims.run(key, in: scope, saying: [], on: database) { 1 }
                }
            }
        }
    }

    @Test func `values are sealed and keys are forgotten after their retention`() async throws {
        try await withDatabase { database, path in
            let seal = try PayloadSeal(writing: try .init(1, bytes: [UInt8](repeating: 3, count: 32)))
            let clock = clock
            let claims = try await database.write { try SQLiteTransactionClaims(in: $0, sealing: seal, clock: clock) }
            let (key, scope) = (try IdempotencyKey("k"), scope)
            @Sendable func run(_ database: Database) throws -> Executed<String> {
                try claims.run(key, in: scope, saying: [], on: database) { "a secret receipt" }
            }
            try await expectEqual(database.write { try run($0).isReplay }, false)
            try await expectEqual(database.write { try run($0).value }, "a secret receipt")
            let file = try Data(contentsOf: URL(filePath: path))
            #expect(file.range(of: Data("a secret receipt".utf8)) == nil)
            try await expectEqual(database.write { try claims.reap(atMost: 10, on: $0) }, 0)
            clock.advance(by: .seconds(86_461))
            try await expectEqual(database.write { try claims.reap(atMost: 10, on: $0) }, 1)
            try await expectEqual(database.write { try run($0).isReplay }, false)
        }
    }

    @Test func `an instance that was idle does not forget what a younger one has completed`() async throws {
        try await withDatabase { database, _ in
            let clock = clock
            let idle = try await database.write { try SQLiteTransactionClaims(in: $0, clock: clock) }
            try await expectEqual(charge("first", idle, database).isReplay, false)
            clock.advance(by: .seconds(25 * 3_600))
            // It begins where the file stands, which is 25 hours ago.
            let young = try await database.write { try SQLiteTransactionClaims(in: $0, clock: clock) }
            try await expectEqual(charge("k", young, database).isReplay, false)
            try await expectEqual(charge("k", idle, database).isReplay, true)
            try await expectEqual(charges(database), 2)
            // And it is kept for its retention from then on, by whoever looks.
            clock.advance(by: .seconds(86_399))
            try await expectEqual(charge("k", idle, database).isReplay, true)
            try await expectEqual(charge("k", young, database).isReplay, true)
        }
    }

    /// Writes in a transaction that does not stand.
    private func rollBack(_ claims: SQLiteTransactionClaims, _ database: DatabaseQueue) async throws {
        let (key, scope) = (try IdempotencyKey("torn"), scope)
        await #expect(throws: Torn.self) {
            try await database.write { database in
                _ = try claims.run(key, in: scope, saying: [], on: database) { 1 }
                throw Torn()
            }
        }
    }

    @Test func `a transaction that is rolled back takes no time away`() async throws {
        try await withDatabase { database, _ in
            let clock = clock
            let claims = try await database.write { try SQLiteTransactionClaims(in: $0, clock: clock) }
            try await expectEqual(charge("k", claims, database).isReplay, false)
            clock.advance(by: .seconds(86_461))
            try await rollBack(claims, database)
            try await expectEqual(charge("k", claims, database).isReplay, false)
        }
    }

    @Test func `a transaction that is rolled back does not make another's write one's own`() async throws {
        try await withDatabase { database, _ in
            let clock = clock
            let idle = try await database.write { try SQLiteTransactionClaims(in: $0, clock: clock) }
            try await rollBack(idle, database)
            let young = try await database.write { try SQLiteTransactionClaims(in: $0, clock: clock) }
            try await expectEqual(charge("k", young, database).isReplay, false)
            clock.advance(by: .seconds(86_401))
            try await expectEqual(charge("k", idle, database).isReplay, true)
        }
    }

    @Test func `time goes on though instances write in turn`() async throws {
        try await withDatabase { database, _ in
            let clock = clock
            let one = try await database.write { try SQLiteTransactionClaims(in: $0, clock: clock) }
            let two = try await database.write { try SQLiteTransactionClaims(in: $0, clock: clock) }
            let (key, scope) = (try IdempotencyKey("k"), scope)
            _ = try await database.write { database in
                try one.run(key, in: scope, saying: [], retention: .seconds(60), on: database) { 1 }
            }
            // However long it takes, a second is sure each time: at last what is old is forgotten.
            var reaped = 0
            for turn in 0..<130 where reaped == 0 {
                clock.advance(by: .seconds(7))
                reaped = try await database.write { try (turn % 2 == 0 ? two : one).reap(atMost: 10, on: $0) }
            }
            #expect(reaped == 1)
        }
    }

    @Test func `tables of another version are refused`() async throws {
        try await withDatabase { database, _ in
            for _ in 0..<2 { _ = try await database.write { try SQLiteTransactionClaims(in: $0) } }
            let change = "UPDATE holdfast_meta SET value = 9 WHERE name = 'version'"
            try await database.write { try $0.execute(sql: change) }
            let error = await #expect(throws: ClaimStoreError.self) {
                _ = try await database.write { try SQLiteTransactionClaims(in: $0) }
            }
            #expect(error?.code == .unusable && error?.description.contains("version 9") == true)
        }
    }
}
#endif
