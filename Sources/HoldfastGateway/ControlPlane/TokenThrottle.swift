#if Gateway
import Holdfast

/// How fast tokens can be guessed, whoever guesses: when many were wrong, whoever presents one waits before it is looked
/// at, the right one too. So nobody is locked out, nothing is kept of anybody, and who hangs up early learns nothing.
///
/// The guesses of a second are then as many as places of strangers, over the pause; one client has a few of those.
struct TokenThrottle {
    /// How many may be wrong before others wait. One is forgotten each second.
    static let burst = Duration.seconds(20)
    private static let step = Duration.seconds(1)
    /// How long they wait: short for a person, and for who scrapes metrics.
    static let pause = Duration.seconds(2)

    /// When all that were wrong are forgotten.
    private var forgotten: MonotonicInstant?

    /// A token was wrong.
    mutating func wasWrong(at now: MonotonicInstant) {
        let start = max(forgotten ?? now, now)
        forgotten = min(start.advanced(by: Self.step), now.advanced(by: Self.burst))
    }

    /// How long a token waits before it is looked at; nil for not at all.
    func pause(at now: MonotonicInstant) -> Duration? {
        guard let forgotten, now.duration(to: forgotten) > Self.burst - Self.step else { return nil }
        return Self.pause
    }
}
#endif
