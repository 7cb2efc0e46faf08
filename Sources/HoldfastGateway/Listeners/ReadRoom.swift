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
#endif
