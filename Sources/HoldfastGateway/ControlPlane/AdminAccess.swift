#if Gateway
import Holdfast
import Synchronization

/// Who may use the control plane: whoever presents its token, and browsers that have presented it once.
///
/// A browser can send no token of its own accord, neither with a page nor with a stream of events. So the page presents it
/// once, and is given a session, in a cookie that scripts cannot read and other sites cannot have sent. Sessions live in
/// this process alone: they end with it.
final class AdminAccess: Sendable {
    /// How long a session lasts.
    static let lifetime = Duration.seconds(12 * 3_600)
    /// The most sessions; beyond it the oldest ends.
    static let bound = 64

    private struct Session {
        let name: [UInt8]
        let ends: MonotonicInstant
    }

    private let token: [UInt8]
    let clock: any TimeSource
    private let sessions = Mutex<[Session]>([])
    private let throttle = Mutex(TokenThrottle())
    private let refusals = Atomic<Int>(0)

    init(token: String, clock: any TimeSource) {
        self.token = Array(token.utf8)
        self.clock = clock
    }

    /// How many requests were refused.
    var refused: Int { refusals.load(ordering: .relaxed) }

    func countRefusal() { refusals.add(1, ordering: .relaxed) }

    /// Whether this is the token. When many were wrong lately, it takes a while to find out.
    ///
    /// - Parameter pause: Waits.
    func admits(
        token presented: some StringProtocol & Sendable, pausing pause: (Duration) async -> Void
    ) async -> Bool {
        if let time = throttle.withLock({ $0.pause(at: clock.now) }) { await pause(time) }
        guard !admits(token: presented) else { return true }
        throttle.withLock { $0.wasWrong(at: clock.now) }
        return false
    }

    /// Whether this is the token, at once.
    func admits(token presented: some StringProtocol) -> Bool { Self.areEqual(token, Array(presented.utf8)) }

    /// Begins a session.
    ///
    /// - Returns: Its name, a secret: 256 random bits.
    func begin() -> String {
        var generator = SystemRandomNumberGenerator()
        let name = (0..<2).map { _ in RequestID(using: &generator).description }.joined()
        let session = Session(name: Array(name.utf8), ends: clock.now.advanced(by: Self.lifetime))
        sessions.withLock { sessions in
            if sessions.count == Self.bound { sessions.removeFirst() }
            sessions.append(session)
        }
        return name
    }

    /// Whether this is a session that goes on.
    func admits(session presented: some StringProtocol) -> Bool {
        let (now, presented) = (clock.now, Array(presented.utf8))
        return sessions.withLock { sessions in
            sessions.removeAll { $0.ends <= now }
            return sessions.reduce(false) { Self.areEqual($1.name, presented) || $0 }
        }
    }

    /// Ends a session.
    func end(session presented: some StringProtocol) {
        let presented = Array(presented.utf8)
        sessions.withLock { sessions in sessions.removeAll { Self.areEqual($0.name, presented) } }
    }

    /// Takes as long whatever is presented, so that a secret cannot be guessed byte by byte; only the length of what is
    /// presented shows.
    static func areEqual(_ secret: [UInt8], _ presented: [UInt8]) -> Bool {
        var difference = UInt(bitPattern: secret.count ^ presented.count)
        for (place, byte) in presented.enumerated() {
            difference |= UInt(byte ^ (secret.isEmpty ? 0 : secret[place % secret.count]))
        }
        return difference == 0
    }
}
#endif
