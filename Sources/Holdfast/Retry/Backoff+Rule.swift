extension Backoff {
    /// How long to wait by a rule of one's own: given the failure, and the attempt that met it, from 1; nil: as the
    /// backoff says. Where the failure tells how long, as a rate limit's answer does, that is better than any guess.
    ///
    /// It is asked only when the operation may be made again at all. The answer is held to 0 to 1 hour, and has no
    /// jitter but its own.
    public typealias Rule = @Sendable (_ failure: any Error, _ attempt: Int) -> Duration?
}
