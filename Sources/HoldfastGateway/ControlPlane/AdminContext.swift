#if Gateway
import Holdfast
import Hummingbird
import Logging
import NIOCore

/// What a request to the control plane comes with: the connection that it came on.
struct AdminContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    private let channel: any Channel
    private let connections: AdminConnections?

    init(source: ApplicationRequestContextSource) {
        self.init(source, connections: nil)
    }

    init(_ source: ApplicationRequestContextSource, connections: AdminConnections?) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
        self.connections = connections
    }

    /// Where whoever asks has connected from.
    var clientAddress: String { channel.remoteAddress?.ipAddress ?? "unknown" }

    /// Whoever asks has shown that they may.
    ///
    /// - Returns: Whether there was a place for them that no stranger can take.
    @discardableResult func showed() -> Bool { connections?.showed(channel) ?? true }

    /// Waits, and no longer than the connection is there: so there are never more who wait than connections.
    func pause(for time: Duration, by clock: any TimeSource) async {
        let over = channel.eventLoop.makePromise(of: Void.self)
        let time = Task {
            try? await clock.sleep(until: clock.now.advanced(by: time), tolerance: nil)
            over.succeed()
        }
        channel.closeFuture.whenComplete { _ in over.succeed() }
        try? await over.futureResult.get()
        time.cancel()
    }
}
#endif
