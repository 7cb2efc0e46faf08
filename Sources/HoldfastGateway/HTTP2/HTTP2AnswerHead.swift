#if Gateway
import NIOCore
import NIOHPACK
import NIOHTTP1

/// An answer's head as fields of HTTP/2 (RFC 9113, section 8.3.2), whoever made it: a service, or this gateway.
///
/// NIOHPACK gets what it writes as it is. It takes two texts for one that Unicode takes for equal, it needs up to four
/// times of what a text has where that is not ASCII, and a head must fit into one frame. So of a head that is long, or not
/// all ASCII, it gets the status and a mark, and ``HTTP2FrameGate`` adds the rest.
struct HTTP2AnswerHead {
    /// What NIOHTTP2 is given.
    private(set) var fields: HPACKHeaders
    /// What is added to it, compressed.
    private(set) var beside: ByteBuffer?

    /// The last field of a head that others are added to.
    private static let mark = (name: "holdfast-beside", value: "1")
    /// The bytes that stand for it. No field of a service is written so: those enter the table, and one of this name is
    /// never given to NIOHPACK.
    static let encodedMark: [UInt8] = {
        var (encoder, bytes) = (HPACKEncoder(allocator: ByteBufferAllocator()), ByteBuffer())
        var fields = HPACKHeaders()
        fields.add(name: mark.name, value: mark.value, indexing: .nonIndexable)
        // An encoder fails only when it is used twice at once.
        try? encoder.encode(headers: fields, to: &bytes)
        return Array(bytes.readableBytesView)
    }()
    /// So many bytes fit into a frame, however they are compressed.
    private static let plainBytes = 4_096

    /// - Returns: Nil for a head that must not go out: one with a name that is none, or a value with a line break or NUL
    ///   (RFC 9113, section 8.2.1).
    init?(_ head: HTTPResponseHead) {
        fields = HPACKHeaders()
        fields.reserveCapacity(head.headers.count + 1)
        fields.add(name: ":status", value: String(head.status.code))
        var (size, isPlain) = (0, true)
        // RFC 9110, section 8.6.
        let hasLength = head.status.code >= 200 && head.status.code != 204
        for (name, value) in head.headers {
            let name = name.lowercased()
            switch name {
            // They are about a connection, which streams share (RFC 9113, section 8.2.2).
            case "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade": continue
            case "content-length" where !hasLength: continue
            default: break
            }
            guard Self.isName(name), let text = Text(value) else { return nil }
            size += name.utf8.count + text.value.utf8.count
            // Once it stood in NIOHPACK's table, the mark would be written in another way.
            isPlain = isPlain && text.isASCII && name != Self.mark.name
            fields.add(name: name, value: text.value)
        }
        if !isPlain || size > Self.plainBytes { divide() }
    }

    private mutating func divide() {
        var (few, more) = (HPACKHeaders(), ByteBuffer())
        for (name, value, _) in fields {
            // NIOHTTP2 counts the body.
            if name == ":status" || name == "content-length" {
                few.add(name: name, value: value)
            } else {
                more.writeLiteral(name: name.utf8, value: value.fieldBytes)
            }
        }
        few.add(name: Self.mark.name, value: Self.mark.value, indexing: .nonIndexable)
        (fields, beside) = (few, more)
    }

    /// The length that was announced is not of what follows.
    mutating func dropLength() { fields.remove(name: "content-length") }

    private static func isName(_ name: String) -> Bool {
        !name.isEmpty
            && name.utf8.allSatisfy { byte in
                switch byte {
                case 0x61...0x7A, 0x30...0x39, 0x2D, 0x5F: true
                case 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2E, 0x5E, 0x60, 0x7C, 0x7E: true
                default: false
                }
            }
    }

    /// A value as it may go out.
    private struct Text {
        var value: String
        var isASCII: Bool

        /// - Returns: Nil for one that breaks a line.
        init?(_ value: String) {
            var all: UInt8 = 0
            for byte in value.utf8 {
                if byte == 0 || byte == 0x0A || byte == 0x0D { return nil }
                all |= byte
            }
            isASCII = all < 0x80
            let isSpace = { (byte: UInt8?) in byte == 0x20 || byte == 0x09 }
            self.value = value
            guard isSpace(value.utf8.first) || isSpace(value.utf8.last) else { return }
            // RFC 9113, section 8.2.1: a value neither begins nor ends with whitespace.
            let trimmed = value.utf8.drop(while: isSpace)
            let end = trimmed.lastIndex { !isSpace($0) }.map { trimmed.index(after: $0) } ?? trimmed.startIndex
            self.value = String(trimmed[..<end]) ?? ""
        }
    }
}
#endif
