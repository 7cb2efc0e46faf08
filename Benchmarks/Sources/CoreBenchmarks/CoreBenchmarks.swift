import Holdfast

/// Measures what a policy costs over the bare call. Bare and guarded calls alternate within one run, so that both meet
/// the same noise; the medians of many rounds are reported.
@main
struct CoreBenchmarks {
    static let rounds = 15
    static let iterations = 100_000
    /// For what takes microseconds.
    static let few = 5_000
    /// Only the rows whose path contains this are measured: the first argument.
    static let filter = CommandLine.arguments.dropFirst().first ?? ""

    static func isWanted(_ path: String) -> Bool { filter.isEmpty || path.contains(filter) }

    static func main() async throws {
        // The tasks that a timeout starts run on the caller's executor. The main one is a run loop, where each hop costs
        // tens of microseconds; a server's calls are not made there.
        try await Task.detached { try await measure() }.value
    }

    nonisolated static func measure() async throws {
        print("| path | bare, ns | with Holdfast, ns | over the bare call, ns |\n|---|---|---|---|")
        let closed = try CircuitBreaker("closed")
        await report("closed breaker, sync") {
            for value in 0..<iterations { consume(value) }
        } guarded: {
            for value in 0..<iterations { try? closed.runSync { consume(value) } }
        }
        await report("closed breaker, sync, permit in hand") {
            for value in 0..<iterations { consume(value) }
        } guarded: {
            for value in 0..<iterations {
                guard let permit = try? closed.admit() else { continue }
                consume(value)
                permit.succeeded()
            }
        }
        let timed = try CircuitBreaker("timed", trip: .failureRate(0.5, over: .seconds(10)))
        await report("closed breaker, time-window rate, sync") {
            for value in 0..<iterations { consume(value) }
        } guarded: {
            for value in 0..<iterations { try? timed.runSync { consume(value) } }
        }
        await report("closed breaker, async") {
            for value in 0..<iterations { await consumeLater(value) }
        } guarded: {
            for value in 0..<iterations { try? await closed.run { await consumeLater(value) } }
        }
        let open = try CircuitBreaker("open", trip: .consecutiveFailures(1), cooldown: .seconds(3_600))
        try open.admit().failed()
        await report("rejection while open, typed throw") {
            for value in 0..<iterations { consume(value) }
        } guarded: {
            for value in 0..<iterations {
                do { try open.admit().succeeded() } catch { consume(value) }
            }
        }
        let retry = try Retry(.constant(.zero), budget: RetryBudget())
        await report("retry that succeeds at once") {
            for value in 0..<iterations { await consumeLater(value) }
        } guarded: {
            for value in 0..<iterations {
                try? await retry.run(repeatable: .idempotent, on: .anyError) { _ in await consumeLater(value) }
            }
        }
        let policy = try Policy {
            try Retry(.constant(.zero), budget: RetryBudget())
            closed
        }
        await report("policy: retry → breaker") {
            for value in 0..<iterations { await consumeLater(value) }
        } guarded: {
            for value in 0..<iterations {
                try? await policy.run(repeatable: .idempotent) { _ in await consumeLater(value) }
            }
        }
        let bulkhead = try Bulkhead("bulkhead", limit: 64)
        await report("bulkhead with room") {
            for value in 0..<iterations { await consumeLater(value) }
        } guarded: {
            for value in 0..<iterations { try? await bulkhead.run { await consumeLater(value) } }
        }
        let limiter = try RateLimiter(
            "limiter", .tokenBucket(calls: 1_000_000_000, per: .seconds(1), burst: 1_000_000))
        await report("rate limiter that lets pass") {
            for value in 0..<iterations { await consumeLater(value) }
        } guarded: {
            for value in 0..<iterations { try? await limiter.run { await consumeLater(value) } }
        }
        let chain = try Policy {
            try Retry(.constant(.zero), budget: RetryBudget())
            closed
            bulkhead
            limiter
        }
        await report("policy: retry → breaker → bulkhead → rate limiter") {
            for value in 0..<iterations { await consumeLater(value) }
        } guarded: {
            for value in 0..<iterations {
                try? await chain.run(repeatable: .idempotent) { _ in await consumeLater(value) }
            }
        }
        let timeout = try Policy { try Timeout(.seconds(1)) }
        await report("timeout of an attempt that waits for nothing", iterations: few) {
            for value in 0..<few { await consumeLater(value) }
        } guarded: {
            for value in 0..<few {
                try? await timeout.run(repeatable: .idempotent) { _ in await consumeLater(value) }
            }
        }
        await report("timeout of an attempt that waits", iterations: few) {
            for value in 0..<few { await consumeAndYield(value) }
        } guarded: {
            for value in 0..<few {
                try? await timeout.run(repeatable: .idempotent) { _ in await consumeAndYield(value) }
            }
        }
        let whole = try Policy {
            try Deadline(.seconds(5))
            try Retry(.constant(.zero), budget: RetryBudget())
            closed
            bulkhead
            limiter
            try Timeout(.seconds(1))
        }
        await report("policy: deadline → retry → breaker → bulkhead → rate limiter → timeout", iterations: few) {
            for value in 0..<few { await consumeLater(value) }
        } guarded: {
            for value in 0..<few {
                try? await whole.run(repeatable: .idempotent) { _ in await consumeLater(value) }
            }
        }
        print("\n| threads | path | ns per call of each |\n|---|---|---|")
        await reportThreads("bare call") { consume($0) }
        await reportThreads("one closed breaker, sync") { value in try? closed.runSync { consume(value) } }
        await reportThreads("one closed breaker, time-window rate, sync") { value in
            try? timed.runSync { consume(value) }
        }
    }

