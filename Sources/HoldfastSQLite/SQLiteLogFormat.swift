#if SQLite
/// The parts of SQLite's write-ahead log, as "The WAL File Format" of its file format lays them out: a head of 32 bytes,
/// and frames, each a head of 24 bytes and a page. Numbers are big-endian.
enum SQLiteLogFormat {
    static let headSize = 32
    static let frameHeadSize = 24

    /// Where a frame begins, counted from zero.
    static func offset(ofFrame number: Int, pageSize: Int) -> Int {
        headSize + number * (frameHeadSize + pageSize)
    }

    /// What the file begins with.
    struct Head: Sendable, Hashable {
        let pageSize: Int
        /// Drawn anew each time that the log is begun from its start. Every frame repeats them, so one that does not is left
        /// from before.
        let salts: UInt64
        let checksum: Checksum

        /// nil for what is no head, or is damaged.
        init?(_ bytes: [UInt8]) {
            guard bytes.count == headSize else { return nil }
            let magic = number(in: bytes, at: 0)
            let size = Int(number(in: bytes, at: 8))
            guard magic & ~1 == 0x377F_0682, number(in: bytes, at: 4) == 3_007_000, (512...65_536).contains(size),
                size & (size - 1) == 0
            else { return nil }
            var checksum = Checksum(isBigEndian: magic & 1 == 1)
            checksum.add(bytes[0..<24])
            guard checksum.first == number(in: bytes, at: 24), checksum.second == number(in: bytes, at: 28) else {
                return nil
            }
            (pageSize, self.checksum) = (size, checksum)
            salts = UInt64(number(in: bytes, at: 16)) << 32 | UInt64(number(in: bytes, at: 20))
        }
    }

    /// What a frame begins with.
    struct FrameHead: Sendable, Hashable {
        let page: UInt32
        /// How many pages the database has after the commit that ends with this frame; zero for any other frame.
        let pagesAfterCommit: UInt32
        let salts: UInt64
        fileprivate let bytes: [UInt8]

        var endsCommit: Bool { pagesAfterCommit > 0 }

        init?(_ bytes: [UInt8]) {
            guard bytes.count == frameHeadSize else { return nil }
            self.bytes = bytes
            (page, pagesAfterCommit) = (number(in: bytes, at: 0), number(in: bytes, at: 4))
            salts = UInt64(number(in: bytes, at: 8)) << 32 | UInt64(number(in: bytes, at: 12))
        }

        /// Whether the frame is whole, and follows those that the checksum has been added up of, which it is added to.
        func continues(_ checksum: inout Checksum, page content: [UInt8]) -> Bool {
            checksum.add(bytes[0..<8])
            checksum.add(content[...])
            return page > 0 && checksum.first == number(in: bytes, at: 16)
                && checksum.second == number(in: bytes, at: 20)
        }
    }

    /// The sum over the head and all frames until now.
    struct Checksum: Sendable, Hashable {
        let isBigEndian: Bool
        var first: UInt32 = 0
        var second: UInt32 = 0

        init(isBigEndian: Bool) { self.isBigEndian = isBigEndian }

        /// - Parameter bytes: A multiple of eight.
        mutating func add(_ bytes: ArraySlice<UInt8>) {
            var (first, second) = (first, second)
            bytes.withUnsafeBytes { bytes in
                var place = 0
                while place + 8 <= bytes.count {
                    let left = bytes.loadUnaligned(fromByteOffset: place, as: UInt32.self)
                    let right = bytes.loadUnaligned(fromByteOffset: place + 4, as: UInt32.self)
                    first &+= (isBigEndian ? UInt32(bigEndian: left) : UInt32(littleEndian: left)) &+ second
                    second &+= (isBigEndian ? UInt32(bigEndian: right) : UInt32(littleEndian: right)) &+ first
                    place += 8
                }
            }
            (self.first, self.second) = (first, second)
        }
    }

    private static func number(in bytes: [UInt8], at place: Int) -> UInt32 {
        bytes[place..<place + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }
}
#endif
