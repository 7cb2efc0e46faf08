#if Gateway
import NIOCore
import NIOHTTPTypes
import Synchronization

/// The control plane's connections: bounded in number and in time before anybody has shown a token.
final class AdminConnections: Sendable {
    private struct State {
        var places = AdminPlaces()
        var channels: [AdminPlaces.Number: any Channel] = [:]
    }

    private let state = Mutex(State())
    private let evictions = Atomic<Int>(0)

    /// How many there are.
    var count: Int { state.withLock { $0.channels.count } }
    /// How many had to leave for others.
    var evicted: Int { evictions.load(ordering: .relaxed) }

    /// What each new connection has.
    func makeHandler() -> AdminConnection { AdminConnection(connections: self) }

    fileprivate func arrived(_ channel: any Channel) {
        let number = ObjectIdentifier(channel)
        let client = channel.remoteAddress.flatMap { IPAddress($0) }.map { ClientConnections.Client($0) }
        let leaving = state.withLock { state in
            state.channels[number] = channel
            return state.places.arrived(number, from: client).flatMap { state.channels[$0] }
        }
        channel.closeFuture.whenComplete { _ in
            self.state.withLock { state in
                state.places.ended(number)
                state.channels[number] = nil
            }
        }
        guard let leaving else { return }
        evictions.add(1, ordering: .relaxed)
        leaving.close(promise: nil)
    }

    /// Whoever is at the other end of this channel has shown that they may ask.
    ///
    /// - Returns: Whether there was a place for them that no stranger can take.
    func showed(_ channel: any Channel) -> Bool {
        state.withLock { $0.places.showed(ObjectIdentifier(channel)) }
    }
}

/// One connection to the control plane: closes it when it takes longer than it may, or sends more.
final class AdminConnection: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let connections: AdminConnections
    private var times = AdminTimes()
    private var timer: LazyTimer?

    fileprivate init(connections: AdminConnections) {
        self.connections = connections
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let (channel, timer) = (context.channel, LazyTimer(eventLoop: context.eventLoop))
        timer.onFire = { channel.close(promise: nil) }
        self.timer = timer
        apply(times.limit, context)
        connections.arrived(channel)
    }

    func handlerRemoved(context: ChannelHandlerContext) { timer?.cancel() }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let event: AdminTimes.Event =
            switch unwrapInboundIn(data) {
            case .head: .head
            case .body(let body): .body(body.readableBytes)
            case .end: .end
            }
        apply(times.took(event), context)
        context.fireChannelRead(data)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event { apply(times.took(.left), context) }
        context.fireUserInboundEventTriggered(event)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .end = unwrapOutboundIn(data) { apply(times.took(.answered), context) }
        context.write(data, promise: promise)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        apply(times.took(.writable(context.channel.isWritable)), context)
        context.fireChannelWritabilityChanged()
    }

    private func apply(_ limit: AdminTimes.Limit?, _ context: ChannelHandlerContext) {
        switch limit {
        case .within(let time): timer?.set(in: time)
        case .some(.none): timer?.set(nil)
        case .over: context.close(promise: nil)
        case nil: break
        }
    }
}
#endif
