#if Valkey
import NIOCore

/// What a server says: RESP, the serialization protocol of Redis and Valkey, version 2.
enum RESPValue: Sendable, Hashable {
    case text(String)
    case error(String)
    case number(Int64)
    case bulk([UInt8]?)
    case array([RESPValue])

    var string: String? {
        switch self {
        case .text(let text): text
        case .bulk(let bytes?): String(decoding: bytes, as: UTF8.self)
        case .number(let number): "\(number)"
        case .error, .bulk(nil), .array: nil
        }
    }
}

/// Reads values as they come.
struct RESPDecoder: NIOSingleStepByteToMessageDecoder {
    typealias InboundOut = RESPValue

    struct Malformed: Error, CustomStringConvertible {
        let description = "the server's answer is not RESP, or is too large"
    }

    /// The most bytes of one string. A payload is 1 MiB at the most, where the gateway records it.
    static let stringBound = 64 << 20
    static let arrayBound = 1 << 20
    static let depthBound = 8

    mutating func decode(buffer: inout ByteBuffer) throws -> RESPValue? {
        var ahead = buffer
        guard let value = try Self.value(&ahead, depth: 0) else { return nil }
        buffer = ahead
        return value
    }

    mutating func decodeLast(buffer: inout ByteBuffer, seenEOF: Bool) throws -> RESPValue? {
        try decode(buffer: &buffer)
    }

    private static func value(_ buffer: inout ByteBuffer, depth: Int) throws -> RESPValue? {
        guard let end = buffer.readableBytesView.firstIndex(of: UInt8(ascii: "\n")) else {
            // No line of the protocol is longer than an error's.
            guard buffer.readableBytes < 64 << 10 else { throw Malformed() }
            return nil
        }
        let length = end - buffer.readerIndex + 1
        guard depth < depthBound, length >= 3, let line = buffer.readString(length: length), line.hasSuffix("\r\n")
        else { throw Malformed() }
        let rest = line.dropFirst().dropLast()
        switch line.first {
        case "+": return .text(String(rest))
        case "-": return .error(String(rest))
        case ":": return .number(try number(rest, in: .min ... .max))
        case "$":
            let length = Int(try number(rest, in: -1...Int64(stringBound)))
            if length == -1 { return .bulk(nil) }
            guard buffer.readableBytes >= length + 2, let bytes = buffer.readBytes(length: length) else { return nil }
            buffer.moveReaderIndex(forwardBy: 2)
            return .bulk(bytes)
        case "*":
            let count = Int(try number(rest, in: -1...Int64(arrayBound)))
            var values: [RESPValue] = []
            for _ in 0..<max(0, count) {
                guard let value = try value(&buffer, depth: depth + 1) else { return nil }
                values.append(value)
            }
            return .array(values)
        default: throw Malformed()
        }
    }

    private static func number(_ text: Substring, in range: ClosedRange<Int64>) throws -> Int64 {
        guard let number = Int64(text), range.contains(number) else { throw Malformed() }
        return number
    }
}

extension ByteBuffer {
    /// Writes a command: an array of strings.
    mutating func writeCommand(_ words: [[UInt8]]) {
        writeString("*\(words.count)\r\n")
        for word in words {
            writeString("$\(word.count)\r\n")
            writeBytes(word)
            writeString("\r\n")
        }
    }
}
#endif
