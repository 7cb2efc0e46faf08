#if Gateway
import NIOCore

/// The bytes of a connection that are not read yet.
struct HTTP1Input {
    private var buffer: ByteBuffer?
    /// How many of them were looked through for the end of a head, in vain.
    private var searched = 0

    var count: Int { buffer?.readableBytes ?? 0 }
    var isEmpty: Bool { count == 0 }

    mutating func append(_ bytes: ByteBuffer) {
        guard var buffer = buffer.take(), buffer.readableBytes > 0 else { return self.buffer = bytes }
        buffer.writeImmutableBuffer(bytes)
        self.buffer = buffer
    }

    /// Lets go of what has been read. What is left of a large buffer moves to one of its own: the large one is read into
    /// again, or would be held by a few bytes.
    mutating func settle() {
        guard let buffer else { return }
        if buffer.readableBytes == 0 {
            self.buffer = nil
        } else if buffer.storageCapacity > 4_096, buffer.readableBytes < buffer.storageCapacity / 4 {
            self.buffer = ByteBuffer(buffer: buffer)
        }
    }

    /// Gives away what is there.
    mutating func takeAll() -> ByteBuffer? {
        searched = 0
        guard let buffer = buffer.take(), buffer.readableBytes > 0 else { return nil }
        return buffer
    }

    /// The next bytes, at most so many; nil if there is none.
    mutating func take(atMost count: Int) -> ByteBuffer? {
        guard let length = buffer.map({ min($0.readableBytes, count) }), length > 0 else { return nil }
        return buffer?.readSlice(length: length)
    }

    func withBytes<Value>(_ body: (UnsafeRawBufferPointer) -> Value) -> Value {
        buffer?.withUnsafeReadableBytes(body) ?? body(UnsafeRawBufferPointer(start: nil, count: 0))
    }

    func read<Value>(_ body: (UnsafeRawBufferPointer) throws(HTTP1Stop) -> Value) throws(HTTP1Stop) -> Value {
        try withBytes { bytes in Result { () throws(HTTP1Stop) in try body(bytes) } }.get()
    }

    mutating func skip(_ count: Int) {
        buffer?.moveReaderIndex(forwardBy: count)
        searched = 0
    }

    /// Reads a block that ends with an empty line, when it is there. A block that comes byte by byte is looked through
    /// once, and read once.
    ///
    /// - Parameters:
    ///   - limit: How long it may be.
    ///   - read: Reads it, and says how many bytes it took.
    mutating func block<Value>(
        limit: Int, _ read: (UnsafeRawBufferPointer) throws(HTTP1Stop) -> (Value, Int)
    ) throws(HTTP1Error) -> Value? {
        let count = count
        guard count > 0 else { return nil }
        if searched > 0, !hasEmptyLine(from: max(0, searched - 3)) { return try wait(count, limit) }
        do throws(HTTP1Stop) {
            let (value, length) = try self.read(read)
            guard length <= limit else { throw .invalid(.tooLarge) }
            skip(length)
            return value
        } catch {
            switch error {
            case .incomplete: return try wait(count, limit)
            case .invalid(let error): throw error
            }
        }
    }

    private mutating func wait<Value>(_ count: Int, _ limit: Int) throws(HTTP1Error) -> Value? {
        guard count <= limit else { throw .tooLarge }
        searched = count
        return nil
    }

    private func hasEmptyLine(from start: Int) -> Bool {
        withBytes { bytes in
            if bytes.count > 1, bytes[0] == HTTP1Lines.cr, bytes[1] == HTTP1Lines.lf { return true }
            var position = start
            while position + 3 < bytes.count {
                if bytes[position + 3] == HTTP1Lines.lf, bytes[position + 1] == HTTP1Lines.lf,
                    bytes[position + 2] == HTTP1Lines.cr
                {
                    return true
                }
                position += 1
            }
            return false
        }
    }
}
#endif
