#if PostgreSQL
import Holdfast
import HoldfastIdempotency
import HoldfastTesting
import TestSupport
import Testing

@testable import HoldfastPostgres

/// Keys in a transaction of the user's own.
@Suite struct PostgresTransactionTests {
    private let scope = Scope(caller: "acme", operation: "charges")
    private struct Torn: Error {}

    /// A user of the database, who writes charges.
    private struct User: Sendable {
        let store: PostgresStore
        let connection: PostgresConnection
        let scope: Scope

        func execute(_ sql: String, _ parameters: [String?] = []) async throws -> PostgresRows {
            try await connection.send([PostgresStatement(sql, parameters)])[0]
        }

        var charges: Int {
            get async throws { Int(try await execute("SELECT count(*) FROM charge")[0][0] ?? "") ?? -1 }
        }

        /// Inside whatever transaction there is.
        func charge(
            _ key: String, _ amount: Int = 7, sealing seal: PayloadSeal? = nil,
            meanwhile: @Sendable () async throws -> Void = {}
        ) async throws -> Executed<Int> {
            try await store.run(
                IdempotencyKey(key), in: scope, saying: [[UInt8(amount)]], sealing: seal,
                within: { try await execute($0, $1) },
                {
                    _ = try await execute("INSERT INTO charge VALUES ($1::int)", [String(amount)])
                    try await meanwhile()
                    return amount
                })
        }

        func transaction<R>(_ body: () async throws -> R) async throws -> R {
            _ = try await execute("BEGIN")
            do {
                let result = try await body()
                _ = try await execute("COMMIT")
                return result
            } catch {
                _ = try await execute("ROLLBACK")
                throw error
            }
        }
    }

    private func users(_ count: Int = 1) async throws -> (store: PostgresStore, users: [User]) {
        let url = try await PostgresServer.shared.value.database()
        let store = try await PostgresStore(url: url)
        var users: [User] = []
        for _ in 0..<count {
            let connection = try await PostgresConnection.connect(to: url)
            users.append(User(store: store, connection: connection, scope: scope))
        }
        _ = try await users[0].execute("CREATE TABLE charge (amount int)")
        return (store, users)
    }

