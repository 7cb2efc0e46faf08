/// Calls of the last stretch of time, counted exactly in ten buckets.
///
/// Each bucket says itself which stretch of time it counts, so the window rotates without touching a bucket but the
/// one that is counted in. One bucket is one word: the machine keeps the words in an array, and a breaker that threads
/// share keeps them in atomics (``SharedStatistics``). Both move them by the functions below.
@usableFromInline
package struct TimeWindow: Sendable, Hashable {
    @inlinable package static var bucketCount: Int { 10 }

    private let layout: TimeWindowLayout
    private var buckets = [Bucket](repeating: Bucket(), count: Self.bucketCount)
    /// The number of the newest bucket that was counted in.
    private var newest = Int64.min

    init(_ duration: Duration) {
        layout = TimeWindowLayout(duration)
    }

    mutating func record(isBad: Bool, at now: MonotonicInstant) {
        let stamp = layout.stamp(at: now)
        if TimeWindowLayout.isGap(from: newest, to: stamp.number) {
            buckets = [Bucket](repeating: Bucket(), count: Self.bucketCount)
        }
        newest = max(newest, stamp.number)
        if let next = buckets[stamp.place].adding(isBad: isBad, stamp: stamp) { buckets[stamp.place] = next }
    }

    func tally(at now: MonotonicInstant) -> Tally {
        let stamp = layout.stamp(at: now)
        guard !TimeWindowLayout.isGap(from: newest, to: stamp.number) else { return Tally() }
        return buckets.reduce(into: Tally()) { $1.add(to: &$0, at: stamp) }
    }
}

/// Where a moment falls within a time window.
@usableFromInline
package struct TimeWindowLayout: Sendable, Hashable {
    /// A bucket's number since the clock's origin, and the generation that counts.
    @usableFromInline
    package struct Stamp: Sendable, Hashable {
        @usableFromInline package var number: Int64
        @usableFromInline package var generation: UInt32

        @inlinable package init(number: Int64, generation: UInt32) {
            self.number = number
            self.generation = generation
        }

        @inlinable package var place: Int { ringPlace(of: number, count: TimeWindow.bucketCount) }
    }

    @usableFromInline let width: Int64

    package init(_ duration: Duration) {
        width = max(1, duration.saturatingNanoseconds / Int64(TimeWindow.bucketCount))
    }

    @inlinable package func stamp(at now: MonotonicInstant, generation: UInt32 = 0) -> Stamp {
        Stamp(number: now.nanoseconds / width, generation: generation)
    }

    /// Whether so much time lies between two buckets that no window holds both. Then all buckets are cleared, so that
    /// what their few bits say of the time is never read across a gap.
    @inlinable package static func isGap(from newest: Int64, to number: Int64) -> Bool {
        let (gap, overflow) = number.subtractingReportingOverflow(newest)
        return gap >= Int64(TimeWindow.bucketCount) || (overflow && number > newest)
    }
}

/// One bucket of a time window in 64 bits: generation 8 | number 20 | calls 18 | bad 18.
///
/// The generation and the number are the low bits of the real ones, and they alone decide nothing:
/// - Numbers repeat after 2²⁰ buckets, 2.9 hours of the shortest window. All buckets are cleared after a gap that is
///   longer than the window, and without such a gap each is written anew once a window, so none lives that long.
/// - Generations repeat after 256 changes of state. All buckets are cleared when a generation begins, and only the
///   generation that counts writes (``SharedStatistics``). The bits only keep out a call that ends while the buckets are
///   being cleared: it would have to be held up between two instructions for exactly 256 changes, and would be one call.
/// - Counts end at 262,143. A bucket that is full is halved, which keeps its share.
@usableFromInline
package struct Bucket: Sendable, Hashable {
    @usableFromInline package var bits: UInt64

    @inlinable static var countBits: UInt64 { 18 }
    @inlinable static var countLimit: UInt64 { (UInt64(1) << countBits) - 1 }
    @inlinable static var numberBits: UInt64 { 20 }
    @inlinable static var numberMask: UInt64 { (UInt64(1) << numberBits) - 1 }

    @inlinable init(_ stamp: TimeWindowLayout.Stamp) {
        bits =
            UInt64(stamp.generation & 0xFF) << 56 | (UInt64(truncatingIfNeeded: stamp.number) & Self.numberMask) << 36
    }

    @inlinable package init(bits: UInt64 = 0) {
        self.bits = bits
    }

    @inlinable var tag: UInt64 { bits >> 36 }
    @inlinable var calls: UInt64 { bits >> Self.countBits & Self.countLimit }
    @inlinable var bad: UInt64 { bits & Self.countLimit }

    /// How many buckets after this one the stamp is, from -2¹⁹ to 2¹⁹ - 1.
    @inlinable func age(at stamp: TimeWindowLayout.Stamp) -> Int64 {
        let distance = (UInt64(truncatingIfNeeded: stamp.number) &- tag) & Self.numberMask
        return Int64(distance) - (distance >> (Self.numberBits - 1) == 0 ? 0 : Int64(1) << Int64(Self.numberBits))
    }

    @inlinable func isOf(_ generation: UInt32) -> Bool { bits >> 56 == UInt64(generation & 0xFF) }

    /// The bucket with one more call in it; nil when the bucket counts a later stretch of time already.
    @inlinable package func adding(isBad: Bool, stamp: TimeWindowLayout.Stamp) -> Bucket? {
        var next = Bucket(stamp)
        if next.tag == tag {
            next = self
        } else if calls > 0, isOf(stamp.generation), age(at: stamp) < 0 {
            return nil
        }
        if next.calls == Self.countLimit {
            next.bits = next.tag << 36 | (next.calls / 2) << Self.countBits | next.bad / 2
        }
        next.bits += 1 << Self.countBits | (isBad ? 1 : 0)
        return next
    }

    /// Adds what the bucket holds, if it is of this generation and within the window that ends at the stamp. A thread
    /// that read the clock a little earlier may meet a bucket from its own future, which counts.
    @inlinable package func add(to tally: inout Tally, at stamp: TimeWindowLayout.Stamp) {
        guard calls > 0, isOf(stamp.generation), abs(age(at: stamp)) < TimeWindow.bucketCount else { return }
        tally.bad += Int(bad)
        tally.calls += Int(calls)
    }
}
