#if Gateway
import Holdfast
import NIOCore
import NIOHPACK
import Testing

@testable import HoldfastGateway

/// Field blocks, read on bytes (RFC 7541). What NIOHPACK makes of what is handed on is what counts.
@Suite struct HPACKReaderTests {
    private static let limit = 16_384

    private static func block(_ write: (inout ByteBuffer) -> Void) -> [UInt8] {
        var buffer = ByteBuffer()
        write(&buffer)
        return Array(buffer.readableBytesView)
    }

    /// A literal that enters the table where `first` says so.
    private static func literal(_ name: [UInt8], _ value: [UInt8], first: UInt8 = 0x40) -> [UInt8] {
        var bytes = block { $0.writeLiteral(name: name, value: value) }
        bytes[0] = first
        return bytes
    }

    private static func literal(_ name: String, _ value: [UInt8], first: UInt8 = 0x40) -> [UInt8] {
        literal(Array(name.utf8), value, first: first)
    }

    private static func refusal(_ body: () throws(HTTP2Refusal) -> Void) -> HTTP2Refusal.Code? {
        do throws(HTTP2Refusal) {
            try body()
            return nil
        } catch {
            return error.code
        }
    }

    // MARK: The examples of RFC 7541, appendix C

    private static let examples: [[[UInt8]]] = [
        [
            [
                0x82, 0x86, 0x84, 0x41, 0x0F, 0x77, 0x77, 0x77, 0x2E, 0x65, 0x78, 0x61, 0x6D, 0x70, 0x6C, 0x65, 0x2E,
                0x63, 0x6F, 0x6D,
            ],
            [0x82, 0x86, 0x84, 0xBE, 0x58, 0x08, 0x6E, 0x6F, 0x2D, 0x63, 0x61, 0x63, 0x68, 0x65],
            [
                0x82, 0x87, 0x85, 0xBF, 0x40, 0x0A, 0x63, 0x75, 0x73, 0x74, 0x6F, 0x6D, 0x2D, 0x6B, 0x65, 0x79, 0x0C,
                0x63, 0x75, 0x73, 0x74, 0x6F, 0x6D, 0x2D, 0x76, 0x61, 0x6C, 0x75, 0x65,
            ],
        ],
        [
            [0x82, 0x86, 0x84, 0x41, 0x8C, 0xF1, 0xE3, 0xC2, 0xE5, 0xF2, 0x3A, 0x6B, 0xA0, 0xAB, 0x90, 0xF4, 0xFF],
            [0x82, 0x86, 0x84, 0xBE, 0x58, 0x86, 0xA8, 0xEB, 0x10, 0x64, 0x9C, 0xBF],
            [
                0x82, 0x87, 0x85, 0xBF, 0x40, 0x88, 0x25, 0xA8, 0x49, 0xE9, 0x5B, 0xA9, 0x7D, 0x7F, 0x89, 0x25, 0xA8,
                0x49, 0xE9, 0x5B, 0xB8, 0xE8, 0xB4, 0xBF,
            ],
        ],
    ]

    @Test(arguments: 0..<2)
    func `the standard's examples are passed on as they are, and fill the table as it says`(which: Int) throws {
        var between = FieldDecoder()
        let sizes = try Self.examples[which].map { block in
            _ = try between.fields(block)
            #expect(between.last == .asItIs)
            return between.reader.keptBytes
        }
        #expect(sizes == [57, 110, 164])
    }

    // MARK: Bytes

    private static let opaque: [[UInt8]] = [
        [0xF6], [0x4A, 0xF6, 0x72, 0x67], [0x80, 0xFF], [0xC3], [0xC0, 0xAF], [0xED, 0xA0, 0x80], Array(0x80...0xFF),
        // U+10FFF6, which stands for a byte where there is one that is no UTF-8.
        [0xF4, 0x8F, 0xBF, 0xB6],
    ]

    @Test func `values keep their bytes, those of the table as well, and so do all that come later`() throws {
        for value in Self.opaque {
            var between = FieldDecoder()
            let before = Self.literal("before", Array("Jörg".utf8))
            #expect(try between.fields(before) == [Array("before".utf8), Array("Jörg".utf8)])
            #expect(between.last == .asItIs)
            // What stands before it in its block is passed on as it was, in the table too.
            let mixed = [0xBE] + Self.literal("a", [1]) + Self.literal("x", value) + Self.literal("b", [2])
            let all: [[UInt8]] = [
                Array("before".utf8), Array("Jörg".utf8), [0x61], [1], [0x78], value, [0x62], [2],
            ]
            #expect(try between.fields(mixed) == all)
            // From the table: the latest first.
            #expect(try between.fields([0xBE, 0xBF, 0xC0, 0xC1]) == [6, 7, 4, 5, 2, 3, 0, 1].map { all[$0] })
            #expect(try between.fields(Self.literal("c", [3], first: 0x10)) == [[0x63], [3]])
        }
    }

