public import Holdfast
import Synchronization

/// Makes some of the attempts fail, or late: a stage of a `Policy`, listed last, where the dependency is.
///
/// ```swift
/// let faults = try FaultInjection(.error { ConnectionReset() }, rate: 0.2, seed: 7)
/// ```
public final class FaultInjection: PolicyStage {
    /// What is injected.
    public enum Fault: Sendable {
        /// The attempt throws, and the dependency is not asked.
        case error(@Sendable () -> any Error)
        /// The attempt begins so much later.
        case latency(Duration)
        /// The attempt does not end until it is cancelled.
        case hang
    }

    private let fault: Fault
    private let rate: Double
    private let clock: any TimeSource
    private let generator: Mutex<SplitMix64>
    private let count = Atomic(0)

    /// - Parameters:
    ///   - fault: What happens to the attempts that are hit.
    ///   - rate: The share of attempts that are hit: 0 to 1.
    ///   - seed: Which attempts are hit: the same seed hits the same ones.
    ///   - clock: What time is measured on.
    /// - Throws: `ConfigurationError` for a rate out of its range.
    public init(
        _ fault: Fault, rate: Double, seed: UInt64, clock: any TimeSource = MonotonicClock()
    ) throws(ConfigurationError) {
        try require("rate", rate, in: 0...1)
        self.fault = fault
        self.rate = rate
        self.clock = clock
        generator = Mutex(SplitMix64(seed: seed))
    }

    /// How many attempts were hit.
    public var injected: Int { count.load(ordering: .relaxed) }

    public var shape: PolicyShape { PolicyShape(.faults, "\(rate) of the attempts", instance: self) }

    nonisolated(nonsending) public func run<R>(
        _ attempt: Attempt, _ next: nonisolated(nonsending) (Attempt) async throws -> R
    ) async throws -> R {
        guard generator.withLock({ Double.random(in: 0..<1, using: &$0) }) < rate else {
            return try await next(attempt)
        }
        count.add(1, ordering: .relaxed)
        switch fault {
        case .error(let make): throw make()
        case .latency(let duration): try await clock.sleep(for: duration, as: .latency)
        case .hang:
            // Nobody waits for a century; a cancellation ends it.
            while true { try await clock.sleep(for: .seconds(3_000_000_000), as: .hang) }
        }
        return try await next(attempt)
    }
}
