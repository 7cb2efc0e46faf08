#if Gateway && (FUZZ || DEBUG)
import Holdfast
@testable import HoldfastGateway
import NIOCore
import NIOHPACK

extension FuzzTarget {
    /// What stands before NIOHTTP2: frames in pieces, and their fields on bytes.
    static var frames: [FuzzTarget] {
        [
            FuzzTarget("hpack", words: ["\u{40}\u{1}a\u{1}b", "\u{3F}", ":path"], run: hpack),
            FuzzTarget("http2-pieces", words: ["\u{0}\u{0}\u{9}", "\u{4}", "\u{5}"], share: 0.6, run: pieces),
        ]
    }

    private static let (fits, most) = (512, 1_024)

    /// Blocks: each a byte that says how long it is, and so many bytes. What is handed on, NIOHPACK reads; as long as all
    /// is UTF-8 it is what NIOHPACK makes of the blocks themselves, and it is refused where NIOHPACK refuses them.
    private static func hpack(_ bytes: [UInt8]) throws -> Outcome {
        var reader = HPACKReader()
        var behind = HPACKDecoder(allocator: ByteBufferAllocator())
        var alone: HPACKDecoder? = HPACKDecoder(allocator: ByteBufferAllocator())
        var outcome = Outcome("hpack")
        var rest = bytes[...]
        while let length = rest.popFirst() {
            let block = Array(rest.prefix(Int(length)))
            rest = rest.dropFirst(block.count)
            var (given, original) = (ByteBuffer(bytes: block), ByteBuffer(bytes: block))
            let theirs = try? alone?.decodeHeaders(from: &original)
            let reading: HPACKReader.Reading
            do throws(HTTP2Refusal) {
                reading = try reader.read(given, fits: fits, most: most)
            } catch {
                // Here, a number has five bytes at the most, and a block so many fields.
                let isOurs = error.code == .enhanceYourCalm || error.description.contains("five bytes")
                try expect(isOurs || alone == nil || theirs == nil, "refused, and not by NIOHPACK: \(error)")
                outcome.add("refused \(error.code)")
                return outcome
            }
            try expect(reader.keptBytes <= HPACKTable.maximumSize, "the table has \(reader.keptBytes) bytes")
            switch reading {
            case .asItIs: outcome.add("as it is")
            case .rewritten(let other):
                outcome.add("rewritten")
                given = other
                try expect(other.readableBytes <= fits, "\(other.readableBytes) bytes are written")
            case .tooLarge:
                outcome.add("too large")
                // NIOHPACK does not see it, and its table means nothing any longer.
                continue
            }
            guard let mine = try? behind.decodeHeaders(from: &given) else {
                throw Violation("NIOHPACK does not read what it is given: \(reading)")
            }
            let isUTF8 = mine.allSatisfy {
                $0.value.fieldBytes == Array($0.value.utf8) && $0.name.fieldBytes == Array($0.name.utf8)
            }
            // From the first that is not, its table counts other lengths than the client.
            if !isUTF8 { alone = nil }
            if alone != nil {
                try expect(
                    theirs.map(lines) == lines(mine), "NIOHPACK alone reads \(String(describing: theirs)), not \(mine)")
            }
            outcome.add(mine.count)
            outcome.add(isUTF8 ? "text" : "bytes")
        }
        return outcome
    }

    private static func lines(_ fields: HPACKHeaders) -> [String] { fields.map { "\($0.name): \($0.value)" } }

    private static let magic = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    /// Frames in one piece and in many: what is handed on is the same, and each piece ends with a frame, or within DATA.
    private static func pieces(_ bytes: [UInt8]) throws -> Outcome {
        let (whole, refusal) = try handedOn([magic + bytes])
        var generator = SplitMix64(seed: UInt64(bytes.count) &* 31 &+ UInt64(bytes.last ?? 0))
        for longest in [1, 20, 3_000] {
            var (cut, rest) = ([[UInt8]](), (magic + bytes)[...])
            while !rest.isEmpty {
                let piece = Array(rest.prefix(Int.random(in: 1...longest, using: &generator)))
                rest = rest.dropFirst(piece.count)
                cut.append(piece)
            }
            let (parts, other) = try handedOn(cut)
            try expect(refusal == other, "in pieces it ends with \(String(describing: other))")
            // What came with the frame that ends it is not handed on.
            let isSame = refusal == nil ? whole == parts : parts.starts(with: whole)
            try expect(isSame, "in pieces of up to \(longest) bytes it is \(parts.count) bytes, not \(whole.count)")
        }
        return Outcome("pieces", whole.count, Int(refusal?.code.rawValue ?? 0))
    }

    private static func handedOn(_ pieces: [[UInt8]]) throws(Violation) -> ([UInt8], HTTP2Refusal?) {
        var reader = HTTP2FrameReader(headerLimit: 2_048)
        var (all, place) = (ByteBuffer(), magic.count)
        for piece in pieces {
            var input = ByteBuffer(bytes: piece)
            while true {
                let next: ByteBuffer?
                do throws(HTTP2Refusal) {
                    next = try reader.next(&input, at: { .uptimeNanoseconds(1) })
                } catch {
                    return (Array(all.readableBytesView), error)
                }
                guard let next else { break }
                all.writeImmutableBuffer(next)
                try checkEnd(all, &place)
                if reader.frames >= HTTP2FrameReader.turnFrames { reader.beginTurn() }
            }
            reader.beginTurn()
            try expect(input.readableBytes == 0, "\(input.readableBytes) bytes are left")
            try expect(reader.keptBytes <= 96 << 10, "\(reader.keptBytes) bytes are kept")
        }
        return (Array(all.readableBytesView), nil)
    }

    /// - Parameter place: Where the first frame begins that has not been looked at.
    private static func checkEnd(_ all: ByteBuffer, _ place: inout Int) throws(Violation) {
        while place < all.writerIndex, let header = HTTP2FrameHeader(all, at: place) {
            let next = place + HTTP2FrameHeader.size + header.length
            if next > all.writerIndex, header.kind == .data { return }
            place = next
        }
        try expect(place == all.writerIndex, "a piece ends at \(all.writerIndex), a frame at \(place)")
    }
}
#endif
