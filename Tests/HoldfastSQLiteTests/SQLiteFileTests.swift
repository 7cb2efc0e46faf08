#if SQLite
import Foundation
import GRDB
import Holdfast
import HoldfastIdempotency
import TestSupport
import Testing

@testable import HoldfastSQLite

/// What happens to a store's files under it, and what is made of what a dead process has left.
@Suite struct SQLiteFileTests {
    private let fingerprint = Fingerprint(bytes: [1])

    /// A folder of the test's own, with a folder for the store in it.
    private func inFolder(_ body: (Files) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "holdfast-\(UUID())")
        try FileManager.default.createDirectory(
            at: folder.appending(path: "data"), withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try await body(Files(folder: folder))
    }

    /// A store's files, and what people do to them.
    struct Files {
        let folder: URL
        var data: URL { folder.appending(path: "data") }
        var file: String { data.appending(path: "store.db").path }
        var log: String { file + "-wal" }
        var note: String { file + "-damaged" }
        var backup: String { folder.appending(path: "backup.db").path }
        var formerLog: String { folder.appending(path: "former-wal").path }

        /// What a kill at this moment would leave, elsewhere.
        func left(_ name: String = "left") throws -> Files {
            let left = Files(folder: folder.appending(path: name))
            try FileManager.default.createDirectory(at: left.folder, withIntermediateDirectories: true)
            if FileManager.default.fileExists(atPath: data.path) {
                try FileManager.default.copyItem(at: data, to: left.data)
            } else {
                try FileManager.default.createDirectory(at: left.data, withIntermediateDirectories: true)
            }
            for name in ["backup.db", "former-wal"] {
                try? FileManager.default.copyItem(
                    at: folder.appending(path: name), to: left.folder.appending(path: name))
            }
            return left
        }

        func size(_ path: String) -> Int { Int(SQLiteFiles.look(at: path)?.size ?? 0) }

        func cut(_ path: String, to size: Int) throws {
            let handle = try FileHandle(forUpdating: URL(filePath: path))
            try handle.truncate(atOffset: UInt64(size))
            try handle.close()
        }

        /// As `cp` does it: into the same file.
        func write(_ path: String, _ bytes: Data) throws {
            let handle = try FileHandle(forUpdating: URL(filePath: path))
            try handle.truncate(atOffset: 0)
            try handle.write(contentsOf: bytes)
            try handle.close()
        }

        func copy(_ from: String, over path: String) throws {
            try write(path, try Data(contentsOf: URL(filePath: from)))
        }

        func move(_ from: String, to path: String) throws {
            guard rename(from, path) == 0 else { throw ClaimStoreError(.failed, "rename: \(errno)") }
        }

        func remove(_ path: String) throws { try FileManager.default.removeItem(atPath: path) }
    }

    /// What somebody does to the files, and what becomes of it.
    struct Act: Sendable, CustomStringConvertible {
        let description: String
        /// What is seen in a running store.
        let change: SQLiteFileMachine.Change
        /// Whether what is left is refused when the process was killed before it saw anything.
        let isRefusedUnseen: Bool
        let body: @Sendable (Files) throws -> Void

        init(
            _ description: String, _ change: SQLiteFileMachine.Change, refusedUnseen: Bool = true,
            _ body: @escaping @Sendable (Files) throws -> Void
        ) {
            self.description = description
            self.change = change
            isRefusedUnseen = refusedUnseen
            self.body = body
        }
    }

