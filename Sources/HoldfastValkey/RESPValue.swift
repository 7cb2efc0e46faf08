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

    /// The most bytes of one string. Nothing longer is ever written, see ``ValkeyRecords/refusal(of:)``: the answer with it
    /// would break the connection that all share, each time that somebody asks for it.
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
        guard depth < depthBound, length >= 3, let line = buffer.readSlice(length: length)?.readableBytesView,
            line[line.endIndex - 2] == UInt8(ascii: "\r")
        else { throw Malformed() }
        let rest = line.dropFirst().dropLast(2)
        switch line[line.startIndex] {
        case UInt8(ascii: "+"): return .text(String(decoding: rest, as: UTF8.self))
        case UInt8(ascii: "-"): return .error(String(decoding: rest, as: UTF8.self))
        case UInt8(ascii: ":"): return .number(try number(rest, in: .min ... .max))
        case UInt8(ascii: "$"):
            let length = Int(try number(rest, in: -1...Int64(stringBound)))
            if length == -1 { return .bulk(nil) }
            guard buffer.readableBytes >= length + 2, let bytes = buffer.readBytes(length: length) else { return nil }
            buffer.moveReaderIndex(forwardBy: 2)
            return .bulk(bytes)
        case UInt8(ascii: "*"):
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

    private static func number(_ digits: ByteBufferView, in range: ClosedRange<Int64>) throws -> Int64 {
        let isNegative = digits.first == UInt8(ascii: "-")
        var number: Int64 = 0
        for digit in digits.dropFirst(isNegative ? 1 : 0) {
            let (tens, overflows) = number.multipliedReportingOverflow(by: 10)
            let (sum, overflowsToo) = tens.addingReportingOverflow(
                (isNegative ? -1 : 1) * Int64(digit &- UInt8(ascii: "0")))
            guard UInt8(ascii: "0")...UInt8(ascii: "9") ~= digit, !overflows, !overflowsToo else { throw Malformed() }
            number = sum
        }
        guard digits.count > (isNegative ? 1 : 0), range.contains(number) else { throw Malformed() }
        return number
    }
}

extension ByteBuffer {
    /// Writes a command: an array of strings.
    mutating func writeCommand(_ words: [[UInt8]]) {
        writeLength(words.count, after: "*")
        for word in words {
            writeLength(word.count, after: "$")
            writeBytes(word)
            writeStaticString("\r\n")
        }
    }

    private mutating func writeLength(_ length: Int, after mark: Unicode.Scalar) {
        writeInteger(UInt8(ascii: mark))
        writeString(String(length))
        writeStaticString("\r\n")
    }
}
#endif
