#if Gateway
import NIOCore

/// One event loop's client connections, so that they can be told when the gateway drains. Never leaves the loop.
final class LoopConnections {
    private let eventLoop: any EventLoop
    private(set) var channels: [ObjectIdentifier: any Channel] = [:]
    private var emptied: EventLoopPromise<Void>?
    /// Whether the gateway drains: each connection answers what it is busy with, and ends.
    private(set) var isQuiescing = false

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    func add(_ channel: any Channel) {
        channels[ObjectIdentifier(channel)] = channel
    }

    func remove(_ channel: any Channel) {
        channels[ObjectIdentifier(channel)] = nil
        endIfEmpty()
    }

    /// Has every connection end when it can. Those that come later find it in ``isQuiescing``.
    func quiesce() {
        isQuiescing = true
        // A connection may end, and leave the table, when it is told.
        for channel in Array(channels.values) {
            channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        }
    }

    /// When no connection is left.
    func end() -> EventLoopFuture<Void> {
        let promise = emptied ?? eventLoop.makePromise(of: Void.self)
        emptied = promise
        endIfEmpty()
        return promise.futureResult
    }

    /// Ends those that are left.
    func close() {
        for channel in Array(channels.values) { channel.close(promise: nil) }
    }

    private func endIfEmpty() {
        guard channels.isEmpty, let promise = emptied else { return }
        emptied = nil
        promise.succeed()
    }
}
#endif
