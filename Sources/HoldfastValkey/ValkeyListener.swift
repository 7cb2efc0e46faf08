#if Valkey
import Holdfast
import HoldfastIdempotency
import Synchronization

/// Hears from the server which records have ended, on a connection of its own. Those who wait ask again now and then
/// whether or not they hear, so nothing depends on it.
final class ValkeyListener: Sendable {
    let board = EndBoard()
    private let address: ValkeyAddress
    private let clock: any TimeSource
    private let state: Mutex<State>

    private struct State {
        var connection: ValkeyConnection?
        var isConnecting = false
        var isClosed = false
        var nextAttempt: MonotonicInstant
    }

    init(_ address: ValkeyAddress, clock: any TimeSource) {
        self.address = address
        self.clock = clock
        state = Mutex(State(nextAttempt: clock.now))
    }

    /// Subscribes, if that has not been done: for the first who waits, and after a failure once a second at the most.
    func listen() {
        let now = clock.now
        let begins = state.withLock { state in
            guard !state.isConnecting, !state.isClosed, state.connection?.isOpen != true, now >= state.nextAttempt
            else { return false }
            state.isConnecting = true
            return true
        }
        if begins { Task { await subscribe() } }
    }

    private func subscribe() async {
        let connection = try? await ValkeyConnection.connect(to: address) { [board] key in
            if let id = ValkeyRecords.id(ofKey: key) { board.tell(id) }
        }
        _ = try? await connection?.send([["SUBSCRIBE", ValkeyRecords.channel].map { Array($0.utf8) }])
        let next = clock.now.advanced(by: .seconds(1))
        let isClosed = state.withLock { state in
            state.isConnecting = false
            state.connection = connection
            state.nextAttempt = next
            return state.isClosed
        }
        if isClosed { connection?.close() }
    }

    func close() {
        state.withLock { state in
            state.isClosed = true
            state.connection?.close()
        }
    }
}
#endif
