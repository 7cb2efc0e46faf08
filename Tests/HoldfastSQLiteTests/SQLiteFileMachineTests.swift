#if SQLite
import Testing

@testable import HoldfastSQLite

@Suite struct SQLiteFileMachineTests {
    private typealias Machine = SQLiteFileMachine

    private let file = Machine.Stat(device: 1, inode: 10, size: 8_192, modified: 5)
    private let log = Machine.Stat(device: 1, inode: 11, size: 0, modified: 5)

    /// A log's head with these salts, as its format has it.
    private func head(_ salts: UInt8) -> [UInt8] {
        var bytes: [UInt8] = [0x37, 0x7F, 0x06, 0x82, 0, 0x2D, 0xE2, 0x18, 0, 0, 0x10, 0, 0, 0, 0, 0]
        bytes += [UInt8](repeating: salts, count: 8)
        var checksum = SQLiteLogFormat.Checksum(isBigEndian: false)
        checksum.add(bytes[...])
        for sum in [checksum.first, checksum.second] {
            bytes += (0..<4).map { UInt8(truncatingIfNeeded: sum >> (24 - 8 * $0)) }
        }
        return bytes
    }

    private func frame(_ number: UInt8, salts: UInt8, endsCommit: Bool = true) -> [UInt8] {
        [0, 0, 0, number, 0, 0, 0, endsCommit ? 9 : 0] + [UInt8](repeating: salts, count: 8)
            + [UInt8](repeating: number, count: 8) + [UInt8](repeating: number, count: 4_096)
    }

    /// What is seen after a commit that ends with this frame.
    private func sight(_ frames: Int, after former: Int = 0, salts: UInt8 = 1) -> Machine.Sight {
        var log = log
        log.size = Int64(SQLiteLogFormat.offset(ofFrame: frames, pageSize: 4_096))
        return Machine.Sight(
            file: file, log: log, head: head(salts),
            former: former == 0 ? [] : frame(UInt8(former), salts: salts),
            newest: frame(UInt8(frames), salts: salts))
    }

    private func machine(after frames: Int) -> Machine {
        var machine = Machine(file: file, log: log)
        expect(machine.take(sight(frames), frames: frames), nil)
        return machine
    }

    private func expect(_ found: Machine.Change?, _ expected: Machine.Change?, _ what: String = "") {
        #expect(found == expected, "\(what)")
    }

    @Test func `a log that grows is as it was left`() {
        var machine = machine(after: 3)
        expect(machine.take(sight(5, after: 3), frames: 5), nil)
        expect(machine.take(sight(9, after: 5), frames: 9), nil)
    }

    @Test func `whatever happens to the file or the log is told by its name`() {
        let changes: [(String, Machine.Change, (inout Machine.Sight) -> Void)] = [
            ("the file deleted or renamed", .fileGone, { $0.file = nil }),
            ("another file there", .fileReplaced, { $0.file?.inode = 12 }),
            ("another file system there", .fileReplaced, { $0.file?.device = 2 }),
            ("the file cut", .fileWritten, { $0.file?.size = 4_096 }),
            ("the file emptied", .fileWritten, { $0.file?.size = 0 }),
            ("the file longer", .fileWritten, { $0.file?.size = 12_288 }),
            ("the file written over", .fileWritten, { $0.file?.modified = 6 }),
            ("the file written over, with an older time", .fileWritten, { $0.file?.modified = 4 }),
            ("the log deleted or renamed", .logGone, { $0.log = nil }),
            ("another log there", .logReplaced, { $0.log?.inode = 12 }),
            ("the log cut", .logCut, { $0.log?.size -= 1 }),
            (
                "the log emptied", .logCut,
                {
                    $0.log?.size = 0
                    ($0.head, $0.former, $0.newest) = ([], [], [])
                }
            ),
            ("the log cut, and grown again over a hole", .logCut, { $0.former = [UInt8](repeating: 0, count: 4_120) }),
            ("the log cut in the former frame's head", .logCut, { $0.former = Array($0.former.prefix(7)) }),
            ("the log cut by a byte, and grown again", .logCut, { $0.former[4_119] = 0 }),
            ("the log emptied, and grown again", .logCut, { $0.head = [UInt8](repeating: 0, count: 32) }),
            ("the head written over", .logWritten, { $0.head = [UInt8](repeating: 7, count: 32) }),
            ("the head cut", .logWritten, { $0.head.removeLast() }),
            ("another log copied over it", .logWritten, { $0.head = head(2) }),
            ("an older log copied over it", .logCut, { $0.former = frame(3, salts: 9) }),
            ("the newest frame is another's", .logWritten, { $0.newest = frame(5, salts: 9) }),
            ("the newest frame is no end", .logWritten, { $0.newest = frame(5, salts: 1, endsCommit: false) }),
            ("the newest frame is not there", .logWritten, { $0.newest = [] }),
            ("the newest frame is not all there", .logWritten, { $0.newest.removeLast() }),
        ]
        for (what, change, apply) in changes {
            var machine = machine(after: 3)
            var sight = sight(5, after: 3)
            apply(&sight)
            expect(machine.take(sight, frames: 5), change, what)
        }
    }

