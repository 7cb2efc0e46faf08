#if SQLite
import Testing

@testable import HoldfastSQLite

@Suite struct SQLiteLogScanTests {
    /// A log of pages of 512 bytes.
    private struct LogBytes {
        var bytes: [UInt8]
        private var checksum = SQLiteLogFormat.Checksum(isBigEndian: false)
        private let salts: [UInt32]
        static let frame = 512 + 24

        private static func big(_ number: UInt32) -> [UInt8] {
            (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * $0)) }
        }

        init(salts: [UInt32] = [7, 8]) {
            self.salts = salts
            bytes = [0x377F_0682, 3_007_000, 512, 0, salts[0], salts[1]].flatMap { Self.big($0) }
            checksum.add(bytes[...])
            bytes += Self.big(checksum.first) + Self.big(checksum.second)
        }

        /// A commit of so many frames.
        mutating func commit(_ frames: Int) {
            for number in 1...frames {
                let head = Self.big(UInt32(number)) + Self.big(number == frames ? 9 : 0)
                let page = (0..<512).map { UInt8(truncatingIfNeeded: $0 &* number) }
                checksum.add(head[...])
                checksum.add(page[...])
                bytes +=
                    head + salts.flatMap { Self.big($0) } + Self.big(checksum.first) + Self.big(checksum.second)
                    + page
            }
        }
    }

    private func find(_ bytes: [UInt8]) -> SQLiteLogScan.Finding {
        SQLiteLogScan.find(size: bytes.count) { offset, count in
            Array(bytes[min(offset, bytes.count)..<min(offset + count, bytes.count)])
        }
    }

    /// Commits of 2, 3 and 2 frames.
    private var log: LogBytes {
        var log = LogBytes()
        for frames in [2, 3, 2] { log.commit(frames) }
        return log
    }

    @Test func `a whole log is whole, and what is too short to hold a frame is none`() {
        #expect(find(log.bytes) == .whole(frames: 7))
        #expect(find(LogBytes().bytes) == .whole(frames: 0))
        for count in [0, 1, 31] { #expect(find(Array(log.bytes.prefix(count))) == .none) }
    }

    @Test(arguments: [0, 1, 2, 4])
    func `damage in front of another commit is told`(frame: Int) {
        // Where the end of a commit stands, the two cannot be told from one that was not synced.
        for place in [0, 3, 16, 23, 24, 535] + (frame == 4 ? [] : [8, 15]) {
            var bytes = log.bytes
            bytes[32 + frame * LogBytes.frame + place] ^= 0x40
            #expect(find(bytes) == .damaged(taken: frame, of: 7), "byte \(place) of frame \(frame)")
        }
    }

    @Test(arguments: [5, 6])
    func `a last commit that is not whole was told to nobody`(frame: Int) {
        for place in [0, 8, 23, 24, 535] {
            var bytes = log.bytes
            bytes[32 + frame * LogBytes.frame + place] ^= 0x40
            #expect(find(bytes) == .whole(frames: frame))
        }
        for cut in [1, LogBytes.frame - 1, LogBytes.frame] {
            #expect(find(Array(log.bytes.dropLast(cut))) == .whole(frames: 6))
        }
    }

    @Test func `a hole where the log was cut and has grown again is told`() {
        var grown = log
        grown.commit(1)
        for end in [0, 32, 32 + LogBytes.frame, 32 + 3 * LogBytes.frame] {
            var bytes = grown.bytes
            for place in end..<(32 + 5 * LogBytes.frame) { bytes[place] = 0 }
            guard case .damaged = find(bytes) else {
                Issue.record("cut to \(end): \(find(bytes))")
                continue
            }
        }
    }

    @Test func `frames from before the log was last begun are no damage`() {
        var anew = LogBytes(salts: [8, 99])
        anew.commit(2)
        #expect(find(anew.bytes + log.bytes[anew.bytes.count...]) == .whole(frames: 2))
        let head = LogBytes(salts: [8, 99])
        #expect(find(head.bytes + log.bytes[head.bytes.count...]) == .whole(frames: 0))
    }

    @Test func `a head that is damaged, over frames, is told`() {
        for place in [0, 4, 8, 16, 24, 31] {
            var bytes = log.bytes
            bytes[place] ^= 0x11
            guard case .damaged(taken: 0, of: _) = find(bytes) else {
                Issue.record("byte \(place): \(find(bytes))")
                continue
            }
        }
    }

    @Test func `whatever stands in the file, the scan ends`() {
        for size in [32, 56, 568, 569, 4_096, 40_000] {
            for byte: UInt8 in [0, 0xFF, 0x37] {
                let found = find([UInt8](repeating: byte, count: size))
                #expect(size < 568 ? found == .none : found != .none)
            }
        }
    }
}
#endif