    @Test func `the claim and the user's writes and the outcome are one transaction`() async throws {
        let (_, users) = try await users()
        let user = users[0]
        await #expect(throws: Torn.self) {
            try await user.transaction { _ = try await user.charge("k") { throw Torn() } }
        }
        try await expectEqual(user.charges, 0)
        for isReplay in [false, true, true] {
            let executed = try await user.transaction { try await user.charge("k") }
            #expect(executed.value == 7 && executed.isReplay == isReplay)
        }
        try await expectEqual(user.charges, 1)
    }

    @Test func `outside a transaction nothing is done, and the key is free`() async throws {
        let (_, users) = try await users()
        let error = await #expect(throws: ClaimStoreError.self) { _ = try await users[0].charge("k") }
        #expect(error?.code == .invalid)
        try await expectEqual(users[0].charges, 0)
        try await expectEqual(users[0].transaction { try await users[0].charge("k").isReplay }, false)
    }

    @Test func `another payload is refused and learns nothing`() async throws {
        let (_, users) = try await users()
        _ = try await users[0].transaction { try await users[0].charge("k") }
        let error = await #expect(throws: IdempotencyError.self) {
            try await users[0].transaction { _ = try await users[0].charge("k", 8) }
        }
        guard case .mismatched? = error else { throw UnexpectedOutcome("\(String(describing: error))") }
        try await expectEqual(users[0].charges, 1)
    }

    @Test(arguments: [false, true])
    func `a duplicate waits for the transaction, and does the work only if that is rolled back`(
        isTorn: Bool
    ) async throws {
        let (_, users) = try await users(3)
        let (begun, beginning) = AsyncStream.makeStream(of: Void.self)
        let (ended, end) = AsyncStream.makeStream(of: Void.self)
        let first = Task {
            try await users[0].transaction {
                try await users[0].charge("k") {
                    beginning.finish()
                    for await _ in ended {}
                    if isTorn { throw Torn() }
                }
            }
        }
        for await _ in begun {}
        let second = Task { try await users[1].transaction { try await users[1].charge("k") } }
        // The server says that somebody waits for the lock.
        while try await users[2].execute("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted").isEmpty {
            await Task.yield()
        }
        end.finish()
        if isTorn {
            await #expect(throws: Torn.self) { try await first.value }
        } else {
            try await expectEqual(first.value.isReplay, false)
        }
        try await expectEqual(second.value.isReplay, !isTorn)
        try await expectEqual(users[2].charges, 1)
    }

    @Test func `the engine on the same store and the transaction answer each other's repeats`() async throws {
        let (store, users) = try await users()
        let engine = try IdempotencyEngine(store: store)
        _ = try await users[0].transaction { try await users[0].charge("k") }
        let replayed = try await engine.run(.init("k"), in: scope, saying: [[7]]) { _ in 8 }
        #expect(replayed.isReplay && replayed.value == 7)
        _ = try await engine.run(.init("other"), in: scope, saying: [[7]]) { _ in 9 }
        let executed = try await users[0].transaction { try await users[0].charge("other") }
        #expect(executed.isReplay && executed.value == 9)
        try await expectEqual(users[0].charges, 1)
    }

    @Test func `a key that the engine executes or has lost sight of is not executed here`() async throws {
        let (store, users) = try await users()
        let engine = try IdempotencyEngine(store: store)
        var refusal: (any Error)?
        await #expect(throws: Torn.self) {
            _ = try await engine.run(.init("k"), in: scope, saying: [[7]]) { _ -> Int in
                do { return try await users[0].transaction { try await users[0].charge("k").value } } catch {
                    refusal = error
                }
                throw Torn()
            }
        }
        guard case .inFlight? = refusal as? IdempotencyError else {
            throw UnexpectedOutcome("\(String(describing: refusal))")
        }
        let unknown = await #expect(throws: IdempotencyError.self) {
            try await users[0].transaction { _ = try await users[0].charge("k") }
        }
        guard case .unknown? = unknown else { throw UnexpectedOutcome("\(String(describing: unknown))") }
        try await expectEqual(users[0].charges, 0)
    }

    @Test func `an outcome is sealed, and one that does not open is unreadable`() async throws {
        let (_, users) = try await users()
        let seal = try PayloadSeal(writing: .init(1, bytes: [UInt8](repeating: 3, count: 32)))
        let other = try PayloadSeal(writing: .init(2, bytes: [UInt8](repeating: 4, count: 32)))
        for isReplay in [false, true] {
            let executed = try await users[0].transaction { try await users[0].charge("k", sealing: seal) }
            #expect(executed.value == 7 && executed.isReplay == isReplay)
        }
        let error = await #expect(throws: IdempotencyError.self) {
            try await users[0].transaction { _ = try await users[0].charge("k", sealing: other) }
        }
        guard case .unreadable? = error else { throw UnexpectedOutcome("\(String(describing: error))") }
        try await expectEqual(users[0].charges, 1)
    }

    @Test(arguments: [Duration.seconds(59), .seconds(365 * 86_400 + 1)])
    func `a retention out of its range is refused before anything is asked`(retention: Duration) async throws {
        let (store, _) = try await users()
        await #expect(throws: ConfigurationError.self) {
            _ = try await store.run(IdempotencyKey("k"), in: scope, saying: [], retention: retention) { _, _ in
                throw UnexpectedOutcome("it was asked")
            } _: {
                1
            }
        }
    }

    @Test func `an outcome that is too large to be given back is refused, and its work is rolled back`() async throws {
        let (store, users) = try await users()
        let error = await #expect(throws: ClaimStoreError.self) {
            try await users[0].transaction {
                _ = try await store.run(
                    IdempotencyKey("k"), in: scope, saying: [], coding: .bytes,
                    within: { try await users[0].execute($0, $1) },
                    {
                        _ = try await users[0].execute("INSERT INTO charge VALUES (1)")
                        return [UInt8](repeating: 1, count: 63 << 20 + 1)
                    })
            }
        }
        #expect(error?.code == .invalid)
        try await expectEqual(users[0].charges, 0)
    }
}
#endif
