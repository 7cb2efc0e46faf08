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
