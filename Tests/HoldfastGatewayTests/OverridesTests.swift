#if Gateway
import Holdfast
@testable import HoldfastGateway
import HoldfastTesting
import Logging
import Synchronization
import TestSupport
import Testing

@Suite struct OverridesMachineTests {
    private let note = OverridesMachine.Note(by: "ada", from: "127.0.0.1", reason: "x", at: "now")
    private let one = OverridesMachine.Target.endpoint("a:1", of: "s")

    private func at(_ seconds: Int) -> MonotonicInstant {
        MonotonicInstant(nanoseconds: Int64(seconds) * 1_000_000_000)
    }

    @Test func `what is set stands until it is taken back by its own word`() throws {
        var machine = OverridesMachine()
        try machine.act(.set(.drained), on: one, note)
        #expect(machine[one, .service] == .drained)
        #expect(throws: OverridesMachine.Refusal.self) { try machine.act(.takeBack(.disabled), on: one, note) }
        try machine.act(.set(.disabled), on: one, note)
        #expect(machine[one, .service] == .disabled)
        try machine.act(.takeBack(.disabled), on: one, note)
        #expect(machine[one, .service] == nil)
        #expect(throws: OverridesMachine.Refusal.self) { try machine.act(.takeBack(.disabled), on: one, note) }
    }

    @Test func `one target may have one of each kind, and each is taken back alone`() throws {
        var machine = OverridesMachine()
        let all: [OverridesMachine.Value] = [.drained, .weight(50), .isolated]
        for value in all { try machine.act(.set(value), on: one, note) }
        #expect(machine.overrides.map(\.value) == all)
        try machine.act(.takeBack(.weight(100)), on: one, note)
        #expect(machine.overrides.map(\.value) == [.drained, .isolated])
        try machine.act(.resetBreaker, on: one, note)
        #expect(machine.overrides.map(\.value) == [.drained, .isolated])
    }

    @Test func `it ends at its time, and the latest word says when`() throws {
        var machine = OverridesMachine()
        try machine.act(.set(.drained), on: one, note, until: at(10))
        try machine.act(.set(.level("debug")), on: .log, note, until: at(5))
        #expect(machine.nextEnd == at(5))
        #expect(machine.expire(at: at(4)).isEmpty)
        #expect(machine.expire(at: at(5)).map(\.value) == [.level("debug")])
        try machine.act(.set(.drained), on: one, note)
        #expect(machine.nextEnd == nil)
        #expect(machine.expire(at: at(99)).isEmpty)
        #expect(machine[one, .service] == .drained)
    }

    @Test func `it goes with what it is about`() throws {
        var machine = OverridesMachine()
        try machine.act(.set(.drained), on: one, note)
        try machine.act(.set(.isolated), on: .service("s"), note)
        #expect(machine.keep { $0.endpoint == nil }.map(\.value) == [.drained])
        #expect(machine.overrides.map(\.value) == [.isolated])
        #expect(machine.events.last?.word == "gone")
    }

    @Test func `what was done is kept up to a bound, and counted beyond it`() throws {
        var machine = OverridesMachine()
        for number in 1...300 { try machine.act(.set(.weight(number)), on: one, note) }
        #expect(machine.events.count == OverridesMachine.bound)
        #expect(machine.events.last?.value == .weight(300))
        #expect(machine.counts == ["weight": 300])
        #expect(machine.overrides.count == 1)
    }
}

@Suite struct OverrideOrderTests {
    private static let drain = OverrideOrder(service: "s", endpoint: "e", action: "drain", reason: "r")

    @Test func `an order says what it must, and means one thing`() throws {
        var order = Self.drain
        (order.for, order.by) = ("10m", "ada")
        let read = try order.read(.endpoint)
        #expect(read.action == .set(.drained) && read.target == .endpoint("e", of: "s"))
        #expect(read.time == .seconds(600) && read.by == "ada")
        let whole = OverrideOrder(service: "s", action: "isolate", reason: "r")
        #expect(try whole.read(.breaker).target == .service("s"))
        let usual = OverrideOrder(service: "s", endpoint: "e", action: "weight", weight: 100, reason: "r")
        #expect(try usual.read(.endpoint).action == .takeBack(.weight(100)))
    }

