#if Gateway
import Holdfast
import Testing

@testable import HoldfastGateway

/// What policies learn from how long a service takes: its time from the end of the request to the head of the answer. A
/// client that is slow to send or to take makes no service slow.
@Suite struct ServiceTimeTests {
    private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"

    /// A request whose client takes 8 s for its body, whose service takes so long, and whose answer is taken in another 8.
    private func exchange(serviceTakes: Duration, from address: String = "192.0.2.1", _ gateway: LoopGateway) throws {
        let client = try gateway.connect(from: address)
        client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nx")
        gateway.advance(by: .seconds(8))
        client.send("x")
        gateway.advance(by: serviceTakes)
        // One that has answered is used again.
        let service = try #require(gateway.services.last { $0.isOpen })
        service.send(Self.ok)
        gateway.advance(by: .seconds(8))
        service.send("ok")
        #expect(client.received.hasSuffix("ok"))
        client.close()
    }

    @Test func `slow clients are no slow calls, and slow answers are`() throws {
        let gateway = try LoopGateway {
            $0.services[0].breaker.trip = .slowCallRate(0.5, slowerThan: .seconds(1), ofLast: 4)
        }
        defer { gateway.end() }
        for _ in 0..<8 { try exchange(serviceTakes: .milliseconds(900), gateway) }
        #expect(gateway.endpoint.breaker.snapshot().state == .closed)
        for _ in 0..<2 { try exchange(serviceTakes: .milliseconds(1_100), gateway) }
        #expect(gateway.endpoint.breaker.snapshot().state == .open)
    }

    @Test func `slow answers that one caller alone gets are its own`() throws {
        let gateway = try LoopGateway {
            $0.services[0].breaker.trip = .slowCallRate(0.5, slowerThan: .seconds(1), ofLast: 4)
        }
        defer { gateway.end() }
        let others = try LoopGateway.others(3)
        for other in others { try exchange(serviceTakes: .zero, from: other, gateway) }
        for _ in 0..<3 {
            try exchange(serviceTakes: .seconds(2), gateway)
            try exchange(serviceTakes: .seconds(2), gateway)
            try exchange(serviceTakes: .zero, from: others[0], gateway)
        }
        #expect(gateway.endpoint.breaker.snapshot().state == .closed)
    }

    @Test func `an adaptive limit learns the service's time alone`() throws {
        let gateway = try LoopGateway { $0.routes[0].adaptiveLimit = AdaptiveLimitConfiguration() }
        defer { gateway.end() }
        for _ in 0..<5 { try exchange(serviceTakes: .milliseconds(100), gateway) }
        let latency = try #require(gateway.plan.routes[0].adaptiveLimit).snapshot().latency
        #expect(latency == .milliseconds(100))
    }

    @Test func `timeouts that one caller alone meets move no adaptive limit`() throws {
        let gateway = try LoopGateway {
            $0.routes[0].adaptiveLimit = AdaptiveLimitConfiguration()
            $0.routes[0].retry.attempts = 1
        }
        defer { gateway.end() }
        let limit = try #require(gateway.plan.routes[0].adaptiveLimit)
        let others = try LoopGateway.others(3)
        for other in others { try exchange(serviceTakes: .zero, from: other, gateway) }
        func hang(from address: String) throws {
            let client = try gateway.connect(from: address)
            client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
            gateway.advance(by: .seconds(10))
            #expect(client.received.hasPrefix("HTTP/1.1 504 "))
            try exchange(serviceTakes: .zero, from: others[0], gateway)
        }
        for _ in 0..<4 { try hang(from: "192.0.2.1") }
        #expect(limit.snapshot().limit == 20)
    }
}
#endif
