#if SQLite
/// What a log holds that a dead process has left, read on beyond the place where SQLite stops.
///
/// SQLite takes frames up to the first that is not whole, and drops all behind it without a word. After a power cut that
/// is right: the last commit had not been synced, so nobody was told of it. But each commit is synced before the next is
/// begun. So where a frame is not whole and a commit *and something behind it* follow, commits that were acknowledged would
/// be dropped: the log was damaged afterwards.
enum SQLiteLogScan {
    enum Finding: Sendable, Hashable {
        /// There is no log: no file, an empty one, or one too short to hold anything.
        case none
        /// SQLite takes all that there is, or all but a last commit that nobody was told of.
        case whole(frames: Int)
        /// SQLite would drop commits that were acknowledged: it takes this many frames of those that there are.
        case damaged(taken: Int, of: Int)

        /// Whether there is one that SQLite takes something from, or would have to.
        var isLog: Bool { self != .none }
    }

    /// - Parameters:
    ///   - size: Of the file, in bytes.
    ///   - read: Returns so many bytes from a place in the file; fewer, at its end.
    static func find(size: Int, read: (_ offset: Int, _ count: Int) -> [UInt8]) -> Finding {
        let smallest = SQLiteLogFormat.headSize + SQLiteLogFormat.frameHeadSize + 512
        guard let head = SQLiteLogFormat.Head(read(0, SQLiteLogFormat.headSize)) else {
            // Whoever begins a log syncs its head before the first frame, so no crash leaves frames without one.
            return size < smallest ? .none : .damaged(taken: 0, of: (size - 32) / (4_096 + 24))
        }
        let count = (size - SQLiteLogFormat.headSize) / (SQLiteLogFormat.frameHeadSize + head.pageSize)
        func place(_ number: Int) -> Int { SQLiteLogFormat.offset(ofFrame: number, pageSize: head.pageSize) }
        func frame(_ number: Int) -> SQLiteLogFormat.FrameHead? {
            SQLiteLogFormat.FrameHead(read(place(number), SQLiteLogFormat.frameHeadSize)).flatMap {
                $0.salts == head.salts ? $0 : nil
            }
        }
        var checksum = head.checksum
        var taken = 0
        while taken < count, let next = frame(taken) {
            let page = read(place(taken) + SQLiteLogFormat.frameHeadSize, head.pageSize)
            guard page.count == head.pageSize, next.continues(&checksum, page: page) else { break }
            taken += 1
        }
        // Frames with other salts are left from before the log was last begun.
        var last = taken
        var follows = false
        var hasCommit = false
        for number in taken..<max(taken, count) {
            guard let next = frame(number) else { continue }
            if hasCommit { follows = true }
            if next.endsCommit { hasCommit = true }
            last = number + 1
        }
        return follows ? .damaged(taken: taken, of: last) : .whole(frames: taken)
    }
}
#endif
