#if Gateway
import NIOCore

/// A connection on which something is ready to be sent.
protocol Flushing: AnyObject {
    /// Kept by ``LoopTurn``: whether it waits for the turn's end already.
    var isFlushAwaited: Bool { get set }

    func flushNow()
}

/// One turn of an event loop, from the first thing that it reads to when it has read all there was. Then what is ready is
/// sent, on all connections: whoever receives it is woken once, rather than between two reads.
final class LoopTurn {
    /// So many connections wait for one another at the most: about a millisecond.
    static let bound = 64

    private let eventLoop: any EventLoop
    private var start: NIODeadline?
    private var isEndAwaited = false
    private var ready: [any Flushing] = []

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    /// The time when somebody asked first in this turn. A turn takes less than what any limit here is counted in, and a
    /// request asks ten times.
    var now: NIODeadline {
        if let start { return start }
        awaitEnd()
        let now = eventLoop.now
        start = now
        return now
    }

    /// Has what is ready on a connection be sent when the turn ends.
    func flush(_ connection: any Flushing) {
        guard !connection.isFlushAwaited else { return }
        connection.isFlushAwaited = true
        awaitEnd()
        ready.append(connection)
        if ready.count >= Self.bound { send() }
    }

    private func awaitEnd() {
        guard !isEndAwaited else { return }
        isEndAwaited = true
        eventLoop.assumeIsolated().execute { self.end() }
    }

    private func end() {
        isEndAwaited = false
        start = nil
        send()
    }

    private func send() {
        // What is sent may lead to more, which is sent later.
        var connections: [any Flushing] = []
        swap(&connections, &ready)
        for connection in connections {
            connection.isFlushAwaited = false
            connection.flushNow()
        }
        connections.removeAll(keepingCapacity: true)
        if ready.isEmpty { swap(&connections, &ready) }
    }
}
#endif
