/// What a failure proves about the attempt that met it. It decides what may be made again.
public enum FailureClass: Sendable, Hashable {
    /// Certain not to have run: a refused connection, or a rejection by a policy of our own. `retryAfter` is the
    /// earliest moment at which another attempt makes sense, where one is known.
    case notSent(retryAfter: Duration? = nil)
    /// The receiver declined to act, and may have said how long to wait.
    case rejected(retryAfter: Duration? = nil)
    /// It ran and failed.
    case failed
    /// A timeout, or a connection that broke after sending: it may or may not have run.
    case unknown
}