    private static func changed(_ change: (inout OverrideOrder) -> Void) -> OverrideOrder {
        var order = drain
        change(&order)
        return order
    }

    static let wrong: [(OverrideOrder, OverrideOrder.Subject, String)] = [
        (changed { $0.reason = nil }, .endpoint, "reason's length in bytes is 0"),
        (changed { $0.reason = "   " }, .endpoint, "reason is blank"),
        (changed { $0.reason = String(repeating: "r", count: 257) }, .endpoint, "reason's length in bytes is 257"),
        (changed { $0.reason = "a\nnotice: forged" }, .endpoint, "reason is U+A in it"),
        (changed { $0.reason = "a\u{1B}[2J" }, .endpoint, "reason is U+1B in it"),
        (changed { $0.reason = "a\u{2028}b" }, .endpoint, "reason is U+2028 in it"),
        (changed { $0.reason = "a\u{202E}b" }, .endpoint, "reason is U+202E in it"),
        (changed { $0.by = "" }, .endpoint, "by's length in bytes is 0"),
        (changed { $0.by = "ada\r" }, .endpoint, "by is U+D in it"),
        (changed { $0.by = String(repeating: "a", count: 65) }, .endpoint, "by's length in bytes is 65"),
        (changed { $0.for = "0s" }, .endpoint, "for is 0s"), (changed { $0.for = "31d" }, .endpoint, "for is 31d"),
        (changed { $0.for = "soon" }, .endpoint, "for is soon"),
        (changed { ($0.action, $0.for) = ("undrain", "1m") }, .endpoint, "not with 'undrain'"),
        (changed { $0.action = "delete" }, .endpoint, "action is delete"),
        (changed { $0.action = nil }, .endpoint, "action is missing"),
        (changed { $0.action = "isolate" }, .endpoint, "action is isolate"),
        (changed { $0.action = "drain" }, .breaker, "action is drain"),
        (changed { $0.service = nil }, .endpoint, "service is missing"),
        (changed { $0.endpoint = "" }, .endpoint, "endpoint is missing"),
        (changed { $0.weight = 50 }, .endpoint, "weight is 50"),
        (changed { ($0.action, $0.weight) = ("weight", 0) }, .endpoint, "weight is 0"),
        (changed { ($0.action, $0.weight) = ("weight", 1_001) }, .endpoint, "weight is 1001"),
        (changed { $0.action = "weight" }, .endpoint, "weight is missing"),
        (changed { $0.level = "debug" }, .endpoint, "level is debug"),
        (OverrideOrder(action: "level", level: "loud", reason: "r"), .log, "level is loud"),
        (OverrideOrder(action: "level", reason: "r"), .log, "level is missing"),
        (OverrideOrder(service: "s", action: "reset", reason: "r"), .log, "there is one log"),
    ]

    @Test(arguments: wrong.indices) func `an order that is not as documented says what is wrong`(number: Int) {
        let (order, subject, words) = Self.wrong[number]
        do throws(ConfigurationError) {
            _ = try order.read(subject)
            Issue.record("it was taken: \(words)")
        } catch {
            #expect("\(error)".contains(words), "\(error)")
        }
    }
}

@Suite struct LogLevelTests {
    @Test func `the level of all copies of a logger is set at once, and one of its own stays`() {
        let told = Told()
        var base = Logger(label: "test") { _ in told }
        base.logLevel = .info
        let level = LogLevelSwitch(base.logLevel)
        let copy = level.follow(base)
        var own = copy
        own.logLevel = .error
        func heard() -> [String] {
            told.messages.list.withLock { $0 = [] }
            copy.debug("copy")
            own.debug("own")
            own.error("own, and grave")
            return told.messages.list.withLock { $0.map { String($0.dropLast(4)) } }
        }
        #expect(heard() == ["own, and grave"])
        level.current = .debug
        #expect(heard() == ["copy", "own, and grave"])
        level.current = .critical
        #expect(heard() == ["own, and grave"])
    }

    @Test func `what passes on to several handlers passes on what was asked for`() {
        let told = Told()
        var base = Logger(label: "test") { _ in MultiplexLogHandler([told, told]) }
        base.logLevel = .info
        let level = LogLevelSwitch(.info)
        level.current = .trace
        level.follow(base).trace("t")
        #expect(told.messages.list.withLock { $0.count } == 2)
    }
}
#endif
