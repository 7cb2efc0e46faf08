#if SQLite
import Foundation
import GRDB
import Holdfast
import HoldfastIdempotency
import HoldfastSQLite
import HoldfastIdempotencyTesting
import HoldfastTesting
import TestSupport
import Testing

@Suite struct SQLiteStoreTests {
    private let fingerprint = Fingerprint(bytes: [1])
    private let id = RecordID(bytes: [7])

    /// A folder of the test's own, removed afterwards.
    private func inFolder(_ body: (String) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "holdfast-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try await body(folder.appending(path: "store.db").path)
    }

    private func claim(_ store: SQLiteStore, _ id: RecordID? = nil) async throws -> ClaimReply? {
        let action = ClaimCommand.Action.claim(fingerprint: fingerprint, lease: .seconds(10), retention: .seconds(100))
        return try await store.apply([ClaimCommand(id: id ?? self.id, action: action)]).first
    }

    private func complete(_ store: SQLiteStore, fence: Int64, _ payload: [UInt8]?) async throws -> ClaimReply? {
        let action = ClaimCommand.Action.complete(fence: fence, payload: payload, retention: .seconds(100))
        return try await store.apply([ClaimCommand(id: id, action: action)]).first
    }

    @Test(arguments: ClaimStoreConformance.checks)
    func `it is a store as all are`(check: ClaimStoreConformance.Check) async throws {
        try await inFolder { path in
            let clock = ManualClock()
            let store = try SQLiteStore(path: path, clock: clock)
            try await check.run(on: store) { clock.advance(by: $0) }
            try store.close()
        }
    }

    @Test func `an outcome survives closing and opening`() async throws {
        try await inFolder { path in
            let store = try SQLiteStore(path: path)
            try await expectEqual(claim(store), .claimed(fence: 1))
            try await expectEqual(complete(store, fence: 1, [1, 2, 0, 255]), .done)
            let secret = try await store.secret().bytes
            try store.close()
            let reopened = try SQLiteStore(path: path)
            try await expectEqual(claim(reopened), .completed(payload: [1, 2, 0, 255]))
            try await expectEqual(reopened.secret().bytes, secret)
            try reopened.close()
        }
    }

    @Test func `what a dead process left in flight is unknown at once`() async throws {
        try await inFolder { path in
            let store = try SQLiteStore(path: path)
            try await expectEqual(claim(store), .claimed(fence: 1))
            try store.close()
            let reopened = try SQLiteStore(path: path)
            try await expectEqual(claim(reopened), .unknown(fence: 1))
            let last = try await reopened.summary(of: id)?.history.entries.last
            #expect(last?.event == .abandoned)
            #expect(last?.why == "its process ended")
            try reopened.close()
        }
    }

    @Test func `a fence is never granted twice`() async throws {
        try await inFolder { path in
            let store = try SQLiteStore(path: path)
            try await expectEqual(claim(store), .claimed(fence: 1))
            try await expectEqual(store.apply([ClaimCommand(id: id, action: .release(fence: 1))]), [.done])
            try store.close()
            let reopened = try SQLiteStore(path: path)
            try await expectEqual(claim(reopened), .claimed(fence: 2))
            try await expectEqual(complete(reopened, fence: 1, [1]), .stale)
            try reopened.close()
        }
    }

    @Test func `a second process is refused`() async throws {
        try await inFolder { path in
            let store = try SQLiteStore(path: path)
            let error = #expect(throws: ClaimStoreError.self) { try SQLiteStore(path: path) }
            #expect(error?.description.contains("another process holds") == true)
            try store.close()
        }
    }

    @Test func `time while the store is closed does not count`() async throws {
        try await inFolder { path in
            let clock = ManualClock()
            let store = try SQLiteStore(path: path, clock: clock)
            try await expectEqual(claim(store), .claimed(fence: 1))
            try await expectEqual(complete(store, fence: 1, [1]), .done)
            clock.advance(by: .seconds(90))
            try await expectEqual(store.reap(atMost: 10), 0)
            try store.close()
            // Another origin: a machine that was started again.
            let later = ManualClock(at: MonotonicInstant(nanoseconds: 0))
            let reopened = try SQLiteStore(path: path, clock: later)
            later.advance(by: .seconds(9))
            try await expectEqual(claim(reopened), .completed(payload: [1]))
            later.advance(by: .seconds(1))
            try await expectEqual(reopened.reap(atMost: 10), 1)
            try await expectEqual(claim(reopened), .claimed(fence: 2))
            try reopened.close()
        }
    }

