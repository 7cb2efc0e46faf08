/// The rule of the ratio. Calls and retries are counted in ten buckets that together span the window. A gap without calls clears them in
/// constant time, however long it was.
struct RatioBudget: Sendable, Hashable {
    private static let bucketCount = 10

    private struct Bucket: Sendable, Hashable {
        var calls = 0
        var retries = 0
    }

    private let ratio: Double
    private let bucketNanoseconds: Int64
    private let reserve: Double
    private var buckets = [Bucket](repeating: Bucket(), count: Self.bucketCount)
    private var total = Bucket()
    /// The newest bucket's number, counted from the clock's origin.
    private var newest: Int64 = .min

    init(_ configuration: RetryBudgetConfiguration.Ratio) {
        ratio = configuration.ratio
        bucketNanoseconds = max(1, configuration.window.saturatingNanoseconds / Int64(Self.bucketCount))
        reserve = Double(configuration.reservePerSecond) * configuration.window.inSeconds
    }

    mutating func called(_ count: Int, at now: MonotonicInstant) {
        let bucket = rotate(to: now)
        buckets[bucket].calls += count
        total.calls += count
    }

    mutating func withdraw(at now: MonotonicInstant) -> Bool {
        let bucket = rotate(to: now)
        guard available >= 1 else { return false }
        buckets[bucket].retries += 1
        total.retries += 1
        return true
    }

    mutating func balance(at now: MonotonicInstant) -> Int {
        _ = rotate(to: now)
        return max(0, Int(available))
    }

    /// The epsilon lets `5 × 0.2` be one retry in floating-point numbers too.
    private var available: Double {
        ratio * Double(total.calls) + reserve - Double(total.retries) + 1e-9
    }

    /// Clears the buckets that time has passed since the last event. Time that stands still or goes back, which a
    /// monotonic clock read by several threads may seem to do, counts into the newest bucket.
    private mutating func rotate(to now: MonotonicInstant) -> Int {
        let number = now.nanoseconds / bucketNanoseconds
        let count = Int64(Self.bucketCount)
        if number > newest {
            let (gap, overflow) = number.subtractingReportingOverflow(newest)
            if overflow || gap >= count {
                buckets = [Bucket](repeating: Bucket(), count: Self.bucketCount)
                total = Bucket()
            } else {
                for passed in (newest + 1)...number { clear(ringPlace(of: passed, count: Self.bucketCount)) }
            }
            newest = number
        }
        return ringPlace(of: newest, count: Self.bucketCount)
    }

    private mutating func clear(_ index: Int) {
        total.calls -= buckets[index].calls
        total.retries -= buckets[index].retries
        buckets[index] = Bucket()
    }
}
