#if Gateway
import NIOCore

/// The nine bytes that every frame of HTTP/2 begins with (RFC 9113, section 4.1).
struct HTTP2FrameHeader: Equatable {
    enum Kind: UInt8 {
        case data, headers, priority, reset, settings, pushPromise, ping, goAway, windowUpdate, continuation
    }

    /// What flags mean depends on the frame's type: the same bit ends a stream, and acknowledges.
    enum Flag {
        static let endStream: UInt8 = 0x01
        static let acknowledged: UInt8 = 0x01
        static let endHeaders: UInt8 = 0x04
        static let padded: UInt8 = 0x08
        static let priority: UInt8 = 0x20
    }

    static let size = 9

    /// Of what follows, in bytes.
    var length: Int
    /// Nil is a type that RFC 9113 does not define.
    var kind: Kind?
    var flags: UInt8
    var stream: UInt32

    init(_ kind: Kind, flags: UInt8 = 0, stream: UInt32, length: Int) {
        (self.kind, self.flags, self.stream, self.length) = (kind, flags, stream, length)
    }

    /// Nil when nine bytes are not there yet.
    init?(_ buffer: ByteBuffer, at index: Int) {
        guard let first = buffer.getInteger(at: index, as: UInt64.self),
            let last = buffer.getInteger(at: index + 8, as: UInt8.self)
        else { return nil }
        length = Int(first >> 40)
        kind = Kind(rawValue: UInt8(truncatingIfNeeded: first >> 32))
        flags = UInt8(truncatingIfNeeded: first >> 24)
        // The first bit is reserved, and ignored.
        stream = UInt32(truncatingIfNeeded: first << 8 | UInt64(last)) & 0x7FFF_FFFF
    }

    func has(_ flag: UInt8) -> Bool { flags & flag != 0 }
}

extension ByteBuffer {
    /// Of one of the types that are defined.
    mutating func writeFrameHeader(_ header: HTTP2FrameHeader) {
        let kind = header.kind?.rawValue ?? 0
        writeMultipleIntegers(
            UInt8(truncatingIfNeeded: header.length >> 16), UInt16(truncatingIfNeeded: header.length), kind,
            header.flags, header.stream)
    }
}

/// Why a connection of HTTP/2 ends at once: what its client gets to know with GOAWAY (RFC 9113, sections 5.4.1 and 7).
struct HTTP2Refusal: Error, Equatable, CustomStringConvertible {
    enum Code: UInt32 {
        case protocolError = 0x1
        case frameSizeError = 0x6
        case compressionError = 0x9
        case enhanceYourCalm = 0xB
    }

    let code: Code
    let description: String

    init(_ code: Code, _ description: String) {
        (self.code, self.description) = (code, description)
    }
}
#endif
