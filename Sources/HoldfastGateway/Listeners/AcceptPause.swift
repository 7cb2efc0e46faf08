#if Gateway
import Foundation
import Logging
import NIOCore
import Synchronization

/// Takes no connections for a moment when the machine has no room for another.
///
/// A connection that cannot be accepted stays where it is, so the kernel goes on telling of it, and the event loop would
/// do nothing else than ask for it. NIO's own handler for this waits before it reads again; but a read that failed is
/// still the one that waits, so nothing reads again and nothing is held back.
final class AcceptPause: ChannelInboundHandler {
    typealias InboundIn = any Channel

    /// As long as nginx waits.
    static let time = TimeAmount.milliseconds(500)
    /// It is told of once, until there was room for so long.
    static let quietTime = TimeAmount.seconds(60)

    private let time: TimeAmount
    private let counters: GatewayCounters
    private let logger: Logger
    private var lastFailure: NIODeadline?
    private var resumption: Scheduled<Void>?

    init(time: TimeAmount = AcceptPause.time, counters: GatewayCounters, logger: Logger) {
        self.time = time
        self.counters = counters
        self.logger = logger
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let failure = error as? IOError, failure.isLackOfRoom else {
            return context.fireErrorCaught(error)
        }
        tell(failure, at: .now())
        guard resumption == nil else { return }
        counters.acceptPauses.add(1, ordering: .relaxed)
        let channel = context.channel
        // It is closed otherwise, and then nothing is accepted in any case.
        _ = channel.setOption(.autoRead, value: false)
        resumption = context.eventLoop.assumeIsolated().scheduleTask(in: time) { [weak self] in
            self?.resumption = nil
            _ = channel.setOption(.autoRead, value: true)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        resumption?.cancel()
        resumption = nil
        context.fireChannelInactive()
    }

    private func tell(_ failure: IOError, at now: NIODeadline) {
        let isNew = lastFailure.map { now - $0 >= Self.quietTime } ?? true
        lastFailure = now
        guard isNew else { return }
        logger.error(
            "no connection can be accepted, and others wait: raise the limit of open files, or lower limits.connections",
            metadata: ["error": "\(failure)"])
    }
}

extension IOError {
    /// Whether the machine, or this process, has no room for another connection.
    var isLackOfRoom: Bool { [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(errnoCode) }
}
#endif