    @Test func `a name by its number keeps the value's bytes`() throws {
        var between = FieldDecoder()
        // content-disposition, from the table that everybody has.
        let block: [UInt8] = [0x59, 0x04, 0x4A, 0xF6, 0x72, 0x67]
        #expect(try between.fields(block) == [Array("content-disposition".utf8), [0x4A, 0xF6, 0x72, 0x67]])
        #expect(try between.fields([0xBE]) == [Array("content-disposition".utf8), [0x4A, 0xF6, 0x72, 0x67]])
    }

    @Test func `an entry is as long as its bytes, not as the text that stands for them`() throws {
        var between = FieldDecoder()
        let value = [UInt8](repeating: 0xF6, count: 1_000)
        // Three of them fit into 4,096 bytes; with three bytes for each, none would.
        for name in ["a", "b", "c"] { _ = try between.fields(Self.literal(name, value)) }
        #expect(between.reader.keptBytes == 3 * 1_033)
        #expect(try between.fields([0xC0]) == [[0x61], value])
        // The fourth has the first leave.
        _ = try between.fields(Self.literal("d", value))
        #expect(try between.fields([0xC0]) == [[0x62], value])
        #expect(throws: HTTP2Refusal.self) { try between.fields([0xC1]) }
    }

    @Test func `whatever NIOHPACK writes, its values come back, before and after the first that is no UTF-8`() throws {
        var generator = SplitMix64(seed: 7)
        for isOpaque in [false, true] {
            var between = FieldDecoder()
            if isOpaque { _ = try between.fields(Self.literal("x", [0xF6])) }
            // The client's table has this one, too.
            var encoder = HPACKEncoder(allocator: ByteBufferAllocator())
            var same = HPACKHeaders([("x", "?")])
            var ignored = ByteBuffer()
            if isOpaque { try encoder.encode(headers: same, to: &ignored) }
            for _ in 0..<500 {
                same = HPACKHeaders()
                for _ in 0..<Int.random(in: 0...6, using: &generator) {
                    let name = ["cookie", "accept", "x-a", "x-b", ":path"].randomElement(using: &generator) ?? ""
                    let length = Int.random(in: 0...90, using: &generator)
                    let scalars = (0..<length).map { _ in
                        Unicode.Scalar(UInt32.random(in: 0x20...0x2FF, using: &generator)) ?? " "
                    }
                    let value = String(String.UnicodeScalarView(scalars))
                    let indexing = [HPACKIndexing.indexable, .nonIndexable, .neverIndexed]
                    same.add(
                        name: name, value: value, indexing: indexing.randomElement(using: &generator) ?? .indexable)
                }
                var block = ByteBuffer()
                try encoder.encode(headers: same, to: &block)
                let fields = try between.fields(Array(block.readableBytesView))
                #expect(fields == same.flatMap { [Array($0.name.utf8), Array($0.value.utf8)] })
                #expect((between.last == .asItIs) == !isOpaque)
            }
        }
    }

    // MARK: What is malformed

    private static let malformed: [(String, [UInt8])] = [
        ("the number 0", [0x80]), ("a number beyond the table", [0xBE]),
        ("a number far beyond it", [0xFF, 0xFF, 0x7F]),
        ("a name beyond the table", [0x7F, 0x00, 0x01, 0x61]),
        ("a number that does not end", [0xFF, 0x80, 0x80, 0x80, 0x80, 0x00]),
        ("a number that breaks off", [0xFF, 0x80]), ("a literal that breaks off", [0x40]),
        ("a value that breaks off", [0x40, 0x01, 0x61]), ("a text beyond the block", [0x40, 0x01, 0x61, 0x02, 0x62]),
        ("a length of 2^35", [0x40, 0x01, 0x61, 0x7F, 0x80, 0x80, 0x80, 0x80, 0x7F]),
        ("no name", [0x40, 0x00, 0x01, 0x61]),
        ("the end's code in a text", [0x40, 0x01, 0x61, 0x84, 0xFF, 0xFF, 0xFF, 0xFF]),
        ("eight bits of padding", [0x40, 0x01, 0x61, 0x82, 0x1F, 0xFF]),
        ("padding of zeros", [0x40, 0x01, 0x61, 0x81, 0x18]),
        ("a table larger than agreed", [0x3F, 0xE2, 0x1F]),
        ("a table's size behind a field", [0x82, 0x20]), ("three sizes", [0x20, 0x21, 0x20]),
    ]

    @Test func `a malformed block is a compression error`() {
        for (name, block) in Self.malformed {
            var reader = HPACKReader()
            let code = Self.refusal { () throws(HTTP2Refusal) in
                _ = try reader.read(ByteBuffer(bytes: block), fits: Self.limit, most: 2 * Self.limit)
            }
            #expect(code == .compressionError, "\(name)")
            // As it is for NIOHPACK, whose word it was before.
            var decoder = HPACKDecoder(allocator: ByteBufferAllocator())
            var buffer = ByteBuffer(bytes: block)
            #expect(throws: (any Error).self, "\(name)") { try decoder.decodeHeaders(from: &buffer) }
        }
    }

