/// Decides who may be in progress, and who waits. A value without clock, lock or task.
///
/// A place is held until the work ends, not until somebody stops waiting for it: a limit that frees its places at the
/// timeout is no limit.
public struct BulkheadMachine: Sendable, Hashable {
    /// A call that waits, counted from 1.
    public struct Waiter: Sendable, Hashable {
        let number: UInt64
    }

    public enum Admission: Sendable, Hashable {
        case admitted
        case queued(Waiter)
        case rejected
    }

    public let configuration: BulkheadConfiguration
    public private(set) var inFlight = 0
    /// Those who wait, the longest first. Those who left are taken out when their turn comes, or at the latest when
    /// they are as many as those who stayed.
    private var queue: [Waiter] = []
    private var head = 0
    private var left: Set<Waiter> = []
    private var issued: UInt64 = 0

    /// - Parameter configuration: Already validated by the caller.
    public init(configuration: BulkheadConfiguration) {
        self.configuration = configuration
    }

    /// How many wait.
    public var waiting: Int { queue.count - head - left.count }

    /// Asks for a place.
    ///
    /// - Parameter mayWait: Whether the caller would wait for one.
    public mutating func admit(mayWait: Bool = true) -> Admission {
        if inFlight < configuration.limit {
            inFlight += 1
            return .admitted
        }
        guard mayWait, waiting < configuration.queue else { return .rejected }
        issued += 1
        queue.append(Waiter(number: issued))
        return .queued(Waiter(number: issued))
    }

    /// Gives a place back.
    ///
    /// - Returns: Who has it now; nil if nobody waits.
    public mutating func release() -> Waiter? {
        while let next = takeNext() {
            if left.remove(next) == nil { return next }
        }
        inFlight -= 1
        return nil
    }

    /// Takes in that a waiter does not wait any longer.
    public mutating func leave(_ waiter: Waiter) {
        guard let first = queue[head...].first, waiter.number >= first.number, isQueued(waiter) else { return }
        left.insert(waiter)
        if left.count * 2 > queue.count - head { compact() }
    }

    private func isQueued(_ waiter: Waiter) -> Bool {
        // Numbers rise along the queue, so it can be searched by halves.
        var (low, high) = (head, queue.count)
        while low < high {
            let middle = (low + high) / 2
            if queue[middle].number < waiter.number { low = middle + 1 } else { high = middle }
        }
        return low < queue.count && queue[low] == waiter
    }

    private mutating func takeNext() -> Waiter? {
        guard head < queue.count else {
            (queue, head) = ([], 0)
            return nil
        }
        guard configuration.order == .fifo else { return queue.removeLast() }
        let next = queue[head]
        head += 1
        if head > 32, head * 2 > queue.count {
            queue.removeFirst(head)
            head = 0
        }
        return next
    }

    private mutating func compact() {
        queue = queue[head...].filter { !left.contains($0) }
        head = 0
        left = []
    }
}
