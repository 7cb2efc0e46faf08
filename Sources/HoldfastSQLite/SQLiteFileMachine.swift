#if SQLite
/// Decides whether the file and the log at a store's path are still those that its connection writes to.
///
/// SQLite holds both open and does not look at their names again. If one is deleted, renamed, cut or written over, commits
/// go on succeeding, into nothing. So after each commit, and before it is acknowledged, both are looked at:
///
/// - **the file** is only written to when the log is copied into it. Between two copies it is the same file, of the same
///   size, last written when it was.
/// - **the log** only grows, until it is copied and begun anew. What was its newest frame is still there, to the last byte,
///   which it is not if the log was cut since, even if it has grown again; and there is a newer one, the end of a commit.
struct SQLiteFileMachine: Sendable {
    /// What the system says of a file.
    struct Stat: Sendable, Hashable {
        var device: UInt64
        var inode: UInt64
        var size: Int64
        /// In nanoseconds.
        var modified: Int64

        func isSameFile(as other: Stat) -> Bool { device == other.device && inode == other.inode }
    }

    /// What is seen after a commit.
    struct Sight: Sendable, Hashable {
        /// At the file's path; nil, if there is nothing.
        var file: Stat?
        /// At the log's.
        var log: Stat?
        /// The log's head.
        var head: [UInt8]
        /// The frame that was the newest before, with its page.
        var former: [UInt8]
        /// The newest.
        var newest: [UInt8]
    }

    /// What has happened to the files.
    enum Change: String, Sendable, Error, CaseIterable {
        case fileGone = "the file is gone from its path"
        case fileReplaced = "another file is in its place"
        case fileWritten = "somebody else has written to the file"
        case logGone = "the log is gone from its path"
        case logReplaced = "another log is in its place"
        case logCut = "the log was cut"
        case logWritten = "somebody else has written to the log"
    }

    private var file: Stat
    private let log: Stat
    private var head: [UInt8] = []
    private(set) var frames = 0
    private var newest: [UInt8] = []
    /// Whether all of the log is in the file, so that the next commit may begin it anew.
    private var isCopied = true

    /// - Parameters:
    ///   - file: The file, right after the log was copied into it.
    ///   - log: The log.
    init(file: Stat, log: Stat) {
        (self.file, self.log) = (file, log)
    }

    /// Looks at what there is after a commit.
    ///
    /// - Parameter frames: How many the log has now, as the connection says.
    /// - Returns: What must have happened; nil, if all is as it was left.
    mutating func take(_ sight: Sight, frames: Int) -> Change? {
        if let change = change(of: sight.file) { return change }
        guard sight.file == file else { return .fileWritten }
        guard let log = sight.log else { return .logGone }
        guard log.isSameFile(as: self.log) else { return .logReplaced }
        guard let head = SQLiteLogFormat.Head(sight.head) else {
            // What was cut and has grown again begins with a hole.
            return sight.head.allSatisfy { $0 == 0 } ? .logCut : .logWritten
        }
        guard log.size >= SQLiteLogFormat.offset(ofFrame: frames, pageSize: head.pageSize) else { return .logCut }
        if sight.head == self.head {
            // What was cut and has grown again has nothing there, or something else.
            guard sight.former == newest else { return .logCut }
        } else if !isCopied {
            return .logWritten
        }
        guard sight.newest.count == SQLiteLogFormat.frameHeadSize + head.pageSize,
            let last = SQLiteLogFormat.FrameHead(Array(sight.newest.prefix(SQLiteLogFormat.frameHeadSize))),
            last.salts == head.salts, last.endsCommit
        else { return .logWritten }
        (self.head, self.frames, newest, isCopied) = (sight.head, frames, sight.newest, false)
        return nil
    }

    /// Takes note that the log was copied.
    ///
    /// - Parameters:
    ///   - file: What is at the file's path now.
    ///   - isWhole: Whether all of it was.
    mutating func copied(to file: Stat?, isWhole: Bool) -> Change? {
        if let change = change(of: file) { return change }
        self.file = file ?? self.file
        isCopied = isWhole
        return nil
    }

    private func change(of file: Stat?) -> Change? {
        guard let file else { return .fileGone }
        return file.isSameFile(as: self.file) ? nil : .fileReplaced
    }
}
#endif
