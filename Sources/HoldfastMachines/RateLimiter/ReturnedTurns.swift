/// The turns of a rate limiter that were handed back and can still be taken, in the order of their time.
struct ReturnedTurns: Sendable, Hashable {
    typealias Mark = RateLimiterMachine.Reservation.Mark

    /// The most turns that are remembered. What is handed back beyond it is lost until its time has passed.
    static let bound = 4_096

    private struct Turn: Sendable, Hashable {
        let mark: Mark
        /// Who handed it back.
        let number: UInt64
        /// Whether nobody has it. One that was taken again is remembered, so that who handed it back cannot do so twice.
        var isFree = true
    }

    private var turns: [Turn] = []

    var isEmpty: Bool { turns.isEmpty }

    /// The earliest turn that nobody has.
    var firstFree: Mark? { turns.first { $0.isFree }?.mark }

    /// Whether the turn was handed back before.
    func contains(_ reservation: RateLimiterMachine.Reservation) -> Bool {
        turns[place(of: reservation.mark)...].prefix { $0.mark == reservation.mark }
            .contains { $0.number == reservation.number }
    }

    /// - Returns: Whether there was room for it.
    mutating func insert(_ reservation: RateLimiterMachine.Reservation) -> Bool {
        guard turns.count < Self.bound else { return false }
        turns.insert(
            Turn(mark: reservation.mark, number: reservation.number), at: place(of: reservation.mark))
        return true
    }

    /// Takes a free turn of this time.
    ///
    /// - Returns: Whether there was one.
    mutating func takeFree(at mark: Mark) -> Bool {
        var place = place(of: mark)
        while place < turns.count, turns[place].mark == mark {
            if turns[place].isFree {
                turns[place].isFree = false
                return true
            }
            place += 1
        }
        return false
    }

    /// Forgets the turns whose time has passed: the first ones.
    mutating func forgetPassed(_ isPassed: (Mark) -> Bool) {
        let passed = turns.prefix { isPassed($0.mark) }.count
        if passed > 0 { turns.removeFirst(passed) }
    }

    /// Where the first turn of this time is, or would be.
    private func place(of mark: Mark) -> Int {
        var (low, high) = (0, turns.count)
        while low < high {
            let middle = (low + high) / 2
            if turns[middle].mark < mark { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

extension RateLimiterMachine.Reservation.Mark: Comparable {
    static func < (left: Self, right: Self) -> Bool {
        switch (left, right) {
        case (.bucket(let left), .bucket(let right)): left < right
        case (.window(let left), .window(let right)): left < right
        // One limiter has turns of one kind.
        default: false
        }
    }
}
