/// Decides how long an attempt may take before another is sent beside it. A value without clock or lock.
///
/// It learns from each call's *first* attempt, whoever wins. What a call took in the end is no measure: a hedge shortens
/// it, so the observed quantile falls, so more is hedged, until nearly a fifth of the calls is where a twentieth is meant.
/// A first attempt that loses is cancelled, and is known to take longer than it had until then: that is later than the
/// delay, which is all that the quantile has to know of it.
package struct HedgeDelayMachine: Sendable, Hashable {
    private let rule: HedgeConfiguration.Delay
    private var latency = LatencyQuantile()

    /// - Parameter configuration: Already validated by the caller.
    package init(configuration: HedgeConfiguration) {
        rule = configuration.delay
    }

    /// How long an attempt may take before another is sent beside it.
    package var delay: Duration {
        switch rule {
        case .fixed(let duration): duration
        case .observed(let quantile, let minimum, let until):
            latency.seen >= minimum ? latency.value(at: quantile) : until
        }
    }

    /// Whether anything is to be learnt.
    package var observes: Bool { if case .observed = rule { true } else { false } }

    /// Takes in that a call's first attempt ended, or was given up.
    ///
    /// - Parameters:
    ///   - age: How long it took until then.
    ///   - succeeded: Whether it answered. One that failed, lost, or was cancelled with its caller counts if it was slow,
    ///     for it would have been hedged; a quick one says nothing of how long an answer takes.
    package mutating func firstEnded(after age: Duration, succeeded: Bool) {
        guard observes, succeeded || age >= delay else { return }
        latency.record(age)
    }
}