    @Test func `a log that was copied may be begun anew, once, and the file may have grown`() {
        var machine = machine(after: 3)
        var grown = file
        (grown.size, grown.modified) = (16_384, 9)
        expect(machine.copied(to: grown, isWhole: true), nil)
        var anew = sight(2, salts: 2)
        anew.file = grown
        expect(machine.take(anew, frames: 2), nil)
        var again = sight(4, salts: 3)
        again.file = grown
        expect(machine.take(again, frames: 4), .logWritten)
        var former = sight(4, after: 2, salts: 2)
        expect(machine.take(former, frames: 4), .fileWritten)
        former.file = grown
        expect(machine.take(former, frames: 4), nil)
    }

    @Test func `a log that was copied in part goes on`() {
        var machine = machine(after: 3)
        expect(machine.copied(to: file, isWhole: false), nil)
        expect(machine.take(sight(2, salts: 2), frames: 2), .logWritten)
        expect(machine.take(sight(5, after: 3), frames: 5), nil)
    }

    @Test func `a file that was replaced while the log was copied is told`() {
        var machine = machine(after: 3)
        var other = file
        other.inode = 99
        expect(machine.copied(to: other, isWhole: true), .fileReplaced)
        expect(machine.copied(to: nil, isWhole: true), .fileGone)
    }

    @Test func `a log goes with the file of its epoch, and with the former one's until the copy is done`() {
        let cases: [(file: SQLiteEpoch, found: SQLiteEpoch, isLog: Bool, SQLiteEpoch.Doubt?, String)] = [
            (.none, .none, false, nil, "a new file, or one of an older version"),
            (.none, .none, true, nil, "the same, after a crash"),
            (.none, .init(current: 5, former: 0), true, nil, "a crash before the first copy"),
            (.init(current: 5, former: 0), .init(current: 5, former: 0), true, nil, "a crash after it"),
            (.init(current: 5, former: 0), .init(current: 5), true, nil, "in operation"),
            (.init(current: 5, former: 4), .init(current: 6, former: 5), true, nil, "a crash before a later copy"),
            (.init(current: 6, former: 5), .init(current: 6, former: 5), true, nil, "a crash after it"),
            (.init(current: 5), .init(current: 5), false, nil, "closed, or copied whole by another program"),
            (.init(current: 5), .init(current: 5), true, nil, "closed, and the log was not deleted"),
            (.init(current: 5), .init(current: 6, former: 5), true, nil, "opened again, and a crash at once"),
            (.init(current: 5, former: 4), .init(current: 5, former: 4), false, .logMissing, "the log was deleted"),
            (.init(current: 5, former: 0), .init(current: 5, former: 0), false, .logMissing, "in a new file too"),
            (.init(current: 5), .init(current: 7), true, .logOfAnother, "a copy of a rest before was put there"),
            (.init(current: 5), .init(current: 7, former: 6), true, .logOfAnother, "the same, during a copy"),
            (.init(current: 5, former: 4), .init(current: 7), true, .logOfAnother, "a copy of an operation before"),
            (.none, .init(current: 7), true, .logOfAnother, "an older file, or none of ours"),
            (.init(current: 7, former: 6), .none, true, .logOfAnother, "an older log"),
        ]
        for (file, found, isLog, doubt, what) in cases {
            #expect(found.doubt(file: file, isLog: isLog) == doubt, "\(what)")
        }
    }
}
#endif
