public import Holdfast
import Synchronization

/// Gathers commands that arrive while a commit is in flight, and lets them share the next one. So a store that pays an
/// `fsync` for each commit pays it once for many callers.
///
/// A store has one lane or several. In each, at most one batch is in flight, and commands keep their order; the commands
/// of one key are always in the same lane.
public final class GroupCommit: Sendable {
    public typealias Completion = @Sendable (Result<ClaimReply, ClaimStoreError>) -> Void

    /// What one commit was like.
    public struct Report: Sendable, Hashable {
        /// How many commands shared it: 1 or more.
        public let commands: Int
        /// From its hand-over to the store's reply.
        public let duration: Duration
        /// Whether the store replied. It has not failed when it refuses a claim.
        public let succeeded: Bool

        public init(commands: Int, duration: Duration, succeeded: Bool) {
            self.commands = commands
            self.duration = duration
            self.succeeded = succeeded
        }
    }

    private let store: any ClaimStore
    private let clock: any TimeSource
    private let listener: (@Sendable (Report) -> Void)?
    private let immediate: (any ImmediateClaimStore)?
    private let lanes: [Lane]

    private final class Lane: Sendable {
        let machine: Mutex<Machine>

        init(_ machine: Machine) {
            self.machine = Mutex(machine)
        }
    }

    /// Decides what is committed when: a batch at once if nothing is in flight, otherwise the next batch.
    struct Machine {
        let queueBound: Int
        let batchBound: Int
        var waiting: [(command: ClaimCommand, completion: Completion)] = []
        var isCommitting = false

        enum Arrival { case commit, wait, refuse }

        mutating func add(_ command: ClaimCommand, _ completion: @escaping Completion) -> Arrival {
            guard waiting.count < queueBound else { return .refuse }
            waiting.append((command, completion))
            defer { isCommitting = true }
            return isCommitting ? .wait : .commit
        }

        /// The next batch, or nothing when all is committed.
        mutating func next() -> [(command: ClaimCommand, completion: Completion)] {
            let batch = Array(waiting.prefix(batchBound))
            waiting.removeFirst(batch.count)
            if batch.isEmpty { isCommitting = false }
            return batch
        }
    }

    /// - Parameters:
    ///   - store: What is committed to.
    ///   - queueBound: The most commands that wait in one lane; beyond it a command fails at once with `overloaded`.
    ///     Default: 8,192, about half a second's work of the slowest store.
    ///   - batchBound: The most commands that share a commit. Default: 256, where SQLite's throughput levels off.
    ///   - clock: What commits are measured on, if somebody listens.
    ///   - onCommit: Told of each commit before its commands are answered, on any thread. Keep it short. A store that
    ///     answers at once commits nothing together, and nothing is told. Default: nobody listens, and no clock is read.
    public init(
        store: any ClaimStore, queueBound: Int = 8_192, batchBound: Int = 256,
        clock: any TimeSource = MonotonicClock(), onCommit: (@Sendable (Report) -> Void)? = nil
    ) {
        self.store = store
        self.clock = clock
        listener = onCommit
        immediate = store as? any ImmediateClaimStore
        lanes = (0..<min(max(1, store.lanes), 64)).map { _ in
            Lane(Machine(queueBound: queueBound, batchBound: batchBound))
        }
    }

    /// Submits a command. `completion` is called exactly once, on any thread, when the command is durable or has failed.
    public func submit(_ command: ClaimCommand, completion: @escaping Completion) {
        if let immediate {
            completion(Result { () throws(ClaimStoreError) in try immediate.applyNow(command) })
            return
        }
        let lane = lanes[command.id.place(among: lanes.count)]
        switch lane.machine.withLock({ $0.add(command, completion) }) {
        case .wait:
            break
        case .refuse:
            completion(.failure(ClaimStoreError(.overloaded, "too many commands wait for the store")))
        case .commit:
            // A task of its own, which nobody's cancellation reaches: a caller who leaves does not tear a commit.
            Task(executorPreference: store.executor) { await self.commitAll(in: lane) }
        }
    }

    private func commitAll(in lane: Lane) async {
        while true {
            let batch = lane.machine.withLock { $0.next() }
            if batch.isEmpty { return }
            let start = listener == nil ? nil : clock.now
            let results = await store.results(of: batch.map(\.command))
            tell(batch.count, since: start, succeeded: results.allSatisfy { (try? $0.get()) != nil })
            for (entry, result) in zip(batch, results) { entry.completion(result) }
            // A store that answers too few leaves nobody without an answer.
            for entry in batch.dropFirst(results.count) {
                entry.completion(.failure(ClaimStoreError(.failed, "the store left a command without a reply")))
            }
            // Others wait for the store's own thread too: who reaps, or looks something up.
            if store.executor != nil { await Task.yield() }
        }
    }

    private func tell(_ commands: Int, since start: MonotonicInstant?, succeeded: Bool) {
        guard let listener, let start else { return }
        listener(Report(commands: commands, duration: start.duration(to: clock.now), succeeded: succeeded))
    }
}
