#if Gateway
import NIOCore

/// How much a client's connection reads at once, and how much room for it a connection keeps while it waits.
///
/// It grows with what comes. NIO keeps the buffers that it is told the size of, and makes none smaller: a connection that
/// took a large body would keep 256 KiB for as long as it is open, and there may be 10,000. So nothing is told of a large
/// buffer: the largest are the loop's, and others go with what was read into them. With one read in each turn of the loop
/// (`maxMessagesPerRead`), the only one that is kept is the first.
struct ReadRoom: RecvByteBufferAllocator {
    /// Most requests of services fit into it; NIO's usual 2,048 bytes would be a third of what an idle connection takes.
    static let first = 512
    /// The largest that a connection keeps: heads of a browser's requests are as long.
    static let kept = 4_096

    private let shared: NIOLoopBound<ReadBuffers>
    private var next = AdaptiveRecvByteBufferAllocator(minimum: first, initial: first, maximum: ReadBuffers.size)

    /// - Parameter shared: Those of the connection's event loop.
    init(_ shared: NIOLoopBound<ReadBuffers>) { self.shared = shared }

    func buffer(allocator: ByteBufferAllocator) -> ByteBuffer {
        next.nextBufferSize() == ReadBuffers.size ? shared.value.take(allocator) : next.buffer(allocator: allocator)
    }

    /// The size of the next buffer; nil for one that is not to be kept.
    func nextBufferSize() -> Int? { next.nextBufferSize().flatMap { $0 <= Self.kept ? $0 : nil } }

    /// - Returns: Whether the buffer that is kept is too small for what comes next.
    mutating func record(actualReadBytes: Int) -> Bool {
        _ = next.record(actualReadBytes: actualReadBytes)
        return nextBufferSize() == nil
    }
}

/// The large buffers of one event loop, which its connections read bodies into by turns: what has just been sent on is
/// read into again, while it is in the processor's cache.
final class ReadBuffers {
    /// What the largest read takes.
    static let size = 64 << 10
    /// How many are kept. While somebody still has to send one, whoever reads gets another.
    static let bound = 16

    private var buffers: [ByteBuffer] = []
    /// Whether the latest that was taken can still come back.
    private var isLent = false

    var count: Int { buffers.count }

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
