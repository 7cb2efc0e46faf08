#if Gateway
import Holdfast
import Synchronization

/// A fixed number of counters, each of them atomic.
final class AtomicCells: @unchecked Sendable {
    /// Allocated once, here, and deallocated with the cells; only its atomics are ever touched.
    private let cells: UnsafeMutablePointer<Atomic<Int>>
    let count: Int

    init(count: Int) {
        self.count = count
        cells = .allocate(capacity: count)
        for place in 0..<count { (cells + place).initialize(to: Atomic(0)) }
    }

    deinit {
        cells.deinitialize(count: count)
        cells.deallocate()
    }

    /// One relaxed addition: nobody decides by it. A sum that passes its end begins anew, as one of Prometheus' may.
    func add(_ amount: Int = 1, at place: Int) {
        precondition(place >= 0 && place < count, "there is no cell \(place) among \(count)")
        cells[place].wrappingAdd(amount, ordering: .relaxed)
    }

    var values: [Int] { (0..<count).map { cells[$0].load(ordering: .relaxed) } }
}

/// How many values fell between which bounds. Recording is two relaxed additions; what is cumulative is summed up only
/// when somebody looks.
final class Histogram: Sendable {
    /// What somebody who looks sees: `buckets` has one more than there are bounds.
    struct Values: Sendable, Hashable {
        let bounds: [Int]
        let buckets: [Int]
        let sum: Int
    }

    private let bounds: [Int]
    /// A cell for each bound, one for what is beyond them, one for the sum.
    private let cells: AtomicCells

    /// - Parameter bounds: Upper bounds, which belong to their buckets, rising.
    init(bounds: [Int]) {
        self.bounds = bounds
        cells = AtomicCells(count: bounds.count + 2)
    }

    func record(_ value: Int) {
        var place = 0
        while place < bounds.count, value > bounds[place] { place += 1 }
        cells.add(at: place)
        cells.add(value, at: bounds.count + 1)
    }

    var values: Values {
        let values = cells.values
        return Values(bounds: bounds, buckets: Array(values.dropLast()), sum: values[bounds.count + 1])
    }
}

/// A histogram of durations. Both its bounds and what it sums are microseconds: at 10,000 requests in flight a sum of
/// nanoseconds would pass its end within weeks.
struct LatencyHistogram: Sendable {
    /// From half a millisecond to a minute, as the deadlines of requests are.
    static let ofRequests = [
        500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
        10_000_000, 30_000_000, 60_000_000,
    ]
    /// From a tenth of a millisecond, where a store's disk is good, to ten seconds, where it is gone.
    static let ofCommits = [
        100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
        10_000_000,
    ]

    private let histogram: Histogram

    init(bounds: [Int] = ofRequests) { histogram = Histogram(bounds: bounds) }

    func record(_ duration: Duration) { histogram.record(max(0, Int(duration.saturatingNanoseconds / 1_000))) }

    var values: Histogram.Values { histogram.values }
}
#endif
