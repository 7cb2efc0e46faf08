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
    /// Whether whoever listens hears that it was met. Not of a limit that ends a wait of Holdfast's own.
    private(set) var isHeard = true

    init(_ kind: Kind, at instant: MonotonicInstant, duration: Duration?, clock: any TimeSource) {
        self.kind = kind
        self.instant = instant
        self.duration = duration
        self.clock = clock
    }

    /// A limit that begins now.
    init(_ kind: Kind, for duration: Duration, clock: any TimeSource) {
        self.init(kind, at: clock.now.advanced(by: duration), duration: duration, clock: clock)
    }

    /// The end of a wait of Holdfast's own.
    package static func endOfWait(at instant: MonotonicInstant, on clock: any TimeSource) -> TimeLimit {
        var limit = TimeLimit(.deadline, at: instant, duration: nil, clock: clock)
        limit.isHeard = false
        return limit
    }

    /// What is left; zero when the time is over.
    public var remaining: Duration { max(.zero, clock.now.duration(to: instant)) }

    /// Whether the time is over.
    var hasPassed: Bool { clock.now >= instant }

    /// Whether this limit ends before another: by their instants on one clock, by what is left on two.
    func ends(before other: TimeLimit) -> Bool {
        isOnClock(of: other) ? instant < other.instant : remaining < other.remaining
    }

    /// When the time is over, as another clock has it: what is left, from that clock's now.
    func instant(on other: any TimeSource) -> MonotonicInstant {
        isSameClock(clock, other) ? instant : other.now.advanced(by: remaining)
    }

    func isOnClock(of other: TimeLimit) -> Bool { isSameClock(clock, other.clock) }

    public var description: String { duration.map { "\(kind.rawValue) of \($0)" } ?? kind.rawValue }
}

/// Whether two are one clock, so that an instant of one is an instant of the other. Of clocks that are neither the
/// machine's nor objects nor `Equatable` it is not known, and nothing is built on it.
func isSameClock(_ left: any TimeSource, _ right: any TimeSource) -> Bool {
    if left is MonotonicClock { return right is MonotonicClock }
    if type(of: left) is AnyObject.Type {
        return type(of: right) is AnyObject.Type && (left as AnyObject) === (right as AnyObject)
    }
    guard let left = left as? any Equatable else { return false }
    return left.equals(right)
}

extension Equatable {
    fileprivate func equals(_ other: Any) -> Bool { (other as? Self) == self }
}

/// A limit in time was met.
///
/// What was under way was cancelled, and waited for: nothing of it goes on in the background.
public struct TimeoutError: ClassifiedError, Sendable, CustomStringConvertible {
    /// The limit that was met: of several, the earliest.
    public let limit: TimeLimit
    /// What came back from what was under way, if that was more than a plain cancellation: the client's own error for
    /// having been cancelled, or the ``CallFailure`` of a retry that the limit ended, with the attempts before.
    public let underlyingError: (any Error)?

    init(limit: TimeLimit, underlyingError: (any Error)? = nil) {
        self.limit = limit
        self.underlyingError = underlyingError is CancellationError ? nil : underlyingError
    }

    /// The error of a limit that is met now, which is told to whoever listens.
    static func now(_ limit: TimeLimit, underlyingError: (any Error)? = nil) -> TimeoutError {
        if limit.isHeard { HoldfastEvents.tell(.timeout(limit)) }
        return TimeoutError(limit: limit, underlyingError: underlyingError)
    }

    /// What ``underlyingError`` says that it proves; otherwise ``FailureClass/unknown``: it may or may not have run.
    public var failureClass: FailureClass {
        guard let error = underlyingError else { return .unknown }
        return (error as? any ClassifiedError)?.failureClass
            ?? (ErrorMeaning.core(of: error) as? any ClassifiedError)?.failureClass ?? .unknown
    }
    public var description: String {
        "not done within the \(limit)" + (underlyingError.map { " (\($0))" } ?? "")
    }
}
