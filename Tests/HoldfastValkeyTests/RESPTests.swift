#if Valkey
import Holdfast
import HoldfastTesting
import NIOCore
import NIOEmbedded
import Testing

@testable import HoldfastValkey

@Suite struct RESPTests {
    private func decode(_ bytes: [UInt8], inPiecesOf size: Int = .max) throws -> [RESPValue] {
        let processor = NIOSingleStepByteToMessageProcessor(RESPDecoder())
        var values: [RESPValue] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            try processor.process(buffer: ByteBuffer(bytes: rest.prefix(size))) { values.append($0) }
            rest = rest.dropFirst(size)
        }
        return values
    }

    private let text = "+OK\r\n-ERR no\r\n:-42\r\n$-1\r\n$4\r\na\r\nb\r\n*3\r\n:1\r\n*1\r\n$0\r\n\r\n+x\r\n*-1\r\n"
    private let values: [RESPValue] = [
        .text("OK"), .error("ERR no"), .number(-42), .bulk(nil), .bulk(Array("a\r\nb".utf8)),
        .array([.number(1), .array([.bulk([])]), .text("x")]), .array([]),
    ]

    @Test(arguments: [1, 2, 3, 7, 1_000])
    func `values are read however they are cut`(size: Int) throws {
        #expect(try decode(Array(text.utf8), inPiecesOf: size) == values)
    }

    @Test(arguments: [
        "?\r\n", "$x\r\n", "$-2\r\n", "$99999999999\r\n", "*9999999\r\n", "+no end\n", ":1.5\r\n", "\r\n",
        String(repeating: "*1\r\n", count: 20), String(repeating: "+", count: 70_000),
    ])
    func `what is not RESP or too large is refused`(text: String) {
        #expect(throws: RESPDecoder.Malformed.self) { try decode(Array(text.utf8)) }
    }

    @Test func `whatever comes is read or refused and never traps`() {
        var generator = SeededGenerator(seed: 7)
        let seeds = Array(text.utf8)
        for _ in 0..<20_000 {
            var bytes = seeds
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let place = Int.random(in: bytes.indices, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: bytes[place] = UInt8.random(in: 0 ... .max, using: &generator)
                case 1: bytes.remove(at: place)
                default: bytes.insert(bytes[Int.random(in: bytes.indices, using: &generator)], at: place)
                }
            }
            _ = try? decode(bytes, inPiecesOf: Int.random(in: 1...50, using: &generator))
        }
    }
}
#endif
