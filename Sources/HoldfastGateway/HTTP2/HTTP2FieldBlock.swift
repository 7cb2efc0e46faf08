#if Gateway
import NIOCore

/// A field block, in HEADERS and the CONTINUATION behind it (RFC 9113, sections 4.3, 6.2 and 6.10).
struct HTTP2FieldBlock {
    let stream: UInt32
    /// Whether it ends its stream.
    private let flags: UInt8
    /// The five bytes of a priority, where there are any.
    private let priority: ByteBuffer?
    /// The fields, as they are compressed, without the padding.
    private(set) var fragments: ByteBuffer
    /// How many CONTINUATION frames have come.
    private var continuations = 0

    /// - Parameter frame: HEADERS, whole.
    init(_ header: HTTP2FrameHeader, _ frame: ByteBuffer) throws(HTTP2Refusal) {
        stream = header.stream
        flags = header.flags & (HTTP2FrameHeader.Flag.endStream | HTTP2FrameHeader.Flag.priority)
        var rest = frame
        rest.moveReaderIndex(forwardBy: HTTP2FrameHeader.size)
        if header.has(HTTP2FrameHeader.Flag.padded) {
            guard let padding = rest.readInteger(as: UInt8.self), Int(padding) <= rest.readableBytes else {
                throw HTTP2Refusal(.protocolError, "HEADERS with more padding than bytes")
            }
            rest.moveWriterIndex(to: rest.writerIndex - Int(padding))
        }
        if header.has(HTTP2FrameHeader.Flag.priority) {
            guard let priority = rest.readSlice(length: 5) else {
                throw HTTP2Refusal(.protocolError, "HEADERS without the priority that they announce")
            }
            self.priority = ByteBuffer(bytes: priority.readableBytesView)
        } else {
            priority = nil
        }
        // What is kept must not keep all that was read with it.
        fragments = header.has(HTTP2FrameHeader.Flag.endHeaders) ? rest : ByteBuffer(bytes: rest.readableBytesView)
    }

    /// - Returns: How many there are now.
    mutating func append(_ continuation: ByteBuffer) -> Int {
        var rest = continuation
        rest.moveReaderIndex(forwardBy: HTTP2FrameHeader.size)
        fragments.writeBuffer(&rest)
        continuations += 1
        return continuations
    }

    /// The frames of another block in this one's place.
    func frames(_ fields: ByteBuffer) -> ByteBuffer {
        var head = ByteBuffer()
        if let priority { head.writeImmutableBuffer(priority) }
        return Self.frames(fields, behind: head, stream: stream, flags: flags)
    }

    /// - Parameters:
    ///   - fields: Compressed.
    ///   - head: What stands before them in HEADERS.
    ///   - flags: Those of HEADERS that say nothing of how it is divided.
    static func frames(
        _ fields: ByteBuffer, behind head: ByteBuffer = ByteBuffer(), stream: UInt32, flags: UInt8
    ) -> ByteBuffer {
        var rest = fields
        let most = HTTP2FrameReader.maximumLength
        var frames = ByteBuffer()
        frames.reserveCapacity(fields.readableBytes + 2 * HTTP2FrameHeader.size + head.readableBytes)
        var first = true
        repeat {
            let count = min(rest.readableBytes, first ? most - head.readableBytes : most)
            let isLast = count == rest.readableBytes
            let ends = isLast ? HTTP2FrameHeader.Flag.endHeaders : 0
            frames.writeFrameHeader(
                HTTP2FrameHeader(
                    first ? .headers : .continuation, flags: (first ? flags : 0) | ends, stream: stream,
                    length: count + (first ? head.readableBytes : 0)))
            if first { frames.writeImmutableBuffer(head) }
            if var piece = rest.readSlice(length: count) { frames.writeBuffer(&piece) }
            first = false
        } while rest.readableBytes > 0
        return frames
    }
}

/// How many of something may come within a time: for what costs nobody a place, and the gateway a moment each.
struct FrameRate {
    let most: Int
    private let time: TimeAmount
    private var count = 0
    private var began = NIODeadline.uptimeNanoseconds(0)

    init(most: Int, within time: TimeAmount) {
        (self.most, self.time) = (most, time)
    }

    /// - Returns: Whether it may come.
    mutating func admit(at now: NIODeadline) -> Bool {
        if count == 0 || now - began > time { (count, began) = (0, now) }
        count += 1
        return count <= most
    }
}
#endif
