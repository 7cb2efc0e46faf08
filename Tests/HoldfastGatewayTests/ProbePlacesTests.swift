#if Gateway
import Holdfast
import HoldfastTesting
import NIOCore
import Testing

@testable import HoldfastGateway

/// Who probes a service whose breaker is half-open: what holds a probe's place is the service's time, and one caller alone
/// keeps it for no more than a second.
@Suite struct ProbePlacesTests {
    // MARK: The machine

    private static func at(_ milliseconds: Int64) -> NIODeadline {
        .uptimeNanoseconds(60_000_000_000) + .milliseconds(milliseconds)
    }

    @Test(
        arguments: [
            // When another asks, in ms; who it is; in which generation; whether it has the place.
            (0, 2, 1, false), (999, 2, 1, false), (1_000, 2, 1, true), (50_000, 2, 1, true), (50_000, 1, 1, false),
            (1_000, 2, 2, false),
        ] as [(Int64, Int, UInt32, Bool)])
    func `a silent probe gives its place to another caller after a second, and not to its own`(
        time: Int64, caller: Int, generation: UInt32, gives: Bool
    ) {
        var machine = ProbePlacesMachine()
        let number = machine.took(1, in: 1, at: Self.at(0))
        #expect(machine.giveWay(to: caller, in: generation, at: Self.at(time)) == (gives ? number : nil))
        #expect(machine.holders.count == (gives ? 0 : 1))
        #expect(machine.ended(number, hasDecided: true, at: Self.at(time)) == !gives)
    }

    @Test func `of several places, the one that has been silent for longest is given`() {
        var machine = ProbePlacesMachine()
        let numbers = (0..<3).map { machine.took($0, in: 1, at: Self.at(Int64($0) * 100)) }
        #expect(machine.giveWay(to: 9, in: 1, at: Self.at(1_150)) == numbers[0])
        #expect(machine.giveWay(to: 9, in: 1, at: Self.at(1_150)) == numbers[1])
        #expect(machine.giveWay(to: 9, in: 1, at: Self.at(1_150)) == nil)
        #expect(machine.takeOldest(of: 1) == numbers[2] && machine.takeOldest(of: 1) == nil)
    }

