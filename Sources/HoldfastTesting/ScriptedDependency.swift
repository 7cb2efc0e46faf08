public import Holdfast
import Synchronization

/// A dependency that answers as it was told, and remembers when it was called.
///
/// ```swift
/// let dependency = ScriptedDependency<Int>([.fails(Reset()), .takes(.seconds(2), .succeeds(7))], clock: clock)
/// let answer = try await policy.run(repeatable: .idempotent) { _ in try await dependency.call() }
/// ```
public final class ScriptedDependency<Value: Sendable>: Sendable {
    /// How it answers one call.
    public indirect enum Step: Sendable {
        case succeeds(Value)
        case fails(any Error)
        /// It does not answer until the call is cancelled.
        case hangs
        /// It answers so much later.
        case takes(Duration, Step)
    }

    /// It was called more often than the script says.
    public struct ScriptEnded: Error, CustomStringConvertible {
        public let calls: Int
        public var description: String { "the script ended before call \(calls)" }
    }

    private let script: [Step]
    private let clock: any TimeSource
    private let times = Mutex<[MonotonicInstant]>([])

    /// - Parameters:
    ///   - script: How each call is answered, in order. A call past its end throws ``ScriptEnded``.
    ///   - clock: What time is measured on.
    public init(_ script: [Step], clock: any TimeSource) {
        self.script = script
        self.clock = clock
    }

    /// When it was called.
    public var calls: [MonotonicInstant] { times.withLock { $0 } }

    /// Answers as the script says.
    nonisolated(nonsending) public func call() async throws -> Value {
        let now = clock.now
        let number = times.withLock { times in
            times.append(now)
            return times.count
        }
        guard number <= script.count else { throw ScriptEnded(calls: number) }
        return try await answer(script[number - 1])
    }

    nonisolated(nonsending) private func answer(_ step: Step) async throws -> Value {
        switch step {
        case .succeeds(let value): return value
        case .fails(let error): throw error
        case .hangs: while true { try await clock.sleep(for: .seconds(3_000_000_000), as: .hang) }
        case .takes(let duration, let next):
            try await clock.sleep(for: duration, as: .latency)
            return try await answer(next)
        }
    }
}
