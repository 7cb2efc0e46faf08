/// A bound in time on a call or on an attempt: an absolute instant, and what it was made from, so that an error can say
/// which limit it was.
public struct TimeLimit: Sendable, CustomStringConvertible {
    /// What a limit bounds.
    public enum Kind: String, Sendable, Hashable {
        /// A call, with all its attempts and everything below it.
        case deadline
        /// One attempt.
        case timeout
    }

    public let kind: Kind
    /// When the time is over.
    public let instant: MonotonicInstant
    /// How long it was when it was set; nil if it was given as an instant.
    public let duration: Duration?
    /// The clock that the instant is on.
    public let clock: any TimeSource

    init(_ kind: Kind, at instant: MonotonicInstant, duration: Duration?, clock: any TimeSource) {
        self.kind = kind
        self.instant = instant
        self.duration = duration
        self.clock = clock
    }

    /// What is left; zero when the time is over.
    public var remaining: Duration { max(.zero, clock.now.duration(to: instant)) }

    public var description: String { duration.map { "\(kind.rawValue) of \($0)" } ?? kind.rawValue }
}

/// A limit in time was met.
///
/// What was under way was cancelled, and waited for: nothing of it goes on in the background. Whether it had an effect
/// is not known.
public struct TimeoutError: ClassifiedError, Sendable, CustomStringConvertible {
    /// The limit that was met: of several, the earliest.
    public let limit: TimeLimit

    /// It may or may not have run.
    public var failureClass: FailureClass { .unknown }
    public var description: String { "not done within the \(limit)" }
}
