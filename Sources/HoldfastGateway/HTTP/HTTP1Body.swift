#if Gateway
import NIOCore

/// Reads one message's body, by how its head has framed it (RFC 9112, sections 6 and 7).
struct HTTP1Body {
    enum Part {
        case piece(ByteBuffer)
        case end
        /// What is there has been read, and it goes on.
        case more
    }

    private enum State: Hashable {
        case length(Int)
        case chunkSize
        case chunk(Int)
        case chunkEnd
        case trailers
        case untilClose
        case ended
    }

    /// A line with a chunk's size, and the trailers.
    private static let lineLimit = 1_024
    /// How much more a body may bring beside its bytes than chunks of a good size need (CVE-2023-39326): as in Go's
    /// net/http, each chunk is granted 16 bytes and twice what it holds.
    private static let excessLimit = 16 << 10

    private var state: State
    private var excess = 0
    private let trailerLimit: Int

    /// - Parameters:
    ///   - length: How long it is; nil for one that ends with the connection.
    init(_ length: HTTP1Framing.Length?, trailerLimit: Int) {
        self.trailerLimit = trailerLimit
        state =
            switch length {
            case .bytes(0)?, .none?, .contradictory?: .ended
            case .bytes(let count)?: .length(count)
            case .chunked?: .chunkSize
            case nil: .untilClose
            }
    }

    /// Whether it ends with the connection.
    var endsWithConnection: Bool { state == .untilClose }

    mutating func next(_ input: inout HTTP1Input) throws(HTTP1Error) -> Part {
        while true {
            switch state {
            case .length(let left):
                guard let piece = input.take(atMost: left) else { return .more }
                let rest = left - piece.readableBytes
                state = rest == 0 ? .ended : .length(rest)
                return .piece(piece)
            case .untilClose:
                guard let piece = input.take(atMost: .max) else { return .more }
                return .piece(piece)
            case .chunk(let left):
                guard let piece = input.take(atMost: left) else { return .more }
                let rest = left - piece.readableBytes
                state = rest == 0 ? .chunkEnd : .chunk(rest)
                return .piece(piece)
            case .chunkSize:
                guard let size = try readSize(&input) else { return .more }
                state = size == 0 ? .trailers : .chunk(size)
            case .chunkEnd:
                guard try readChunkEnd(&input) else { return .more }
                state = .chunkSize
            case .trailers:
                // Trailers are checked, and do not cross: what they would be merged into has gone (RFC 9110, section 6.5.1).
                let isRead = try input.block(limit: trailerLimit) { bytes throws(HTTP1Stop) in
                    var lines = HTTP1Lines(bytes)
                    var (fields, framing) = ([(String, String)](), HTTP1Framing())
                    try lines.fields(isResponse: false, into: &fields, &framing)
                    return (true, lines.position)
                }
                guard isRead == true else { return .more }
                state = .ended
            case .ended:
                return .end
            }
        }
    }

    /// A chunk's size and its extensions, which mean nothing here (section 7.1.1).
    private mutating func readSize(_ input: inout HTTP1Input) throws(HTTP1Error) -> Int? {
        let read: (size: Int, length: Int)
        do throws(HTTP1Stop) {
            read = try input.read(Self.size)
        } catch {
            switch error {
            case .incomplete:
                guard input.count <= Self.lineLimit else { throw .malformed("a chunk's size takes too long a line") }
                return nil
            case .invalid(let error): throw error
            }
        }
        let (size, length) = read
        excess = max(0, excess + length - 16 - 2 * min(size, 1 << 20))
        guard excess <= Self.excessLimit else { throw .malformed("its chunks' extensions outweigh what they hold") }
        input.skip(length)
        return size
    }

    private static func size(_ bytes: UnsafeRawBufferPointer) throws(HTTP1Stop) -> (size: Int, length: Int) {
        var lines = HTTP1Lines(bytes)
        var (size, digits) = (0, 0)
        while let digit = hexadecimal(try lines.peek()) {
            // Sixteen digits are beyond every number here.
            guard digits < 15 else { throw .malformed("a chunk's size is beyond all bounds") }
            size = size << 4 | digit
            digits += 1
            lines.position += 1
        }
        guard digits > 0 else { throw .malformed("a chunk has no size") }
        // White space that is only tolerated is read over (RFC9110-5.6.3-4).
        while HTTP1Lines.isBlank(try lines.peek()) { lines.position += 1 }
        if try lines.peek() == UInt8(ascii: ";") {
            var byte = try lines.peek()
            while HTTP1Lines.isVisible(byte) || HTTP1Lines.isBlank(byte) {
                lines.position += 1
                byte = try lines.peek()
            }
        }
        try lines.endOfLine(of: "a chunk's size")
        guard lines.position <= lineLimit else { throw .malformed("a chunk's size takes too long a line") }
        return (size, lines.position)
    }

    private static func hexadecimal(_ byte: UInt8) -> Int? {
        switch byte {
        case 0x30...0x39: Int(byte - 0x30)
        case 0x41...0x46: Int(byte - 0x37)
        case 0x61...0x66: Int(byte - 0x57)
        default: nil
        }
    }

    private func readChunkEnd(_ input: inout HTTP1Input) throws(HTTP1Error) -> Bool {
        do throws(HTTP1Stop) {
            try input.read { bytes throws(HTTP1Stop) in
                var lines = HTTP1Lines(bytes)
                try lines.endOfLine(of: "a chunk")
            }
        } catch {
            switch error {
            case .incomplete: return false
            case .invalid: throw .malformed("a chunk is longer than it says")
            }
        }
        input.skip(2)
        return true
    }
}
#endif