    static func report(
        _ path: String, iterations: Int = iterations, bare: () async -> Void, guarded: () async -> Void
    ) async {
        guard isWanted(path) else { return }
        var bareTimes: [Double] = []
        var guardedTimes: [Double] = []
        for _ in 0..<rounds {
            bareTimes.append(await nanosecondsPerCall(iterations, bare))
            guardedTimes.append(await nanosecondsPerCall(iterations, guarded))
        }
        let (bare, guarded) = (median(bareTimes), median(guardedTimes))
        print("| \(path) | \(rounded(bare)) | \(rounded(guarded)) | \(rounded(guarded - bare)) |")
    }

    /// The time per call when two threads do the same, beside the time when one does.
    static func reportThreads(_ path: String, _ call: @escaping @Sendable (Int) -> Void) async {
        guard isWanted(path) else { return }
        // Many, so that starting the second thread does not count.
        let many = 5 * iterations
        @Sendable func work() {
            for value in 0..<many { call(value) }
        }
        // Both run the same code, or the optimiser would make one of them quicker.
        func threads(_ count: Int) async {
            let tasks = (0..<count).map { _ in Task { work() } }
            for task in tasks { await task.value }
        }
        var one: [Double] = []
        var two: [Double] = []
        for _ in 0..<rounds {
            one.append(await nanosecondsPerCall(many) { await threads(1) })
            two.append(await nanosecondsPerCall(many) { await threads(2) })
        }
        print("| 1 | \(path) | \(rounded(median(one))) |\n| 2 | \(path) | \(rounded(median(two))) |")
    }

    static func nanosecondsPerCall(_ iterations: Int, _ body: () async -> Void) async -> Double {
        let start = ContinuousClock.now
        await body()
        return Double((ContinuousClock.now - start).saturatingNanoseconds) / Double(iterations)
    }

    static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

    static func rounded(_ value: Double) -> Double { (value * 10).rounded() / 10 }
}

/// The bare call: something that the optimiser can neither see through nor leave out.
@inline(never)
@_optimize(none)
func consume(_ value: Int) {}

@inline(never)
@_optimize(none)
func consumeLater(_ value: Int) async {}

@inline(never)
@_optimize(none)
func consumeAndYield(_ value: Int) async { await Task.yield() }
