#if Gateway
import NIOCore
import NIOHTTP1

/// Takes the fields of a head, one after the other.
protocol FieldSink {
    mutating func add(name: String, value: String)
}

extension HTTPHeaders: FieldSink {}

/// What goes out on a connection of HTTP/1: heads, pieces of bodies and what frames them (RFC 9112), joined until they
/// are sent, so that a head and a short body cost one call into the kernel.
///
/// What it is given has been read by a parser, or checked where it came over HTTP/2: it breaks no line.
struct HTTP1Output: FieldSink {
    /// A longer piece of a body is sent as it is: to copy it would cost more than to send two pieces.
    private static let copyBound = 4 << 10
    /// What has been joined is sent when it is longer, so that the channel counts it.
    private static let joinBound = 32 << 10

    private var joined = ByteBuffer()
    /// Whether the body is sent in chunks.
    private var isChunked = false

    mutating func begin(_ method: HTTPMethod, _ target: String) {
        isChunked = false
        joined.writeString(method.rawValue)
        joined.writeInteger(UInt8(ascii: " "))
        joined.writeString(target)
        joined.writeStaticString(" HTTP/1.1\r\n")
    }

    mutating func begin(_ status: HTTPResponseStatus) {
        isChunked = false
        guard status != .ok else { return _ = joined.writeStaticString("HTTP/1.1 200 OK\r\n") }
        joined.writeStaticString("HTTP/1.1 ")
        joined.writeString(String(status.code))
        joined.writeInteger(UInt8(ascii: " "))
        joined.writeString(status.reasonPhrase)
        joined.writeStaticString("\r\n")
    }

    mutating func add(name: String, value: String) {
        if name.is("transfer-encoding") { isChunked = true }
        let (start, count) = (name.utf8.count, value.utf8.count)
        joined.writeWithUnsafeMutableBytes(minimumWritableBytes: start + count + 4) { room in
            room.copyBytes(from: name.utf8)
            room[start] = UInt8(ascii: ":")
            room[start + 1] = UInt8(ascii: " ")
            UnsafeMutableRawBufferPointer(rebasing: room[(start + 2)...]).copyBytes(from: value.utf8)
            room[start + count + 2] = UInt8(ascii: "\r")
            room[start + count + 3] = UInt8(ascii: "\n")
            return start + count + 4
        }
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
