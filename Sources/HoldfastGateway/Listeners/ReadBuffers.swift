#if Gateway
import NIOCore

/// The large buffers of one event loop, which its connections read bodies into by turns: what has just been sent on is
/// read into again, while it is in the processor's cache.
final class ReadBuffers {
    /// What the largest read takes.
    static let size = 64 << 10
    /// How many are kept. While somebody still has to send one, whoever reads gets another.
    static let bound = 16

    private(set) var buffers: [ByteBuffer] = []
    /// Whether the latest that was taken can still come back.
    private var isLent = false

    /// One that nobody holds any longer, the latest first, or a new one.
    func take(_ allocator: ByteBufferAllocator) -> ByteBuffer {
        isLent = true
        for place in buffers.indices.reversed() where buffers[place].modifyIfUniquelyOwned({ $0.clear() }) != nil {
            return buffers.remove(at: place)
        }
        return allocator.buffer(capacity: Self.size)
    }

    /// Takes back what was read into the latest, for when its other holders have let go of it.
    ///
    /// - Parameter piece: Any part of it, or of another buffer, which is not kept.
    func keep(_ piece: ByteBuffer) {
        guard isLent, piece.storageCapacity == Self.size else { return }
        // It may come in several parts, and the second would make the first look held.
        isLent = false
        if buffers.count == Self.bound { buffers.removeFirst() }
        buffers.append(piece)
    }
}
#endif
