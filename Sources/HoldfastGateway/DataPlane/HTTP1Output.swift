#if Gateway
import NIOCore
import NIOHTTP1

/// Takes the fields of a head, one after the other.
protocol FieldSink {
    mutating func add(name: String, value: String)
    /// What the request is called, under its field's name.
    mutating func add(_ requestID: RequestID)
}

extension HTTPHeaders: FieldSink {
    mutating func add(_ requestID: RequestID) { add(name: RequestID.field, value: requestID.description) }
}

/// What goes out on a connection of HTTP/1: heads, pieces of bodies and what frames them (RFC 9112), joined until they
/// are sent, so that a head and a short body cost one call into the kernel.
///
/// Whoever gives it a value, no line is broken: what a value may not hold goes out as a space (RFC 9110, section 5.5), and
/// a name that is no token does not go out.
struct HTTP1Output: FieldSink {
    /// A longer piece of a body is sent as it is: to copy it would cost more than to send two pieces.
    private static let copyBound = 4 << 10
    /// What has been joined is sent when it is longer, so that the channel counts it.
    private static let joinBound = 32 << 10

    private var joined = ByteBuffer()
    /// Whether the body is sent in chunks.
    private var isChunked = false
    /// Whether its length was said.
    private var hasLength = false

    /// Whether the message says where it ends. One that does not ends with the connection.
    var isDelimited: Bool { isChunked || hasLength }

    mutating func begin(_ method: HTTPMethod, _ target: String) {
        (isChunked, hasLength) = (false, false)
        joined.writeString(method.rawValue)
        joined.writeInteger(UInt8(ascii: " "))
        write(target: target)
        joined.writeStaticString(" HTTP/1.1\r\n")
    }

    /// A target that is not one word would be another request's.
    private mutating func write(target: String) {
        let isPlain = target.utf8.withContiguousStorageIfAvailable { bytes in
            bytes.allSatisfy { $0 < 0x80 && HTTP1Lines.isVisible($0) }
        }
        if isPlain == true { return _ = joined.writeString(target) }
        for byte in target.fieldBytes {
            if HTTP1Lines.isVisible(byte) {
                joined.writeInteger(byte)
            } else {
                joined.writeString("%\(byte < 16 ? "0" : "")\(String(byte, radix: 16, uppercase: true))")
            }
        }
    }

    mutating func begin(_ status: HTTPResponseStatus) {
        (isChunked, hasLength) = (false, false)
        guard status != .ok else { return _ = joined.writeStaticString("HTTP/1.1 200 OK\r\n") }
        joined.writeStaticString("HTTP/1.1 ")
        joined.writeString(String(status.code))
        joined.writeInteger(UInt8(ascii: " "))
        joined.writeString(status.reasonPhrase)
        joined.writeStaticString("\r\n")
    }

    mutating func add(name: String, value: String) {
        guard name.isFieldName else { return }
        if name.is("transfer-encoding") { isChunked = true } else if name.is("content-length") { hasLength = true }
        let (start, count) = (name.utf8.count, value.utf8.count)
        joined.writeWithUnsafeMutableBytes(minimumWritableBytes: start + count + 4) { room in
            room.copyBytes(from: name.utf8)
            room[start] = UInt8(ascii: ":")
            room[start + 1] = UInt8(ascii: " ")
            let place = UnsafeMutableRawBufferPointer(rebasing: room[(start + 2)..<(start + 2 + count)])
            place.copyBytes(from: value.utf8)
            let length = FieldBytes.settle(place)
            room[start + length + 2] = UInt8(ascii: "\r")
            room[start + length + 3] = UInt8(ascii: "\n")
            return start + length + 4
        }
    }

    mutating func add(_ requestID: RequestID) {
        joined.writeStaticString("x-request-id: ")
        _ = requestID.withBytes { joined.writeBytes($0) }
        joined.writeStaticString("\r\n")
    }

    mutating func endHead() { joined.writeStaticString("\r\n") }

    /// - Returns: What is to be sent at once, in this order.
    mutating func append(_ body: ByteBuffer) -> [ByteBuffer] {
        guard body.readableBytes > 0 else { return [] }
        if isChunked {
            joined.writeString(String(body.readableBytes, radix: 16))
            joined.writeStaticString("\r\n")
        }
        defer { if isChunked { joined.writeStaticString("\r\n") } }
        if body.readableBytes > Self.copyBound { return [take(), body].compactMap { $0 } }
        joined.writeImmutableBuffer(body)
        return joined.readableBytes > Self.joinBound ? [take()].compactMap { $0 } : []
    }

    mutating func end() {
        if isChunked { joined.writeStaticString("0\r\n\r\n") }
        isChunked = false
    }

    /// - Returns: What has been joined; nil if that is nothing.
    mutating func take() -> ByteBuffer? {
        guard joined.readableBytes > 0 else { return nil }
        var taken = ByteBuffer()
        swap(&taken, &joined)
        return taken
    }

    /// Gives the room of what has been sent to what comes next.
    mutating func reuse(_ sent: consuming ByteBuffer) {
        guard joined.capacity == 0, sent.capacity <= Self.copyBound else { return }
        sent.clear(minimumCapacity: 0)
        joined = sent
    }
}
#endif