    static let acts = [
        Act("rm store.db", .fileGone) { try $0.remove($0.file) },
        Act("rm store.db-wal", .logGone) { try $0.remove($0.log) },
        Act("rm store.db*", .fileGone, refusedUnseen: false) {
            try $0.remove($0.file)
            try $0.remove($0.log)
        },
        Act("rm -r data", .fileGone, refusedUnseen: false) { try $0.remove($0.data.path) },
        Act("mv data elsewhere", .fileGone, refusedUnseen: false) {
            try $0.move($0.data.path, to: $0.folder.path + "/x")
        },
        Act("mv store.db elsewhere", .fileGone) { try $0.move($0.file, to: $0.folder.path + "/x.db") },
        Act("mv store.db-wal elsewhere", .logGone) { try $0.move($0.log, to: $0.folder.path + "/x") },
        Act("cp backup.db store.db", .fileWritten) { try $0.copy($0.backup, over: $0.file) },
        Act("mv backup.db store.db", .fileReplaced) { try $0.move($0.backup, to: $0.file) },
        Act("rm store.db; cp backup.db store.db", .fileReplaced) {
            try $0.remove($0.file)
            try FileManager.default.copyItem(atPath: $0.backup, toPath: $0.file)
        },
        Act(": > store.db", .fileWritten) { try $0.cut($0.file, to: 0) },
        Act("truncate -s -4K store.db", .fileWritten, refusedUnseen: false) {
            try $0.cut($0.file, to: $0.size($0.file) - 4_096)
        },
        Act("truncate -s +4K store.db", .fileWritten, refusedUnseen: false) {
            try $0.cut($0.file, to: $0.size($0.file) + 4_096)
        },
        Act("echo > store.db", .fileWritten) { try $0.write($0.file, Data("nothing\n".utf8)) },
        Act("dd of=store.db bs=100 count=1 conv=notrunc", .fileWritten) {
            let handle = try FileHandle(forUpdating: URL(filePath: $0.file))
            try handle.write(contentsOf: Data(repeating: 0xA5, count: 100))
            try handle.close()
        },
        Act(": > store.db-wal", .logCut) { try $0.cut($0.log, to: 0) },
        Act("truncate to the log's head", .logCut, refusedUnseen: false) { try $0.cut($0.log, to: 32) },
        Act("truncate to half of the log", .logCut, refusedUnseen: false) {
            try $0.cut($0.log, to: $0.size($0.log) / 2)
        },
        Act("truncate -s -1 store.db-wal", .logCut, refusedUnseen: false) {
            try $0.cut($0.log, to: $0.size($0.log) - 1)
        },
        Act("cp anything store.db-wal", .logWritten) {
            try $0.write($0.log, Data(repeating: 0x41, count: $0.size($0.log)))
        },
        Act("cp former-wal store.db-wal", .logWritten) { try $0.copy($0.formerLog, over: $0.log) },
        Act("mv former-wal store.db-wal", .logReplaced) { try $0.move($0.formerLog, to: $0.log) },
        Act("dd of=store.db-wal bs=32 count=1 conv=notrunc", .logWritten) {
            let handle = try FileHandle(forUpdating: URL(filePath: $0.log))
            try handle.write(contentsOf: Data(repeating: 0xA5, count: 32))
            try handle.close()
        },
    ]

    private func claim(_ store: SQLiteStore, _ number: Int, count: Int = 1) async throws -> [ClaimReply] {
        let action = ClaimCommand.Action.claim(
            fingerprint: fingerprint, lease: .seconds(10), retention: .seconds(86_400))
        return try await store.apply(
            (number..<number + count).map { number in
                ClaimCommand(id: RecordID(bytes: [UInt8(number / 250), UInt8(number % 250)]), action: action)
            })
    }

    private func complete(_ store: SQLiteStore, _ number: Int, fence: Int64, _ payload: [UInt8]) async throws {
        let id = RecordID(bytes: [UInt8(number / 250), UInt8(number % 250)])
        let action = ClaimCommand.Action.complete(fence: fence, payload: payload, retention: .seconds(86_400))
        try await expectEqual(store.apply([ClaimCommand(id: id, action: action)]), [.done])
    }

