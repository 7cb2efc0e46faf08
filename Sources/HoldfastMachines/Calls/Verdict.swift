/// How a call ended, as far as those are concerned who judge its dependency: a breaker, a limit, a throttle.
public enum Verdict: Sendable, Hashable {
    case succeeded
    case failed
    /// The dependency is alive, and did not do what was asked: it wants to be called less, as with a 429, or the call
    /// may have been what it failed at. It counts towards a failure rate, and not as one of a streak. A probe that is
    /// declined reopens.
    case declined
    /// Cancelled, or never judged: evidence of nothing.
    case abandoned
}
