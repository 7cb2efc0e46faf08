import Synchronization

/// One fact of a ``Lineage``, and the part of the call that it is true for. Frames form a chain, the innermost first.
final class LineageFrame: Sendable {
    enum Fact: Sendable {
        case limit(TimeLimit, Enforcement)
        /// A retry is making an operation again: this attempt, on this budget.
        case attempt(Int, RetryBudget)
    }

    /// Who ends what a limit bounds.
    enum Enforcement: Sendable {
        /// This task is cancelled when the time is over. Its number is good as long as the task lives, which is longer
        /// than the frame lasts.
        case cancelling(task: Int)
        /// Nobody: what waits below has to heed the limit.
        case cooperative
    }

    let fact: Fact
    let outer: LineageFrame?
    private let isOver = Atomic(false)

    private init(_ fact: Fact, outer: LineageFrame?) {
        self.fact = fact
        self.outer = outer
    }

    /// The nearest frame, from this one outwards, that is still true. A frame outlasts those inside it only where they
    /// are below it; in a task of its own, an inner frame may outlast an outer one.
    var lasting: LineageFrame? {
        var frame: LineageFrame? = self
        while let now = frame, now.isOver.load(ordering: .acquiring) { frame = now.outer }
        return frame
    }

    /// Runs a body for which the fact is true.
    nonisolated(nonsending) static func run<R, Failure: Error>(
        _ fact: Fact, _ body: nonisolated(nonsending) () async throws(Failure) -> R
    ) async throws(Failure) -> R {
        let frame = LineageFrame(fact, outer: Lineage.innermost?.lasting)
        let result: Result<R, Failure> = await Lineage.$innermost.withValue(frame) {
            do throws(Failure) {
                return .success(try await body())
            } catch {
                return .failure(error)
            }
        }
        frame.isOver.store(true, ordering: .releasing)
        return try result.get()
    }

    /// A number for the task that asks, which no other task has while this one lives.
    static var currentTask: Int { withUnsafeCurrentTask { $0?.hashValue ?? 0 } }
}
