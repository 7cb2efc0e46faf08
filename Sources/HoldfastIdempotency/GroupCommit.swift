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
        let queueBytes: Int
        let batchBound: Int
        let batchBytes: Int
        var waiting: [(command: ClaimCommand, completion: Completion)] = []
        var isCommitting = false
        /// What those who wait bring with them.
        private var bytes = 0

        init(queueBound: Int, queueBytes: Int, batchBound: Int, batchBytes: Int) {
            self.queueBound = queueBound
            self.queueBytes = queueBytes
            self.batchBound = batchBound
            self.batchBytes = batchBytes
        }

        enum Arrival { case commit, wait, refuse }

        mutating func add(_ command: ClaimCommand, _ completion: @escaping Completion) -> Arrival {
            guard waiting.count < queueBound, waiting.isEmpty || bytes + command.payloadBytes <= queueBytes else {
                return .refuse
            }
            bytes += command.payloadBytes
            waiting.append((command, completion))
            defer { isCommitting = true }
            return isCommitting ? .wait : .commit
        }

        /// The next batch, or nothing when all is committed.
        mutating func next() -> [(command: ClaimCommand, completion: Completion)] {
            var (count, size) = (0, 0)
            while count < min(waiting.count, batchBound) {
                size += waiting[count].command.payloadBytes
                // One that is larger than the bound goes alone.
                guard count == 0 || size <= batchBytes else { break }
                count += 1
            }
            let batch = Array(waiting.prefix(count))
            waiting.removeFirst(count)
            for entry in batch { bytes -= entry.command.payloadBytes }
            if batch.isEmpty { isCommitting = false }
            return batch
        }
    }

    /// - Parameters:
    ///   - store: What is committed to.
    ///   - queueBound: The most commands that wait in one lane; beyond it a command fails at once with `overloaded`.
    ///     Default: 8,192, about half a second's work of the slowest store.
    ///   - queueBytes: The most bytes of payloads that wait in one lane, beyond which the same holds. Default: 256 MiB.
    ///   - batchBound: The most commands that share a commit. Default: 256, where SQLite's throughput levels off.
    ///   - batchBytes: The most bytes of payloads that share a commit; one that is larger is committed alone. Default:
    ///     8 MiB, so that small outcomes do not wait long for large ones.
    ///   - clock: What commits are measured on, if somebody listens.
    ///   - onCommit: Told of each commit before its commands are answered, on any thread. Keep it short. A store that
    ///     answers at once commits nothing together, and nothing is told. Default: nobody listens, and no clock is read.
    public init(
        store: any ClaimStore, queueBound: Int = 8_192, queueBytes: Int = 256 << 20, batchBound: Int = 256,
        batchBytes: Int = 8 << 20, clock: any TimeSource = MonotonicClock(),
        onCommit: (@Sendable (Report) -> Void)? = nil
    ) {
        self.store = store
        self.clock = clock
        listener = onCommit
        immediate = store as? any ImmediateClaimStore
        lanes = (0..<min(max(1, store.lanes), 64)).map { _ in
            Lane(
                Machine(queueBound: queueBound, queueBytes: queueBytes, batchBound: batchBound, batchBytes: batchBytes))
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
            // A task of its own, which nobody's cancellation reaches: a caller who leaves does not tear a commit. Nor is
            // the first caller's deadline that of the others.
            Task(executorPreference: store.executor) { await withoutLineage { await self.commitAll(in: lane) } }
        }
    }

    private func commitAll(in lane: Lane) async {
        while true {
            let batch = lane.machine.withLock { $0.next() }
            if batch.isEmpty { return }
            let start = listener == nil ? nil : clock.now
            var results = await store.results(of: batch.map(\.command))
            if results.count != batch.count {
                // Nobody is left without an answer, and none gets another's.
                let fault = ClaimStoreError(.failed, "\(results.count) replies to \(batch.count) commands")
                results = batch.map { _ in .failure(fault) }
            }
            tell(batch.count, since: start, succeeded: results.allSatisfy { (try? $0.get()) != nil })
            for (entry, result) in zip(batch, results) { entry.completion(result) }
            // Others wait for the store's own thread too: who reaps, or looks something up.
            if store.executor != nil { await Task.yield() }
        }
    }

    private func tell(_ commands: Int, since start: MonotonicInstant?, succeeded: Bool) {
        guard let listener, let start else { return }
        listener(Report(commands: commands, duration: start.duration(to: clock.now), succeeded: succeeded))
    }
}

extension ClaimCommand {
    /// What the command carries, besides what all of them do.
    fileprivate var payloadBytes: Int {
        switch action {
        case .complete(_, let payload, _), .resolve(_, .completed(let payload), _, _, _): payload?.count ?? 0
        case .claim(_, _, _, _, _, _, let context): context.count
        case .look, .renew, .release, .abandon, .resolve, .purge: 0
        }
    }
}
