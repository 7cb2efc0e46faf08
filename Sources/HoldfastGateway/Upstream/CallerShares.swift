#if Gateway
import Synchronization

/// How many of some places each caller has, of all event loops together, so that no caller has the last of them.
///
/// While there are enough, nobody is asked who it is. Of the last eighth, a caller gets none that has more than half of
/// what is taken: whoever fills a service's connections, by whatever means, leaves some to the others. Callers are told
/// apart as for a breaker's evidence (``FailingCallersMachine``); where all have one address, the last eighth stays free.
final class CallerShares: @unchecked Sendable {
    // Unchecked, because of the pointer: it is allocated here, deallocated with this, and only its atomics are touched.
    private let counts: UnsafeMutablePointer<Atomic<Int>>
    private let total = Atomic<Int>(0)

    init() {
        counts = .allocate(capacity: FailingCallersMachine.places)
        for place in 0..<FailingCallersMachine.places { (counts + place).initialize(to: Atomic(0)) }
    }

    deinit {
        counts.deinitialize(count: FailingCallersMachine.places)
        counts.deallocate()
    }

    /// How many are taken.
    var taken: Int { total.load(ordering: .relaxed) }

    /// - Parameter isBound: Whether there are no more than the capacity; otherwise somebody else sees to that.
    /// - Returns: False, with nothing taken, when the caller may not have another.
    func take(_ caller: Int, of capacity: Int, isBound: Bool) -> Bool {
        let taken = total.add(1, ordering: .relaxed).newValue
        let own = counts[caller].add(1, ordering: .relaxed).newValue
        if !isBound || taken <= capacity, Self.leavesOthers(own: own, of: taken, capacity: capacity) { return true }
        give(caller)
        return false
    }

    func give(_ caller: Int) {
        counts[caller].subtract(1, ordering: .relaxed)
        total.subtract(1, ordering: .relaxed)
    }

    /// - Parameters:
    ///   - own: How many the caller would have.
    ///   - taken: How many all would have together.
    static func leavesOthers(own: Int, of taken: Int, capacity: Int) -> Bool {
        taken <= capacity - capacity / 8 || own * 2 <= taken
    }
}
#endif
