import Synchronization

/// The windows of a breaker that threads share. What is counted, and what it takes to trip, is decided by the same
/// functions as in ``ClosedStatistics``; here the words are atomics.
final class SharedStatistics: Sendable {
    private enum Window: Sendable {
        case calls(Guarded)
        case time(Ring)
    }

    private final class Guarded: Sendable {
        let window: Mutex<CallWindow>
        init(_ count: Int) { window = Mutex(CallWindow(count)) }
    }

    private let rates: [Trip.Rate]
    private let windows: [Window]

    init(_ trip: Trip) {
        rates = trip.rates
        windows = trip.rates.map { rate in
            switch rate.window {
            case .calls(let count): .calls(Guarded(count))
            case .time(let duration): .time(Ring(duration))
            }
        }
    }

    /// Counts a call.
    ///
    /// - Returns: The evidence, when it is enough to trip.
    func record(
        _ verdict: CircuitBreakerMachine.Verdict, took: Duration, generation: UInt32, at now: MonotonicInstant
    ) -> Evidence? {
        var found: Evidence?
        for index in windows.indices {
            guard let isBad = rates[index].isBad(verdict, took: took) else { continue }
            switch windows[index] {
            case .calls(let guarded):
                let tally = guarded.window.withLock { window in
                    window.record(isBad: isBad, generation: generation)
                    return window.tally(generation: generation)
                }
                if isBad, found == nil { found = rates[index].evidence(tally) }
            case .time(let ring):
                ring.record(isBad: isBad, generation: generation, at: now)
                if isBad, found == nil { found = rates[index].evidence(ring.tally(generation: generation, at: now)) }
            }
        }
        return found
    }

    /// What the first rate has counted so far; nil when there is none.
    func evidence(generation: UInt32, at now: MonotonicInstant) -> Evidence? {
        guard let rate = rates.first else { return nil }
        switch windows[0] {
        case .calls(let guarded): return rate.evidence(of: guarded.window.withLock { $0.tally(generation: generation) })
        case .time(let ring): return rate.evidence(of: ring.tally(generation: generation, at: now))
        }
    }

    /// A ``TimeWindow`` whose buckets are atomics.
    private final class Ring: @unchecked Sendable {
        private let layout: TimeWindowLayout
        /// Allocated once, here, and deallocated with the ring; only its atomics are ever touched.
        private let buckets: UnsafeMutablePointer<Atomic<UInt64>>

        init(_ duration: Duration) {
            layout = TimeWindowLayout(duration)
            buckets = .allocate(capacity: TimeWindow.bucketCount)
            for index in 0..<TimeWindow.bucketCount { (buckets + index).initialize(to: Atomic(0)) }
        }

        deinit {
            buckets.deinitialize(count: TimeWindow.bucketCount)
            buckets.deallocate()
        }

        func record(isBad: Bool, generation: UInt32, at now: MonotonicInstant) {
            let stamp = layout.stamp(at: now, generation: generation)
            var bits = buckets[stamp.place].load(ordering: .relaxed)
            while let next = Bucket(bits: bits).adding(isBad: isBad, stamp: stamp) {
                let (exchanged, original) = buckets[stamp.place].weakCompareExchange(
                    expected: bits, desired: next.bits, ordering: .acquiringAndReleasing)
                if exchanged { return }
                bits = original
            }
        }

        func tally(generation: UInt32, at now: MonotonicInstant) -> Tally {
            let stamp = layout.stamp(at: now, generation: generation)
            var tally = Tally()
            for index in 0..<TimeWindow.bucketCount {
                Bucket(bits: buckets[index].load(ordering: .acquiring)).add(to: &tally, at: stamp)
            }
            return tally
        }
    }
}
