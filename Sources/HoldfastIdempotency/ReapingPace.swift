/// Decides how many records are forgotten at once: as many as take ten to twenty milliseconds, which a claim may have to
/// wait for. A sync costs the same for few as for many, so steps that are too small take many times as long in all.
struct ReapingPace: Sendable {
    /// A step is never smaller or larger.
    static let bounds = 200...3_200
    static let target = Duration.milliseconds(20)

    private(set) var count = 200

    /// Takes how long a step of ``count`` took.
    mutating func adapt(to taken: Duration) {
        if taken < Self.target / 2 { count = min(count * 2, Self.bounds.upperBound) }
        if taken > Self.target { count = max(count / 2, Self.bounds.lowerBound) }
    }
}
