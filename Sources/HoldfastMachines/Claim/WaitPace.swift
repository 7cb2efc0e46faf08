/// How long another process's execution is awaited before the store is asked again how the key stands: 20 ms at first, twice
/// as long each time, and at most a second. A short execution is noticed soon, and a long one costs a question a second.
package struct WaitPace: Sendable, Hashable {
    package static let shortest = Duration.milliseconds(20)
    package static let longest = Duration.seconds(1)

    private var pause = Self.shortest

    package init() {}

    /// The pause to make now. The one after it is longer.
    package mutating func next() -> Duration {
        defer { pause = min(pause * 2, Self.longest) }
        return pause
    }
}
