import Holdfast

/// Measures what a policy costs over the bare call. Bare and guarded calls alternate within one run, so that both meet
/// the same noise; the medians of many rounds are reported.
///
///     CoreBenchmarks                        all scenarios, then threads
///     CoreBenchmarks PART-OF-A-NAME         those whose name contains it
///     CoreBenchmarks --only NAME CALLS      makes that many guarded calls and prints nothing: for callgrind
///     CoreBenchmarks --names                the names
@main
struct CoreBenchmarks {
    static let rounds = 15

    static func main() async throws {
        let arguments = Array(CommandLine.arguments.dropFirst())
        // Valgrind is given a process without a second thread.
        if arguments.first == "--only" { return try await run(arguments) }
        // The tasks that a timeout starts run on the caller's executor. The main one is a run loop, where each hop costs
        // tens of microseconds; a server's calls are not made there.
        try await Task.detached { try await run(arguments) }.value
    }

    nonisolated static func run(_ arguments: [String]) async throws {
        let scenarios = try Scenario.all()
        if arguments.count == 3, arguments[0] == "--only", let calls = Int(arguments[2]) {
            for scenario in scenarios where scenario.name == arguments[1] { await scenario.guarded(calls) }
            return
        }
        if arguments == ["--names"] { return scenarios.forEach { print($0.name) } }
        let part = arguments.first ?? ""
        print("| path | bare, ns | with Holdfast, ns | over the bare call, ns |\n|---|---|---|---|")
        for scenario in scenarios where part.isEmpty || scenario.name.contains(part) { await report(scenario) }
        guard part.isEmpty || part == "threads" else { return }
        print("\n| threads | path | ns per call of each |\n|---|---|---|")
        let closed = try CircuitBreaker("closed")
        let timed = try CircuitBreaker("timed", trip: .failureRate(0.5, over: .seconds(10)))
        await reportThreads("bare call") { consume($0) }
        await reportThreads("one closed breaker, sync") { value in try? closed.runSync { consume(value) } }
        await reportThreads("one closed breaker, time-window rate, sync") { value in
            try? timed.runSync { consume(value) }
        }
    }

    nonisolated static func report(_ scenario: Scenario) async {
        var bareTimes: [Double] = []
        var guardedTimes: [Double] = []
        for _ in 0..<rounds {
            bareTimes.append(await nanosecondsPerCall(scenario.calls, scenario.bare))
            guardedTimes.append(await nanosecondsPerCall(scenario.calls, scenario.guarded))
        }
        let (bare, guarded) = (median(bareTimes), median(guardedTimes))
        print("| \(scenario.name) | \(rounded(bare)) | \(rounded(guarded)) | \(rounded(guarded - bare)) |")
    }

    /// The time per call when two threads do the same, beside the time when one does.
    nonisolated static func reportThreads(_ path: String, _ call: @escaping @Sendable (Int) -> Void) async {
        // Many, so that starting the second thread does not count. Both run the same code, or the optimiser would make
        // one of them quicker.
        func onThreads(_ count: Int, _ calls: Int) async {
            let tasks = (0..<count).map { _ in
                Task {
                    for value in 0..<calls { call(value) }
                }
            }
            for task in tasks { await task.value }
        }
        var times: [Int: [Double]] = [:]
        for _ in 0..<rounds {
            for count in [1, 2] {
                times[count, default: []].append(await nanosecondsPerCall(500_000) { await onThreads(count, $0) })
            }
        }
        for count in [1, 2] { print("| \(count) | \(path) | \(rounded(median(times[count] ?? []))) |") }
    }

    nonisolated static func nanosecondsPerCall(_ calls: Int, _ body: (Int) async -> Void) async -> Double {
        let start = ContinuousClock.now
        await body(calls)
        return (ContinuousClock.now - start) / .nanoseconds(1) / Double(calls)
    }

    nonisolated static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

    nonisolated static func rounded(_ value: Double) -> Double { (value * 10).rounded() / 10 }
}
