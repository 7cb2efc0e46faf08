/// The last calls, one bit each, counted as they come and go.
package struct CallWindow: Sendable, Hashable {
    private let capacity: Int
    private var words: [UInt64]
    private var next = 0
    package private(set) var tally = Tally()

    package init(_ capacity: Int) {
        self.capacity = capacity
        words = Array(repeating: 0, count: (capacity + 63) / 64)
    }

    package mutating func record(isBad: Bool) {
        let (word, bit) = (next / 64, UInt64(1) << UInt64(next % 64))
        if tally.calls == capacity {
            if words[word] & bit != 0 { tally.bad -= 1 }
        } else {
            tally.calls += 1
        }
        if isBad {
            words[word] |= bit
            tally.bad += 1
        } else {
            words[word] &= ~bit
        }
        next = next + 1 == capacity ? 0 : next + 1
    }

    /// Forgets all calls. The bits stay: each is written before it is counted again.
    package mutating func clear() { (next, tally) = (0, Tally()) }
}
