#if Gateway
import NIOCore

/// A connection on which something is ready to be sent.
protocol Flushing: AnyObject {
    func flushNow()
}

/// The connections of one event loop on which something is ready to be sent. It is sent when the loop has read all that
/// there was to read, and not between two reads: what receives it is then woken once, rather than for each piece.
final class FlushQueue {
    private let eventLoop: any EventLoop
    private var connections: [any Flushing] = []

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    func add(_ connection: any Flushing) {
        if connections.isEmpty { eventLoop.assumeIsolated().execute { self.flush() } }
        connections.append(connection)
    }

    private func flush() {
        // What is sent may lead to more, which has a turn of its own.
        var ready: [any Flushing] = []
        swap(&ready, &connections)
        for connection in ready { connection.flushNow() }
        ready.removeAll(keepingCapacity: true)
        if connections.isEmpty { swap(&ready, &connections) }
    }
}
#endif
