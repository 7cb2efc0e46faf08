#if PostgreSQL
import Foundation
import HoldfastIdempotency
import Synchronization

/// Hears from the server which records have ended (`LISTEN`), on a connection and a thread of its own. Those who wait ask
/// again now and then whether or not they hear, so nothing depends on it: behind PgBouncer in transaction mode, which
/// cannot listen, waiting is only slower.
final class PostgresListener: Sendable {
    let board = EndBoard()
    private let url: String
    private let state = Mutex(State())

    private struct State {
        var isListening = false
        var isClosed = false
        var nextAttempt = ContinuousClock.now
    }

    init(url: String) {
        self.url = url
    }

    /// Begins to listen, if nobody does: for the first who waits, and after a failure once a second at the most.
    func listen() {
        let begins = state.withLock { state in
            guard !state.isListening, !state.isClosed, ContinuousClock.now >= state.nextAttempt else { return false }
            state.isListening = true
            return true
        }
        // A thread, since libpq blocks; it holds nothing that holds it.
        if begins {
            Thread.detachNewThread { [self] in
                run()
                state.withLock { state in
                    state.isListening = false
                    state.nextAttempt = ContinuousClock.now + .seconds(1)
                }
            }
        }
    }

    func close() { state.withLock { $0.isClosed = true } }

    private func run() {
        guard let pq = try? LibPQ.shared(), let connection = PostgresConnection.opened(url, by: pq) else { return }
        defer { pq.finish(connection) }
        guard pq.status(connection) == LibPQ.connectionIsGood else { return }
        let answer = pq.exec(connection, "LISTEN \(PostgresRecords.channel)")
        defer { pq.clear(answer) }
        guard pq.resultStatus(answer) == LibPQ.commandDone else { return }
        while !state.withLock({ $0.isClosed }) {
            var descriptor = pollfd(fd: pq.socket(connection), events: Int16(POLLIN), revents: 0)
            // Now and then it looks whether it is still wanted.
            let count = poll(&descriptor, 1, 500)
            guard count >= 0 || errno == EINTR else { return }
            guard count > 0 else { continue }
            guard pq.consumeInput(connection) == 1, pq.status(connection) == LibPQ.connectionIsGood else { return }
            while let notification = pq.notifies(connection) {
                let payload = notification[LibPQ.notifiedPayload].map { String(cString: $0) }
                if let id = payload.flatMap(RecordID.init) { board.tell(id) }
                pq.freemem(notification)
            }
        }
    }
}
#endif