    /// A store with something in it, which has been stopped and copied twice before.
    private func store(_ files: Files) async throws -> SQLiteStore {
        for number in [900, 910] {
            let former = try SQLiteStore(path: files.file)
            _ = try await claim(former, number)
            if number == 910 { try FileManager.default.copyItem(atPath: files.log, toPath: files.formerLog) }
            try former.close()
            if number == 900 { try FileManager.default.copyItem(atPath: files.file, toPath: files.backup) }
        }
        let store = try SQLiteStore(path: files.file)
        for number in 0..<30 { _ = try await claim(store, number * 3, count: 3) }
        return store
    }

    private func refusal(_ files: Files) -> ClaimStoreError? {
        do {
            try SQLiteStore(path: files.file).close()
            return nil
        } catch { return error as? ClaimStoreError }
    }

    @Test(arguments: acts)
    func `nothing is acknowledged when the files are not there any more, and what is left is not opened`(act: Act)
        async throws
    {
        try await inFolder { files in
            let store = try await store(files)
            try act.body(files)
            for _ in 0..<2 {
                let error = await #expect(throws: ClaimStoreError.self) { try await claim(store, 400, count: 3) }
                #expect(
                    error?.code == .unusable && error?.description.contains(act.change.rawValue) == true,
                    "\(error as Any)")
            }
            await #expect(throws: ClaimStoreError.self) { try await store.reap(atMost: 1) }
            #expect(throws: ClaimStoreError.self) { try store.close() }
            let left = try files.left()
            guard FileManager.default.fileExists(atPath: files.data.path) else { return }
            #expect(refusal(left)?.code == .unusable)
            #expect(refusal(left)?.description.contains(act.change.rawValue) == true)
        }
    }

    @Test(arguments: acts.filter(\.isRefusedUnseen))
    func `what was done to the files before a kill that nobody saw is refused too`(act: Act) async throws {
        try await inFolder { files in
            let store = try await store(files)
            let left = try files.left()
            try store.close()
            try act.body(left)
            let before = [left.file, left.log].map { (try? Data(contentsOf: URL(filePath: $0))) ?? Data() }
            #expect(refusal(left)?.code == .unusable)
            // What is refused is left as it is.
            let after = [left.file, left.log].map { (try? Data(contentsOf: URL(filePath: $0))) ?? Data() }
            #expect(after == before)
        }
    }

    @Test func `reading, linking and other rights are nothing to a running store`() async throws {
        try await inFolder { files in
            let store = try await store(files)
            try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: files.file)
            try FileManager.default.linkItem(atPath: files.file, toPath: files.folder.path + "/link.db")
            _ = try Data(contentsOf: URL(filePath: files.log))
            _ = try files.left()
            try await expectEqual(claim(store, 500).count, 1)
            try store.close()
            #expect(FileManager.default.fileExists(atPath: files.log) == false)
        }
    }

    @Test func `a store behind a link is watched at both ends`() async throws {
        try await inFolder { files in
            let link = files.folder.path + "/link.db"
            try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: files.file)
            _ = FileManager.default.createFile(atPath: files.file, contents: nil)
            let store = try SQLiteStore(path: link)
            try await expectEqual(claim(store, 1), [.claimed(fence: 1)])
            try files.remove(link)
            try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: files.backup)
            let error = await #expect(throws: ClaimStoreError.self) { try await claim(store, 2) }
            #expect(error?.description.contains("gone") == true)
        }
    }

    @Test func `the index of the log is in no file`() async throws {
        try await inFolder { files in
            let store = try await store(files)
            let names = try FileManager.default.contentsOfDirectory(atPath: files.data.path).sorted()
            #expect(names == ["store.db", "store.db-wal"])
            try store.close()
        }
    }

    @Test func `a kill at any commit leaves what is opened, with all that was acknowledged`() async throws {
        try await inFolder { files in
            let store = try SQLiteStore(path: files.file)
            // Each is more than the log has before it is copied, so the log is copied and begun anew all the time.
            for number in 0..<4 {
                try await expectEqual(claim(store, number), [.claimed(fence: Int64(number + 1))])
                for step in 0..<2 {
                    if step == 1 {
                        try await complete(
                            store, number, fence: Int64(number + 1), [UInt8](repeating: UInt8(number), count: 5 << 20))
                    }
                    let left = try files.left("left-\(number)-\(step)")
                    let opened = try SQLiteStore(path: left.file)
                    for known in 0..<number + step {
                        let payload = [UInt8](repeating: UInt8(known), count: 5 << 20)
                        let replies = try await claim(opened, known)
                        #expect(replies == [.completed(payload: payload)], "\(known) after \(number), \(step)")
                    }
                    if step == 0 { try await expectEqual(claim(opened, number), [.unknown(fence: Int64(number + 1))]) }
                    try opened.close()
                    try files.remove(left.folder.path)
                }
            }
            try store.close()
            #expect(refusal(files)?.description == nil)
        }
    }

    @Test func `the log falls back after a large commit`() async throws {
        try await inFolder { files in
            let store = try SQLiteStore(path: files.file)
            try await expectEqual(claim(store, 1), [.claimed(fence: 1)])
            try await complete(store, 1, fence: 1, [UInt8](repeating: 1, count: 24 << 20))
            #expect(files.size(files.log) > 24 << 20)
            // The first of them has the log copied, the second begins it anew.
            for number in 2...3 { _ = try await claim(store, number) }
            #expect(files.size(files.log) <= SQLiteLog.sizeBound)
            try store.close()
        }
    }

    @Test func `damage in the middle of the log is told, and can be accepted`() async throws {
        try await inFolder { files in
            let store = try await store(files)
            let left = try files.left()
            try store.close()
            let handle = try FileHandle(forUpdating: URL(filePath: left.log))
            try handle.seek(toOffset: UInt64(SQLiteLogFormat.offset(ofFrame: 20, pageSize: 4_096) + 1_000))
            try handle.write(contentsOf: Data([0xAA, 0x55, 0xAA]))
            try handle.close()
            let before = try Data(contentsOf: URL(filePath: left.log))
            #expect(refusal(left)?.description.contains("damaged") == true)
            try expectEqual(Data(contentsOf: URL(filePath: left.log)), before)
            // The connection that found it is left open, so somebody else has to look.
            let other = try left.left("other")
            try expectEqual(SQLiteStore.recover(path: other.file).count, 1)
            let opened = try SQLiteStore(path: other.file)
            try await expectEqual(claim(opened, 0), [.unknown(fence: 3)])
            guard case .claimed? = try await claim(opened, 80).first else {
                Issue.record("what was lost is known")
                return
            }
            try opened.close()
        }
    }

    @Test func `a loss that is accepted is accepted once`() async throws {
        try await inFolder { files in
            let store = try await store(files)
            try files.remove(files.log)
            await #expect(throws: ClaimStoreError.self) { try await claim(store, 400) }
            let left = try files.left()
            #expect(refusal(left)?.description.contains("holdfast recover") == true)
            try expectEqual(SQLiteStore.recover(path: left.file).count, 2)
            #expect(refusal(left)?.description == nil)
            try expectEqual(SQLiteStore.recover(path: left.file), [])
            #expect(throws: ClaimStoreError.self) { try SQLiteStore.recover(path: left.file + "x") }
        }
    }

    @Test func `a file that another program has opened after a kill is whole`() async throws {
        try await inFolder { files in
            let store = try await store(files)
            let left = try files.left()
            try store.close()
            let queue = try DatabaseQueue(path: left.file)
            try await expectEqual(
                queue.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM record") }, 92)
            try queue.close()
            #expect(FileManager.default.fileExists(atPath: left.log) == false)
            let opened = try SQLiteStore(path: left.file)
            try await expectEqual(claim(opened, 0), [.unknown(fence: 3)])
            try opened.close()
        }
    }
}
#endif