    @Test func `an outcome too large to keep is a tombstone`() async throws {
        try await inFolder { path in
            let store = try SQLiteStore(path: path)
            try await expectEqual(claim(store), .claimed(fence: 1))
            try await expectEqual(complete(store, fence: 1, nil), .done)
            try await expectEqual(claim(store), .completed(payload: nil))
            try store.close()
        }
    }

    @Test func `a file that is no store is refused in one sentence`() async throws {
        try await inFolder { path in
            try Data("this is not a database, and it is long enough to be looked at".utf8)
                .write(to: URL(filePath: path))
            #expect(throws: ClaimStoreError.self) { try SQLiteStore(path: path) }
        }
        try await inFolder { path in
            let queue = try DatabaseQueue(path: path)
            try await queue.write { try $0.execute(sql: "CREATE TABLE other (x)") }
            try queue.close()
            let error = #expect(throws: ClaimStoreError.self) { try SQLiteStore(path: path) }
            #expect(error?.description.contains("not a Holdfast store") == true)
        }
    }

    /// Claims many keys, and closes the file.
    private func fill(_ path: String) async throws {
        let store = try SQLiteStore(path: path)
        let action = ClaimCommand.Action.claim(fingerprint: fingerprint, lease: .seconds(10), retention: .seconds(100))
        let ids = (0..<400).map { RecordID(bytes: [UInt8($0 / 200), UInt8($0 % 200)]) }
        _ = try await store.apply(ids.map { ClaimCommand(id: $0, action: action) })
        try store.close()
    }

    @Test func `a file with a damaged page is refused in one sentence`() async throws {
        try await inFolder { path in
            try await fill(path)
            let whole = try Data(contentsOf: URL(filePath: path))
            let pages = whole.count / 4_096
            #expect(pages > 10)
            var refused = 0
            for page in 1..<pages {
                var damaged = whole
                damaged.replaceSubrange(page * 4_096..<(page + 1) * 4_096, with: Data(repeating: 0x5A, count: 4_096))
                try damaged.write(to: URL(filePath: path))
                do {
                    let store = try SQLiteStore(path: path)
                    // A page of payloads: nothing that a claim is decided by.
                    try store.close()
                } catch {
                    #expect((error as? ClaimStoreError)?.code == .unusable, "\(error)")
                    refused += 1
                }
            }
            #expect(refused >= pages - 2)
        }
    }

