import Synchronization

/// Which executions wait for which, so that none waits for itself. It holds only those that ask for a key from within
/// an execution: a caller who is in none touches nothing here.
enum FlightWaits {
    /// The execution in progress in this task.
    @TaskLocal static var current: Int?

    private static let numbers = Atomic(0)
    /// Under each execution, those that it waits for, and how often.
    private static let waits = Mutex<[Int: [Int: Int]]>([:])

    static func nextNumber() -> Int { numbers.add(1, ordering: .relaxed).newValue }

    /// Notes that an execution is about to wait for another.
    ///
    /// - Returns: Whether it may; not if that one waits for it.
    static func begin(_ asker: Int, for execution: Int) -> Bool {
        waits.withLock { waits in
            var (next, seen) = ([execution], Set([execution]))
            while let reached = next.popLast() {
                if reached == asker { return false }
                for further in waits[reached, default: [:]].keys where seen.insert(further).inserted {
                    next.append(further)
                }
            }
            waits[asker, default: [:]][execution, default: 0] += 1
            return true
        }
    }

    static func end(_ asker: Int, for execution: Int) {
        waits.withLock { waits in
            guard let count = waits[asker]?[execution] else { return }
            waits[asker]?[execution] = count > 1 ? count - 1 : nil
            if waits[asker]?.isEmpty == true { waits[asker] = nil }
        }
    }
}
