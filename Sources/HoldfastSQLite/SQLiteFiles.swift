#if SQLite
import Foundation
import HoldfastIdempotency

/// Looks at the files at a store's path, by their names: what SQLite writes to is not asked.
///
/// The log is opened a second time, which costs no lock, since SQLite locks the file alone. The file must not be: whoever
/// closes a second descriptor of it lets go of the process's locks on it.
final class SQLiteFiles {
    let path: String
    let logPath: String
    private let log: Int32
    private var machine: SQLiteFileMachine

    /// - Parameters:
    ///   - path: As it was given: it may lead to the file by a link.
    ///   - logPath: The log's own.
    init(path: String, logPath: String) throws {
        (self.path, self.logPath) = (path, logPath)
        guard let file = Self.look(at: path) else { throw SQLiteFileMachine.Change.fileGone }
        let descriptor = open(logPath, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0, let stat = Self.look(at: logPath) else {
            if descriptor >= 0 { close(descriptor) }
            throw SQLiteFileMachine.Change.logGone
        }
        log = descriptor
        machine = SQLiteFileMachine(file: file, log: stat)
    }

    deinit { close(log) }

    /// Looks whether a commit is where it belongs: two names, a head and two frames, about three microseconds.
    ///
    /// - Parameters:
    ///   - frames: How many the log has now.
    ///   - pageSize: The database's.
    /// - Throws: ``SQLiteFileMachine/Change``, if it is not.
    func check(frames: Int, pageSize: Int) throws {
        func frame(_ number: Int) -> [UInt8] {
            guard number > 0 else { return [] }
            let place = SQLiteLogFormat.offset(ofFrame: number - 1, pageSize: pageSize)
            return Self.read(log, from: place, count: SQLiteLogFormat.frameHeadSize + pageSize)
        }
        let sight = SQLiteFileMachine.Sight(
            file: Self.look(at: path), log: Self.look(at: logPath),
            head: Self.read(log, from: 0, count: SQLiteLogFormat.headSize), former: frame(machine.frames),
            newest: frame(frames))
        if let change = machine.take(sight, frames: frames) { throw change }
    }

    /// Takes note that the log was copied into the file.
    func copied(isWhole: Bool) throws {
        if let change = machine.copied(to: Self.look(at: path), isWhole: isWhole) { throw change }
    }

    static func look(at path: String) -> SQLiteFileMachine.Stat? {
        var found = stat()
        guard stat(path, &found) == 0 else { return nil }
        #if canImport(Darwin)
        let modified = found.st_mtimespec
        #else
        let modified = found.st_mtim
        #endif
        return SQLiteFileMachine.Stat(
            device: UInt64(truncatingIfNeeded: found.st_dev), inode: UInt64(truncatingIfNeeded: found.st_ino),
            size: Int64(found.st_size), modified: Int64(modified.tv_sec) &* 1_000_000_000 &+ Int64(modified.tv_nsec))
    }

    /// Reads what a dead process has left of a log.
    static func scanLog(at path: String) -> SQLiteLogScan.Finding {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return .none }
        defer { close(descriptor) }
        var found = stat()
        guard fstat(descriptor, &found) == 0 else { return .none }
        return SQLiteLogScan.find(size: Int(found.st_size)) { read(descriptor, from: $0, count: $1) }
    }

    /// - Returns: Fewer bytes, if there are no more.
    private static func read(_ descriptor: Int32, from offset: Int, count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, size in
            size = max(0, pread(descriptor, buffer.baseAddress, count, off_t(offset)))
        }
    }
}
#endif
