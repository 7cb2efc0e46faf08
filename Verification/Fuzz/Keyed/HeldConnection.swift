#if Gateway && (FUZZ || DEBUG)
import NIOCore
import NIOEmbedded

/// A connection in our hands. Like the kernel, it gives its handlers nothing that they have not asked to read, takes
/// only what was flushed, and can be closed for writing alone.
final class HeldConnection: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum Arrival {
        case bytes([UInt8])
        case end
    }

    let channel: EmbeddedChannel
    /// What the other side has been sent.
    private(set) var sent: [UInt8] = []
    /// What has been read of the other side.
    private(set) var read: [UInt8] = []
    /// What the other side has sent, read or not.
    private(set) var received: [UInt8] = []
    /// Whether the other side has ended it.
    private(set) var isLeft = false
    /// Whether its end was read.
    private(set) var hasEnded = false
    /// Whether the other side has ever not taken what it was sent.
    private(set) var wasSlow = false
    /// Told when something was sent.
    var onSent: () -> Void = {}
    /// Told when it is closed.
    var onEnd: () -> Void = {}
    private var arrivals: [Arrival] = []
    private var written: [(bytes: ByteBuffer, promise: EventLoopPromise<Void>?)] = []
    private var isReadAsked = false
    private var isWoken = false
    private var isOutputClosed = false

    init(_ loop: EmbeddedEventLoop) throws {
        channel = EmbeddedChannel(loop: loop)
        try channel.pipeline.syncOperations.addHandler(self)
    }

    var isActive: Bool { channel.isActive }

    func begin(from address: SocketAddress) {
        channel.remoteAddress = address
        channel.connect(to: address, promise: nil)
        channel.read()
    }

    // MARK: The other side

    func receive(_ bytes: [UInt8]) {
        guard !isLeft, !bytes.isEmpty else { return }
        received += bytes
        arrivals.append(.bytes(bytes))
        wake()
    }

    /// The other side has sent all that it had to.
    func receiveEnd() {
        isLeft = true
        arrivals.append(.end)
        wake()
    }

    /// The other side is gone at once, whatever was still to be read.
    func reset() {
        isLeft = true
        arrivals = []
        end()
    }

    func setWritable(_ isWritable: Bool) {
        guard channel.isActive, channel.isWritable != isWritable else { return }
        channel.isWritable = isWritable
        wasSlow = true
        channel.pipeline.syncOperations.fireChannelWritabilityChanged()
    }

    func toggleWritable() { setWritable(!channel.isWritable) }

    /// Hands over one piece of what has come, in a turn of its own, if it is asked for.
    private func wake() {
        guard isReadAsked, !arrivals.isEmpty, !isWoken else { return }
        isWoken = true
        channel.embeddedEventLoop.execute { [self] in
            isWoken = false
            deliver()
        }
    }

    private func deliver() {
        guard isReadAsked, channel.isActive, !arrivals.isEmpty else { return }
        switch arrivals.removeFirst() {
        case .bytes(let bytes):
            isReadAsked = false
            read += bytes
            channel.pipeline.syncOperations.fireChannelRead(NIOAny(ByteBuffer(bytes: bytes)))
            channel.pipeline.syncOperations.fireChannelReadComplete()
            channel.read()
        case .end:
            end()
        }
    }

    private func end() {
        guard channel.isActive else { return }
        hasEnded = true
        channel.close(promise: nil)
    }

    // MARK: The handlers

    func read(context: ChannelHandlerContext) {
        isReadAsked = true
        wake()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard channel.isActive, !isOutputClosed else { return promise?.fail(ChannelError.ioOnClosedChannel) ?? () }
        written.append((unwrapOutboundIn(data), promise))
    }

    func flush(context: ChannelHandlerContext) {
        guard !written.isEmpty else { return }
        let flushed = written
        written = []
        for piece in flushed { sent += piece.bytes.readableBytesView }
        onSent()
        for piece in flushed { piece.promise?.succeed() }
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        let lost = written
        written = []
        for piece in lost { piece.promise?.fail(ChannelError.ioOnClosedChannel) }
        if mode == .output {
            isOutputClosed = true
            promise?.succeed()
        } else {
            onEnd()
            context.close(mode: mode, promise: promise)
        }
    }
}
#endif
