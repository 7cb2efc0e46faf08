import HoldfastTesting
import TestSupport
import Testing

@testable import Holdfast

@Suite struct SingleFlightTests {
    private let clock = ManualClock()
    private struct Broken: Error {}

    @Test func `callers at the same moment share one execution`() async throws {
        let (flights, clock) = (try SingleFlight<String, Int>(), self.clock)
        let executions = Counter()
        let calls = (0..<100).map { _ in
            Task {
                try await flights.run("rates") {
                    executions.add()
                    try await clock.sleep(for: .seconds(1))
                    return 7
                }
            }
        }
        while flights.callers(of: "rates") < 100 { await Task.yield() }
        await clock.sleepers(1)
        clock.advance(by: .seconds(1))
        for call in calls { try await expectEqual(call.value, 7) }
        #expect(executions.value == 1)
        #expect(flights.inFlight == 0)
        try await expectEqual(flights.run("rates") { 8 }, 8, "a call after the end executes again")
    }

    @Test func `who comes to an execution that has ended gets its result`() async throws {
        let flight = Flight<Int>()
        flight.end(.success(7))
        try await expectEqual(flight.result(), 7)
    }

    @Test func `who was cancelled before leaves without waiting`() async throws {
        let flight = Flight<Int>()
        let caller = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await flight.result()
        }
        await #expect(throws: Left.self) { try await caller.value }
    }

    @Test func `a failure is every caller's`() async throws {
        let flights = try SingleFlight<String, Int>()
        await #expect(throws: Broken.self) { try await flights.run("rates") { throw Broken() } }
        #expect(flights.inFlight == 0)
    }

    @Test func `who is cancelled leaves at once and the last one cancels the execution`() async throws {
        let (flights, clock) = (try SingleFlight<String, Int>(), self.clock)
        let cancelled = Counter()
        let calls = (0..<2).map { _ in
            Task {
                try await flights.run("rates") {
                    do { try await clock.sleep(for: .seconds(1)) } catch {
                        cancelled.add()
                        throw error
                    }
                    return 7
                }
            }
        }
        while flights.callers(of: "rates") < 2 { await Task.yield() }
        await clock.sleepers(1)
        calls[0].cancel()
        await #expect(throws: CancellationError.self) { try await calls[0].value }
        #expect(cancelled.value == 0)
        #expect(flights.callers(of: "rates") == 1)
        calls[1].cancel()
        await #expect(throws: CancellationError.self) { try await calls[1].value }
        while cancelled.value == 0 { await Task.yield() }
        #expect(flights.inFlight == 0)
    }

    @Test func `the execution is not bound by its first caller's deadline`() async throws {
        let (flights, clock) = (try SingleFlight<String, Bool>(), self.clock)
        let hasLimit = try await withDeadline(in: .seconds(1), clock: clock) {
            try await flights.run("rates") { Lineage.current.limit != nil }
        }
        #expect(!hasLimit)
    }

    @Test func `an execution that asks for its own key is told so`() async throws {
        let flights = try SingleFlight<String, Int>()
        await #expect(throws: SingleFlight<String, Int>.Circular.self) {
            try await flights.run("rates") { try await flights.run("rates") { 7 } }
        }
        await #expect(throws: SingleFlight<String, Int>.Circular.self) {
            try await flights.run("a") { try await flights.run("b") { try await flights.run("a") { 7 } } }
        }
        #expect(flights.inFlight == 0)
    }

    @Test func `two executions that come to wait for each other do not hang`() async throws {
        let (flights, others, clock) = (try SingleFlight<String, Int>(), try SingleFlight<Int, Int>(), self.clock)
        let first = Task {
            try await flights.run("a") {
                try await clock.sleep(for: .seconds(1))
                return try await others.run(1) { 1 }
            }
        }
        await clock.sleepers(1)
        let second = Task { try await others.run(1) { try await flights.run("a") { 2 } } }
        while flights.callers(of: "a") < 2 { await Task.yield() }
        clock.advance(by: .seconds(1))
        // Whoever closed the circle is refused; the other gets that as its execution's failure.
        await #expect(throws: SingleFlight<Int, Int>.Circular.self) { try await first.value }
        await #expect(throws: SingleFlight<Int, Int>.Circular.self) { try await second.value }
        try await expectEqual(flights.run("a") { try await others.run(1) { 3 } }, 3, "and nothing is left of it")
    }

    @Test func `an execution asks for another key as often as it likes`() async throws {
        let flights = try SingleFlight<String, Int>()
        let sum = try await flights.run("sum") {
            async let one = flights.run("one") { 1 }
            async let again = flights.run("one") { 1 }
            return try await one + again
        }
        #expect(sum == 2)
    }

    @Test func `an urgent caller raises the execution that it waits for`() async throws {
        let (flights, clock) = (try SingleFlight<String, TaskPriority>(), self.clock)
        let slow = Task(priority: .background) {
            try await flights.run("rates") {
                try await clock.sleep(for: .seconds(1))
                return Task.currentPriority
            }
        }
        await clock.sleepers(1)
        let urgent = Task(priority: .high) { try await flights.run("rates") { .high } }
        while flights.callers(of: "rates") < 2 { await Task.yield() }
        // Another caller comes to its wait after it has raised, and sees the cancellation only there.
        let another = Task(priority: .high) { try await flights.run("rates") { .high } }
        while flights.callers(of: "rates") < 3 { await Task.yield() }
        another.cancel()
        await #expect(throws: CancellationError.self) { try await another.value }
        clock.advance(by: .seconds(1))
        #expect(try await urgent.value >= .high)
        _ = try await slow.value
    }

    @Test func `an execution that waits for another takes it along when it is raised`() async throws {
        let (flights, clock) = (try SingleFlight<String, TaskPriority>(), self.clock)
        let slow = Task(priority: .background) {
            try await flights.run("outer") {
                try await flights.run("inner") {
                    try await clock.sleep(for: .seconds(1))
                    return Task.currentPriority
                }
            }
        }
        await clock.sleepers(1)
        let urgent = Task(priority: .high) { try await flights.run("outer") { .low } }
        while flights.callers(of: "outer") < 2 { await Task.yield() }
        // A third caller comes to its wait after it has raised, and sees the cancellation only there.
        let third = Task(priority: .high) { try await flights.run("outer") { .low } }
        while flights.callers(of: "outer") < 3 { await Task.yield() }
        third.cancel()
        await #expect(throws: CancellationError.self) { try await third.value }
        clock.advance(by: .seconds(1))
        #expect(try await urgent.value >= .high)
        _ = try await slow.value
    }

    @Test func `keys and callers are bounded`() async throws {
        let (flights, clock) = (try SingleFlight<Int, Int>(keys: 1, callers: 1), self.clock)
        let call = Task {
            try await flights.run(1) {
                try await clock.sleep(for: .seconds(1))
                return 1
            }
        }
        await clock.sleepers(1)
        await #expect(throws: SingleFlight<Int, Int>.Full.self) { try await flights.run(1) { 1 } }
        await #expect(throws: SingleFlight<Int, Int>.Full.self) { try await flights.run(2) { 2 } }
        clock.advance(by: .seconds(1))
        try await expectEqual(call.value, 1)
        #expect(throws: ConfigurationError.self) { try SingleFlight<Int, Int>(keys: 0) }
        #expect(throws: ConfigurationError.self) { try SingleFlight<Int, Int>(callers: .max) }
    }
}

