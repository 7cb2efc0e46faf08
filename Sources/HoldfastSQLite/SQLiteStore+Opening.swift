#if SQLite
import Foundation
import GRDB
import GRDBSQLite
import HoldfastIdempotency

extension SQLiteStore {
    /// What is looked at before a file is believed: whether it and its log are all that was acknowledged.
    ///
    /// What SQLite would pass over without a word is a refusal here, since keys that are forgotten are executed again. Who
    /// has looked, and accepts that, says so.
    struct Opening {
        let path: String
        let acceptsLoss: Bool
        /// What was accepted, in words.
        private(set) var losses: [String] = []
        /// Whether the connection must be left as it is: closing it would copy the log into the file, and delete it.
        private(set) var mustNotClose = false

        init(path: String, acceptsLoss: Bool) {
            (self.path, self.acceptsLoss) = (path, acceptsLoss)
        }

        /// Where a store says that its files were damaged under it.
        static func notePath(_ path: String) -> String { path + "-damaged" }

        /// Before SQLite sees the file.
        mutating func lookAtNames() throws(ClaimStoreError) {
            let note = Self.notePath(path)
            if let text = try? String(contentsOfFile: note, encoding: .utf8) {
                try meet("\(note) says: \(text.trimmingCharacters(in: .whitespacesAndNewlines))")
            }
            // SQLite deletes the log of a file that is empty or not there.
            let logPath = URL(filePath: path).resolvingSymlinksInPath().path + "-wal"
            let log = SQLiteFiles.look(at: logPath)
            if SQLiteFiles.look(at: path)?.size ?? 0 == 0, let log, log.size > SQLiteLogFormat.headSize {
                try meet("the file is gone or empty, but its log \(logPath) is there")
            }
        }

        /// With the lock, and before anything is written.
        ///
        /// - Returns: Whether there is a log.
        mutating func lookAtLog(_ logPath: String) throws(ClaimStoreError) -> Bool {
            let finding = SQLiteFiles.scanLog(at: logPath)
            if case .damaged(let taken, let all) = finding {
                mustNotClose = !acceptsLoss
                try meet(
                    "its log \(logPath) is damaged: commits that were acknowledged stand behind the damage, after \(taken) of \(all) frames"
                )
            }
            return finding.isLog
        }

        /// The file by itself. What stands in its log is not put over something else.
        mutating func lookAtFile(_ read: () throws -> SQLiteEpoch?) throws -> SQLiteEpoch? {
            do { return try read() } catch {
                mustNotClose = true
                throw error
            }
        }

        /// When both have been read together.
        mutating func look(at found: SQLiteEpoch, isLog: Bool, file: SQLiteEpoch?) throws(ClaimStoreError) {
            switch found.doubt(file: isLog ? file ?? found : found, isLog: isLog) {
            case nil: return
            case .logMissing:
                try meet(
                    "its log \(path)-wal is missing or empty: what was acknowledged since the log was last copied is not here"
                )
            case .logOfAnother:
                mustNotClose = true
                throw ClaimStoreError(
                    .unusable,
                    "the store at \(path) is refused: its log \(path)-wal is of another time than the file, as after a copy was put in its place. Put both from one copy; if the file alone is right, move the log away"
                )
            }
        }

        private mutating func meet(_ loss: String) throws(ClaimStoreError) {
            guard acceptsLoss else {
                throw ClaimStoreError(
                    .unusable,
                    "the store at \(path) is refused: \(loss). Keys that are lost would be executed again: put the file and its log back, both from one copy, or accept it: 'holdfast recover'"
                )
            }
            losses.append(loss)
        }

        /// Nobody need hear of it again.
        func accepted() {
            if acceptsLoss { try? FileManager.default.removeItem(atPath: Self.notePath(path)) }
        }
    }

    /// Opens a store that is refused because some of it is lost, and accepts that: what is lost will be executed again.
    /// A log that belongs to another file is refused all the same.
    ///
    /// - Returns: What was lost, in words.
    /// - Throws: `ClaimStoreError` with the code `unusable`, as ``init(path:clock:)`` does, and when there is no file.
    public static func recover(path: String) throws -> [String] {
        guard FileManager.default.fileExists(atPath: path) || FileManager.default.fileExists(atPath: path + "-wal")
        else {
            throw ClaimStoreError(.unusable, "there is no store at \(path)")
        }
        let store = try SQLiteStore(path: path, acceptsLoss: true)
        try store.close()
        return store.losses
    }

    /// Says beside the file what has happened to it, for whoever would open it again. The folder may be gone too.
    static func note(_ change: SQLiteFileMachine.Change, at path: String) {
        let text = "\(change.rawValue) while it was open\n"
        try? text.write(toFile: Opening.notePath(path), atomically: false, encoding: .utf8)
    }
}
#endif
