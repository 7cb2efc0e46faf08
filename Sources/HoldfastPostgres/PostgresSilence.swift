#if PostgreSQL
import Foundation
import Synchronization

/// Ends a connection whose server does not answer at all, however long it is awaited.
///
/// A server that is held up as a whole (stopped, on a disk that hangs) lets no `statement_timeout` pass, and its kernel
/// acknowledges for it, so that `tcp_user_timeout` does not either: only this side can tell. libpq blocks meanwhile, and
/// goes on when its socket is shut down. That is done by a descriptor of our own, since libpq may close its at any moment.
final class PostgresSilence: Sendable {
    let patience: Duration
    private let socket: CInt
    private let state = Mutex(State())

    private struct State {
        /// Until when an answer is awaited; nil while none is.
        var end: ContinuousClock.Instant?
        /// Whether somebody will look. One look serves for all that is sent until then.
        var isWatched = false
        var isTooLong = false
    }

    init(patience: Duration, socket: CInt) {
        self.patience = patience
        self.socket = fcntl(socket, F_DUPFD_CLOEXEC, 0)
    }

    deinit { if socket >= 0 { close(socket) } }

    var isTooLong: Bool { state.withLock { $0.isTooLong } }

    /// Something is sent.
    func begins() {
        let isFirst = state.withLock { state in
            state.end = .now + patience
            defer { state.isWatched = true }
            return !state.isWatched
        }
        if isFirst { look(after: patience) }
    }

    /// All is answered, or the connection is broken.
    func ends() { state.withLock { $0.end = nil } }

    private func look(after pause: Duration) {
        let seconds = Double(pause.components.seconds) + Double(pause.components.attoseconds) / 1e18
        DispatchQueue.global().asyncAfter(deadline: .now() + seconds) { [weak self] in self?.look() }
    }

    private func look() {
        let left = state.withLock { state -> Duration? in
            let left = state.end.map { ContinuousClock.now.duration(to: $0) }
            state.isWatched = left.map { $0 > .zero } ?? false
            if left != nil, !state.isWatched { state.isTooLong = true }
            return left
        }
        guard let left else { return }
        if left > .zero { look(after: left) } else { shutdown(socket, CInt(SHUT_RDWR)) }
    }
}
#endif