@Suite struct FallbackTests {
    private struct Broken: Error {}
    private struct AlsoBroken: Error {}

    @Test func `a failure is answered with something else`() async throws {
        let value: Int = try await withFallback {
            throw Broken()
        } fallback: { error in
            #expect(error is Broken)
            return 7
        }
        #expect(value == 7)
        try await expectEqual(
            withFallback {
                1
            } fallback: { _ in
                2
            }, 1)
    }

    @Test func `what is not to be answered is thrown as it is`() async throws {
        await #expect(throws: Broken.self) {
            try await withFallback(on: { !($0 is Broken) }) {
                throw Broken()
            } fallback: { _ in
                Issue.record("it was answered")
            }
        }
    }

    @Test func `a cancellation is not answered`() async throws {
        await #expect(throws: CancellationError.self) {
            try await withFallback {
                throw CancellationError()
            } fallback: { _ in
                Issue.record("it was answered")
            }
        }
    }

    @Test func `when both fail the call's own failure is not lost`() async throws {
        let failure = await #expect(throws: FallbackFailure.self) {
            try await withFallback {
                throw Broken()
            } fallback: { _ in
                throw AlsoBroken()
            }
        }
        #expect(failure?.original is Broken)
        #expect(failure?.fallback is AlsoBroken)
    }
}
