import Synchronization

/// The windows of a breaker that threads share. What is counted, and what it takes to trip, is decided by the same
/// functions as in ``ClosedStatistics``; here the words are atomics.
///
/// Only the calls of one generation are counted: the one that ``begin(_:)`` named last. What was counted before it is
/// cleared then, so nothing compares generations for what is older, and nothing depends on how far they have gone.
final class SharedStatistics: Sendable {
    private enum Window: Sendable {
        case calls(Guarded)
        case time(Ring)
    }

    private final class Guarded: Sendable {
        let window: Mutex<(generation: UInt32, calls: CallWindow)>
        init(_ count: Int) { window = Mutex((0, CallWindow(count))) }

        func begin(_ generation: UInt32) {
            window.withLock { window in
                window.generation = generation
                window.calls.clear()
            }
        }

        func record(isBad: Bool, generation: UInt32) -> Tally {
            window.withLock { window in
                guard window.generation == generation else { return Tally() }
                window.calls.record(isBad: isBad)
                return window.calls.tally
            }
        }

        func tally(generation: UInt32) -> Tally {
            window.withLock { $0.generation == generation ? $0.calls.tally : Tally() }
        }
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

    /// Clears what was counted, and counts from now on what is of this generation. Called before the generation's first
    /// call is admitted.
    func begin(_ generation: UInt32) {
        for window in windows {
            switch window {
            case .calls(let guarded): guarded.begin(generation)
            case .time(let ring): ring.begin(generation)
            }
        }
    }

    /// Counts a call, if it is of the generation that is counted.
    ///
    /// - Returns: The evidence, when it is enough to trip.
    func record(
        _ verdict: Verdict, took: Duration, generation: UInt32, at now: MonotonicInstant
    ) -> Evidence? {
        var found: Evidence?
        for index in windows.indices {
            guard let isBad = rates[index].isBad(verdict, took: took) else { continue }
            switch windows[index] {
            case .calls(let guarded):
                let tally = guarded.record(isBad: isBad, generation: generation)
                if isBad, found == nil { found = rates[index].evidence(tally) }
            case .time(let ring):
                ring.record(isBad: isBad, generation: generation, at: now)
                if isBad, found == nil { found = rates[index].evidence(ring.tally(generation: generation, at: now)) }
            }
        }
        return found
    }

    /// Whether no rate has anything bad in its window.
    func isClean(generation: UInt32, at now: MonotonicInstant) -> Bool {
        windows.allSatisfy { window in
            switch window {
            case .calls(let guarded): guarded.tally(generation: generation).bad == 0
            case .time(let ring): ring.tally(generation: generation, at: now).bad == 0
            }
        }
    }

    /// What the first rate has counted so far; nil when there is none.
    func evidence(generation: UInt32, at now: MonotonicInstant) -> Evidence? {
        guard let rate = rates.first else { return nil }
        switch windows[0] {
        case .calls(let guarded): return rate.evidence(of: guarded.tally(generation: generation))
        case .time(let ring): return rate.evidence(of: ring.tally(generation: generation, at: now))
        }
    }

    /// A ``TimeWindow`` whose buckets are atomics.
    private final class Ring: @unchecked Sendable {
        private let layout: TimeWindowLayout
        /// The generation that is counted.
        private let generation = Atomic<UInt32>(0)
        /// The number of the newest bucket that was counted in.
        private let newest = Atomic<Int64>(.min)
        /// Held while all buckets are cleared.
        private let clearing = Mutex(())
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

        func begin(_ generation: UInt32) {
            clearing.withLock { _ in
                clear()
                self.generation.store(generation, ordering: .releasing)
            }
        }

        func record(isBad: Bool, generation: UInt32, at now: MonotonicInstant) {
            let stamp = layout.stamp(at: now, generation: generation)
            if newest.load(ordering: .acquiring) < stamp.number { reach(stamp.number) }
            var bits = buckets[stamp.place].load(ordering: .relaxed)
            // Looked at again for each exchange, so that a call which is overtaken by a new generation is not counted.
            while self.generation.load(ordering: .acquiring) == generation,
                let next = Bucket(bits: bits).adding(isBad: isBad, stamp: stamp)
            {
                let (exchanged, original) = buckets[stamp.place].weakCompareExchange(
                    expected: bits, desired: next.bits, ordering: .acquiringAndReleasing)
                if exchanged { return }
                bits = original
            }
        }

        func tally(generation: UInt32, at now: MonotonicInstant) -> Tally {
            let stamp = layout.stamp(at: now, generation: generation)
            var tally = Tally()
            guard self.generation.load(ordering: .acquiring) == generation,
                !TimeWindowLayout.isGap(from: newest.load(ordering: .acquiring), to: stamp.number)
            else { return tally }
            for index in 0..<TimeWindow.bucketCount {
                Bucket(bits: buckets[index].load(ordering: .acquiring)).add(to: &tally, at: stamp)
            }
            return tally
        }

        /// Takes in that time has reached this bucket. The first to come after a gap clears the buckets, before anybody
        /// counts behind the gap.
        private func reach(_ number: Int64) {
            clearing.withLock { _ in
                let seen = newest.load(ordering: .relaxed)
                guard seen < number else { return }
                if TimeWindowLayout.isGap(from: seen, to: number) { clear() }
                newest.store(number, ordering: .releasing)
            }
        }

        private func clear() {
            for index in 0..<TimeWindow.bucketCount { buckets[index].store(0, ordering: .relaxed) }
        }
    }
}