    @Test func `after an error of the disk the store stays closed`() async throws {
        try await inFolder { path in
            let store = try SQLiteStore(path: path)
            try await expectEqual(claim(store), .claimed(fence: 1))
            // More than the page cache holds, and less than what makes a checkpoint: reading it back asks the log.
            try await expectEqual(complete(store, fence: 1, [UInt8](repeating: 7, count: 3 << 20)), .done)
            let log = try FileHandle(forUpdating: URL(filePath: path + "-wal"))
            let whole = try log.readToEnd() ?? Data()
            try log.truncate(atOffset: 0)
            let first = await #expect(throws: ClaimStoreError.self) { _ = try await claim(store) }
            #expect(first?.code == .unusable && first?.description.contains("the log was cut") == true)
            // The disk is well again. What the connection believes is not known to be true.
            try log.seek(toOffset: 0)
            try log.write(contentsOf: whole)
            let other = await #expect(throws: ClaimStoreError.self) {
                _ = try await claim(store, RecordID(bytes: [9]))
            }
            #expect(other?.description == first?.description)
        }
    }

    @Test func `a store of another version is refused`() async throws {
        try await inFolder { path in
            try SQLiteStore(path: path).close()
            let queue = try DatabaseQueue(path: path)
            try await queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA user_version = 9") }
            try queue.close()
            let error = #expect(throws: ClaimStoreError.self) { try SQLiteStore(path: path) }
            #expect(error?.description.contains("version 9") == true)
        }
    }

    /// Brings a file back to how an older version laid it out.
    private func age(_ path: String, to version: Int32) async throws {
        let queue = try DatabaseQueue(path: path)
        try await queue.write { database in
            try database.execute(
                sql: """
                    ALTER TABLE record RENAME TO later;
                    CREATE TABLE record (
                        id BLOB PRIMARY KEY NOT NULL, fingerprint BLOB NOT NULL, fence INTEGER NOT NULL,
                        state INTEGER NOT NULL, lease_ends INTEGER NOT NULL, expires INTEGER NOT NULL
                        \(version == 1 ? "" : ", history TEXT NOT NULL DEFAULT ''")
                    ) WITHOUT ROWID;
                    CREATE TABLE payload (fence INTEGER PRIMARY KEY NOT NULL, bytes BLOB NOT NULL);
                    INSERT INTO record SELECT id, fingerprint, fence, state, lease_ends, expires
                        \(version == 1 ? "" : ", history") FROM later;
                    INSERT INTO payload SELECT fence, payload FROM later WHERE payload IS NOT NULL;
                    DROP TABLE later;
                    CREATE INDEX record_expires ON record (expires);
                    PRAGMA user_version = \(version);
                    """)
        }
        try queue.close()
    }

    @Test(arguments: [(Int32(1), 0), (2, 2)])
    func `a file of an older version is brought up to date and keeps what it holds`(
        version: Int32, events: Int
    ) async throws {
        try await inFolder { path in
            let store = try SQLiteStore(path: path)
            try await expectEqual(claim(store), .claimed(fence: 1))
            try await expectEqual(complete(store, fence: 1, [4, 2]), .done)
            try await expectEqual(claim(store, RecordID(bytes: [8])), .claimed(fence: 2))
            try store.close()
            try await age(path, to: version)
            for _ in 0..<2 {
                let opened = try SQLiteStore(path: path)
                try await expectEqual(claim(opened), .completed(payload: [4, 2]))
                try await expectEqual(opened.summary(of: id)?.history.entries.count, events)
                try await expectEqual(claim(opened, RecordID(bytes: [8])), .unknown(fence: 2))
                try opened.close()
            }
        }
    }

    @Test func `a batch that fails half-way grants nothing and leaves nothing`() async throws {
        try await inFolder { path in
            let store = try SQLiteStore(path: path)
            try await expectEqual(claim(store), .claimed(fence: 1))
            try store.close()
            let queue = try DatabaseQueue(path: path)
            try await queue.write { try $0.execute(sql: "UPDATE record SET state = 9") }
            try queue.close()
            let reopened = try SQLiteStore(path: path)
            let action = ClaimCommand.Action.claim(
                fingerprint: fingerprint, lease: .seconds(10), retention: .seconds(100))
            let commands = [RecordID(bytes: [8]), id].map { ClaimCommand(id: $0, action: action) }
            await #expect(throws: ClaimStoreError.self) { try await reopened.apply(commands) }
            try await expectEqual(reopened.summary(of: RecordID(bytes: [8])), nil)
            try await expectEqual(claim(reopened, RecordID(bytes: [8])), .claimed(fence: 2))
            try reopened.close()
        }
    }

    @Test func `it knows what it holds, also when it is opened again`() async throws {
        try await inFolder { path in
            let clock = ManualClock()
            let store = try SQLiteStore(path: path, clock: clock)
            try await expectEqual(store.usage(), ClaimUsage())
            try await expectEqual(claim(store), .claimed(fence: 1))
            try await expectEqual(claim(store, RecordID(bytes: [8])), .claimed(fence: 2))
            try await expectEqual(complete(store, fence: 1, [UInt8](repeating: 7, count: 10_000)), .done)
            try await expectEqual(store.usage(), ClaimUsage(keys: 2, bytes: 10_000))
            // What is repeated, and what is refused, adds nothing.
            _ = try await claim(store)
            try await expectEqual(complete(store, fence: 9, [1]), .stale)
            let release = ClaimCommand(id: RecordID(bytes: [8]), action: .release(fence: 2))
            try await expectEqual(store.apply([release]), [.done])
            try await expectEqual(store.usage(), ClaimUsage(keys: 1, bytes: 10_000))
            try store.close()
            let reopened = try SQLiteStore(path: path, clock: clock)
            try await expectEqual(reopened.usage(), ClaimUsage(keys: 1, bytes: 10_000))
            clock.advance(by: .seconds(101))
            try await expectEqual(reopened.reap(atMost: 10), 1)
            try await expectEqual(reopened.usage(), ClaimUsage())
            try reopened.close()
        }
    }

    @Test func `what was in flight when its process died is counted as unknown, and listed, when it is opened again`()
        async throws
    {
        try await inFolder { path in
            let clock = ManualClock()
            let store = try SQLiteStore(path: path, clock: clock)
            for number: UInt8 in 0..<5 { _ = try await claim(store, RecordID(bytes: [number])) }
            try await expectEqual(complete(store, fence: 5, [1]), .stale)
            try await expectEqual(store.usage(), ClaimUsage(keys: 5))
            try store.close()
            let reopened = try SQLiteStore(path: path, clock: clock)
            try await expectEqual(reopened.usage(), ClaimUsage(keys: 5, unknown: 5))
            let page = try await reopened.summaries(standing: .unknown, after: nil, atMost: 3)
            #expect(page.summaries.map(\.fence) == [1, 2, 3])
            let rest = try await reopened.summaries(standing: .unknown, after: page.next, atMost: 3)
            #expect(rest.summaries.map(\.fence) == [4, 5] && rest.next == nil)
            try reopened.close()
        }
    }

    @Test func `a file of the fourth version gets its index, and what is unknown in it is found`() async throws {
        try await inFolder { path in
            let store = try SQLiteStore(path: path)
            for number: UInt8 in 0..<3 { _ = try await claim(store, RecordID(bytes: [number])) }
            try store.close()
            let queue = try DatabaseQueue(path: path)
            try await queue.write { database in
                try database.execute(
                    sql: """
                        DROP INDEX record_state;
                        ALTER TABLE record DROP COLUMN context;
                        PRAGMA user_version = 4;
                        """)
            }
            try queue.close()
            for _ in 0..<2 {
                let opened = try SQLiteStore(path: path)
                try await expectEqual(opened.usage(), ClaimUsage(keys: 3, unknown: 3))
                let page = try await opened.summaries(standing: .unknown, after: "1", atMost: 10)
                #expect(page.summaries.map(\.fence) == [2, 3])
                try opened.close()
            }
        }
    }

    @Test func `a claim tells its cause after its process has died, and its bytes are counted`() async throws {
        try await inFolder { path in
            let store = try SQLiteStore(path: path)
            let causes = (0..<4).map { [UInt8](repeating: UInt8($0), count: 100 * $0) }
            for (number, cause) in causes.enumerated() {
                let action = ClaimCommand.Action.claim(
                    fingerprint: fingerprint, lease: .seconds(10), retention: .seconds(100), context: cause)
                _ = try await store.apply([ClaimCommand(id: RecordID(bytes: [UInt8(number)]), action: action)])
            }
            try store.close()
            for _ in 0..<2 {
                let opened = try SQLiteStore(path: path)
                let page = try await opened.summaries(standing: .unknown, after: nil, atMost: 10)
                #expect(page.summaries.map(\.context) == causes)
                try await expectEqual(opened.usage(), ClaimUsage(keys: 4, bytes: 600, unknown: 4))
                try opened.close()
            }
        }
    }

    @Test func `a file of the fifth version is given room for causes, and keeps what it holds`() async throws {
        try await inFolder { path in
            let store = try SQLiteStore(path: path)
            try await expectEqual(claim(store), .claimed(fence: 1))
            try await expectEqual(complete(store, fence: 1, [4, 2]), .done)
            try await expectEqual(claim(store, RecordID(bytes: [8])), .claimed(fence: 2))
            try store.close()
            let queue = try DatabaseQueue(path: path)
            try await queue.write { database in
                try database.execute(sql: "ALTER TABLE record DROP COLUMN context; PRAGMA user_version = 5")
            }
            try queue.close()
            for _ in 0..<2 {
                let opened = try SQLiteStore(path: path)
                try await expectEqual(claim(opened), .completed(payload: [4, 2]))
                try await expectEqual(claim(opened, RecordID(bytes: [8])), .unknown(fence: 2))
                try await expectEqual(opened.summary(of: RecordID(bytes: [8]))?.context, [])
                try await expectEqual(opened.usage(), ClaimUsage(keys: 2, bytes: 2, unknown: 1))
                try opened.close()
            }
        }
    }

    @Test func `an index of states that leads to other records than there are is damage`() async throws {
        try await inFolder { path in
            let store = try SQLiteStore(path: path)
            _ = try await claim(store)
            try store.close()
            // The index is of another condition than it says.
            let other = try DatabaseQueue(path: path)
            try await other.writeWithoutTransaction { database in
                try database.execute(
                    sql: """
                        DROP INDEX record_state;
                        CREATE INDEX record_state ON record (state) WHERE state = 7;
                        PRAGMA writable_schema = ON;
                        UPDATE sqlite_master SET sql = 'CREATE INDEX record_state ON record (state) WHERE state <> 1'
                        WHERE name = 'record_state';
                        """)
            }
            try other.close()
            let error = #expect(throws: ClaimStoreError.self) { try SQLiteStore(path: path) }
            #expect(error?.description.contains("damaged") == true)
        }
    }

    @Test func `a folder that does not exist is said so`() {
        let error = #expect(throws: ClaimStoreError.self) { try SQLiteStore(path: "/nowhere/at/all.db") }
        #expect(error?.code == .unusable)
    }
}
#endif
