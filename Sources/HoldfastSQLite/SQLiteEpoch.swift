#if SQLite
/// Which log belongs to which file.
///
/// SQLite tells neither that a log is missing nor that it is another file's: it takes what it finds. So the file says
/// which it needs. Each time before the log is copied into the file (a checkpoint), a commit names a new epoch, and the
/// one before it; the copy carries both into the file. The first commit after the copy leaves the former one out. So:
///
/// - a file that names a former epoch has been copied into by us, and its log goes on: without one, commits are lost;
/// - a file without a former one was closed, by us or by another program that copied the whole log: it needs none;
/// - a log goes with the file of its own epoch and, while the copy may not be done, with that of the former.
struct SQLiteEpoch: Sendable, Hashable {
    var current: Int64
    /// The one before, until the copy is known to be done.
    var former: Int64?

    /// Of a file that has none yet: a new one, or one of an older version.
    static let none = SQLiteEpoch(current: 0, former: nil)

    enum Doubt: Sendable, Hashable {
        case logMissing
        case logOfAnother
    }

    /// Whether what was found may be used.
    ///
    /// - Parameters:
    ///   - file: What the file says by itself.
    ///   - isLog: Whether there is a log.
    /// - Returns: nil, if it may.
    func doubt(file: SQLiteEpoch, isLog: Bool) -> Doubt? {
        guard isLog else { return file.former == nil ? nil : .logMissing }
        return current == file.current || former == file.current ? nil : .logOfAnother
    }
}
#endif
