/// The last calls, one bit each, counted as they come and go.
struct CallWindow: Sendable, Hashable {
    private let capacity: Int
    private var words: [UInt64]
    private var next = 0
    private var tally = Tally()
    private var generation: UInt32 = 0

    init(_ capacity: Int) {
        self.capacity = capacity
        words = Array(repeating: 0, count: (capacity + 63) / 64)
    }

    /// Counts a call, unless it is of an older generation than the last one was. The first call of a new generation
    /// finds an empty window.
    mutating func record(isBad: Bool, generation current: UInt32) {
        if current != generation {
            guard Int32(bitPattern: current &- generation) > 0 else { return }
            (generation, next, tally) = (current, 0, Tally())
        }
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

    func tally(generation current: UInt32) -> Tally {
        current == generation ? tally : Tally()
    }
}