    @Test func `every code of one to four bytes is read as NIOHPACK reads it`() throws {
        var generator = SplitMix64(seed: 11)
        for round in 0..<20_000 {
            let count = round < 256 ? 1 : Int.random(in: 2...4, using: &generator)
            let code = (0..<count).map { _ in round < 256 ? UInt8(round) : UInt8.random(in: 0...255, using: &generator)
            }
            var mine: [UInt8] = []
            let isMine = (try? code.withUnsafeBytes { try HPACKHuffman.decode($0, into: &mine) }) != nil
            var decoder = HPACKDecoder(allocator: ByteBufferAllocator())
            var buffer = ByteBuffer(bytes: [0x00, 0x01, 0x61, 0x80 | UInt8(count)] + code)
            let theirs = try? decoder.decodeHeaders(from: &buffer).first?.value
            #expect(isMine == (theirs != nil), "\(code)")
            if let theirs, isMine { #expect(String(decoding: mine, as: UTF8.self) == theirs) }
        }
    }

    // MARK: The table's size

    @Test func `the client makes the table smaller and larger again`() throws {
        var between = FieldDecoder()
        _ = try between.fields(Self.literal("a", [1]) + Self.literal("b", [2]))
        #expect(between.reader.keptBytes == 68)
        #expect(try between.fields([0x3F, 0x09, 0xBE]) == [[0x62], [2]])
        #expect(between.reader.keptBytes == 34)
        #expect(try between.fields([0x20, 0x3F, 0xE1, 0x1F]) == [])
        #expect(between.reader.keptBytes == 0)
        #expect(throws: HTTP2Refusal.self) { try between.fields([0xBE]) }
    }

    @Test func `a field that is larger than the table empties it`() throws {
        var between = FieldDecoder()
        _ = try between.fields(Self.literal("a", [1]))
        let value = [UInt8](repeating: 0x61, count: 4_064)
        #expect(try between.fields(Self.literal("b", value)) == [[0x62], value])
        #expect(between.reader.keptBytes == 0)
        #expect(throws: HTTP2Refusal.self) { try between.fields([0xBE]) }
    }

    // MARK: What is too much

    @Test func `a head that does not fit is told as that, with its method, and the table goes along`() throws {
        var between = FieldDecoder()
        let method = Self.literal(":method", Array("HEAD".utf8))
        let long = [UInt8](repeating: 0x61, count: 20_000)
        _ = try between.fields(method + Self.literal("x", long, first: 0) + Self.literal("later", [7]))
        #expect(between.last == .tooLarge(method: Array("HEAD".utf8)))
        #expect(
            try between.fields([0xBE, 0xBF]) == [Array("later".utf8), [7], Array(":method".utf8), Array("HEAD".utf8)])
    }

    @Test func `a byte that is no UTF-8 counts as what stands for it`() throws {
        var between = FieldDecoder()
        let value = [UInt8](repeating: 0xF6, count: 4_000)
        #expect(try between.fields(Self.literal("x", value, first: 0)) == [[0x78], value])
        _ = try between.fields(Self.literal("x", value + value, first: 0))
        #expect(between.last == .tooLarge(method: nil))
    }

    @Test func `a bomb ends when it is twice as long as what is allowed`() throws {
        var between = FieldDecoder()
        _ = try between.fields(Self.literal("x", [UInt8](repeating: 0x61, count: 4_000)))
        let bomb = ByteBuffer(repeating: 0xBE, count: 16_000)
        let code = Self.refusal { () throws(HTTP2Refusal) in
            _ = try between.reader.read(bomb, fits: Self.limit, most: 2 * Self.limit)
        }
        #expect(code == .enhanceYourCalm)
    }

    @Test func `a block that is longer than what it stands for is written anew`() throws {
        var reader = HPACKReader()
        // Codes of 30 bits, for line feeds.
        let bits = (0..<20).flatMap { _ in [Bool](repeating: true, count: 28) + [false, false] }
        let code = stride(from: 0, to: bits.count, by: 8).map { start in
            bits[start..<start + 8].reduce(UInt8(0)) { $0 << 1 | ($1 ? 1 : 0) }
        }
        var block = ByteBuffer(bytes: [0x00, 0x01, 0x61])
        block.writePrefixed(code.count, prefix: 7, first: 0x80)
        block.writeBytes(code)
        guard case .rewritten(let other) = try reader.read(block, fits: 60, most: 120) else {
            Issue.record("passed on as it was")
            return
        }
        #expect(Array(other.readableBytesView) == [0x00, 0x01, 0x61, 20] + [UInt8](repeating: 0x0A, count: 20))
    }
}
#endif