    @Test(arguments: ["decided", "undecided", "gave way", "left"])
    func `whose probe decided nothing is passed over for a second`(how: String) {
        var machine = ProbePlacesMachine()
        let number = machine.took(1, in: 1, at: Self.at(0))
        switch how {
        case "gave way": _ = machine.giveWay(to: 2, in: 1, at: Self.at(1_000))
        case "left": machine.left(number)
        default: _ = machine.ended(number, hasDecided: how == "decided", at: Self.at(1_000))
        }
        let isPassedOver = how == "undecided" || how == "gave way"
        #expect((machine.passesOver(1, at: Self.at(1_999)) > .zero) == isPassedOver)
        #expect(
            machine.passesOver(1, at: Self.at(2_000)) == .zero && machine.passesOver(2, at: Self.at(1_000)) == .zero)
        _ = machine.took(3, in: 1, at: Self.at(0))
        #expect((machine.giveWay(to: 1, in: 1, at: Self.at(1_999)) == nil) == isPassedOver)
    }

    // MARK: In a gateway

    private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    private static let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

    /// A gateway whose breaker is open, and whose service is well again. The cooldown is over.
    private func recovered(_ configure: (inout GatewayConfiguration) -> Void = { _ in }) throws -> LoopGateway {
        let gateway = try LoopGateway {
            $0.services[0].breaker.trip = .consecutiveFailures(1)
            $0.services[0].breaker.cooldown = .fixed(.seconds(5))
            $0.services[0].serviceBreaker = nil
            $0.routes[0].retry.attempts = 1
            configure(&$0)
        }
        gateway.isReachable = false
        let client = try gateway.connect()
        client.send(Self.get)
        #expect(client.received.contains(" 502 ") || client.received.contains(" 503 "), "\(client.received)")
        client.close()
        gateway.isReachable = true
        #expect(state(gateway) == .open)
        gateway.advance(by: .seconds(6))
        return gateway
    }

    private func state(_ gateway: LoopGateway) -> CircuitBreaker.State { gateway.endpoint.breaker.snapshot().state }

    private func ask(_ gateway: LoopGateway, from address: String, _ text: String = Self.get) throws
        -> LoopGateway.Connection
    {
        let client = try gateway.connect(from: address)
        client.send(text)
        return client
    }

    @Test func `a probe that is answered late keeps others out for a second, and no longer`() throws {
        let gateway = try recovered()
        defer { gateway.end() }
        let others = try LoopGateway.others(2)
        let stranger = try ask(gateway, from: "192.0.2.1")
        #expect(gateway.services.count == 1 && state(gateway) == .halfOpen)
        gateway.advance(by: .milliseconds(999))
        #expect(try ask(gateway, from: others[0]).received.hasPrefix("HTTP/1.1 503 "))
        #expect(try ask(gateway, from: "192.0.2.1").received.hasPrefix("HTTP/1.1 503 "))
        gateway.advance(by: .milliseconds(1))
        let other = try ask(gateway, from: others[0])
        #expect(gateway.services.count == 2)
        #expect(try ask(gateway, from: others[1]).received.hasPrefix("HTTP/1.1 503 "), "there is one place")
        gateway.services[1].send(Self.ok)
        #expect(other.received.hasSuffix("ok") && state(gateway) == .closed)
        // Its own call goes on, and nothing that becomes of it opens the breaker again.
        gateway.services[0].send(Self.ok)
        #expect(stranger.received.hasSuffix("ok") && state(gateway) == .closed)
    }

    @Test func `a service that takes longer than that closes its breaker with the first answer`() throws {
        let gateway = try recovered()
        defer { gateway.end() }
        let others = try LoopGateway.others(2)
        let first = try ask(gateway, from: "192.0.2.1")
        for other in others {
            gateway.advance(by: .seconds(1))
            #expect(try ask(gateway, from: other).received.isEmpty)
        }
        #expect(gateway.services.count == 3 && state(gateway) == .halfOpen)
        gateway.services[0].send(Self.ok)
        #expect(first.received.hasSuffix("ok") && state(gateway) == .closed)
    }

    @Test func `a service that hangs has one call more in a second, whoever asks and how often`() throws {
        let gateway = try recovered()
        defer { gateway.end() }
        let others = try LoopGateway.others(30)
        for tick in 0..<40 {
            for other in others { try ask(gateway, from: other).close() }
            _ = try ask(gateway, from: others[tick % 30])
            gateway.advance(by: .milliseconds(100))
            guard state(gateway) == .halfOpen else { break }
        }
        #expect(gateway.services.count(where: \.isOpen) <= 5)
    }

    @Test(arguments: [10, 1_000] as [Int64])
    func `a caller that breaks its probes off leaves the place to others`(held: Int64) throws {
        let gateway = try recovered()
        defer { gateway.end() }
        let other = try LoopGateway.others(1)[0]
        let stranger = try ask(gateway, from: "192.0.2.1")
        gateway.advance(by: .milliseconds(held))
        stranger.close()
        // It is there first, and is passed over.
        #expect(try ask(gateway, from: "192.0.2.1").received.hasPrefix("HTTP/1.1 503 "))
        #expect(gateway.services.count == 1)
        _ = try ask(gateway, from: other)
        #expect(gateway.services.count == 2)
        gateway.services[1].send(Self.ok)
        #expect(state(gateway) == .closed)
    }

    @Test func `where nobody else asks, a caller probes again after a second`() throws {
        let gateway = try recovered()
        defer { gateway.end() }
        try ask(gateway, from: "192.0.2.1").close()
        let answer = try ask(gateway, from: "192.0.2.1").received
        #expect(answer.hasPrefix("HTTP/1.1 503 ") && answer.lowercased().contains("retry-after: 1\r\n"), "\(answer)")
        gateway.advance(by: .seconds(1))
        _ = try ask(gateway, from: "192.0.2.1")
        gateway.services[1].send(Self.ok)
        #expect(state(gateway) == .closed)
    }

    @Test(arguments: ["Content-Length: 60000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"])
    func `a body that is still to come has no probe's place`(body: String) throws {
        let gateway = try recovered()
        defer { gateway.end() }
        let stranger = try ask(gateway, from: "192.0.2.1", "POST / HTTP/1.1\r\nHost: a\r\n\(body)")
        #expect(gateway.services.isEmpty && stranger.received.isEmpty)
        let other = try ask(gateway, from: LoopGateway.others(1)[0])
        gateway.services[0].send(Self.ok)
        #expect(other.received.hasSuffix("ok") && state(gateway) == .closed)
    }

    @Test func `a body that has come is a probe`() throws {
        let gateway = try recovered()
        defer { gateway.end() }
        let client = try ask(
            gateway, from: "192.0.2.1", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01234")
        #expect(gateway.services.isEmpty)
        gateway.advance(by: .seconds(1))
        client.send("56789")
        #expect(try #require(gateway.services.first).received.hasSuffix("0123456789"))
        gateway.services[0].send(Self.ok)
        #expect(client.received.hasSuffix("ok") && state(gateway) == .closed)
    }

    /// Otherwise a service that gets nothing else would never be found well again.
    @Test func `a body that is too large to be kept is a probe for a second`() throws {
        let gateway = try recovered { $0.routes[0].keptBytes = 1_000 }
        defer { gateway.end() }
        let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n"
        let client = try ask(gateway, from: "192.0.2.1", head + String(repeating: "x", count: 2_000))
        #expect(gateway.services.count == 1)
        let other = try LoopGateway.others(1)[0]
        #expect(try ask(gateway, from: other).received.hasPrefix("HTTP/1.1 503 "))
        gateway.advance(by: .seconds(1))
        _ = try ask(gateway, from: other)
        #expect(gateway.services.count == 2)
        gateway.services[1].send(Self.ok)
        #expect(state(gateway) == .closed)
        client.close()
    }
}
#endif
