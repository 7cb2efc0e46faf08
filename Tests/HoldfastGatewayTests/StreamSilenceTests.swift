#if Gateway
import Holdfast
import Synchronization
import TestSupport
import Testing

@testable import HoldfastGateway

/// Answers that have begun and have nothing to say for a while: streams of events, long polls, logs that are followed.
@Suite struct StreamSilenceTests {
    private static let get = "GET /events HTTP/1.1\r\nHost: a\r\n\r\n"
    private static let events =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    private static let comment = "3\r\n:\n\n\r\n"

    @Test func `a stream with a comment each half minute lives for hours`() throws {
        let gateway = try LoopGateway()
        defer { gateway.end() }
        let client = try gateway.connect()
        client.send(Self.get)
        gateway.services[0].send(Self.events)
        #expect(client.received.hasSuffix("\r\n\r\n"), "the head is passed on at once")
        for _ in 0..<240 {
            gateway.advance(by: .seconds(30))
            gateway.services[0].send(Self.comment)
        }
        #expect(client.isOpen && client.received.ranges(of: ":\n\n").count == 240)
    }

    /// Each is an answer that the service has begun well, and does not go on with.
    @Test(arguments: [
        events, events + comment, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\n\r\nwhat ends with the connection", "HTTP/1.1 404 Not Found\r\nContent-Length: 10\r\n\r\n",
    ])
    func `silence after the head ends the answer after its own limit, and is no failure of the service`(
        answer: String
    ) throws {
        let gateway = try LoopGateway { $0.services[0].breaker.trip = .consecutiveFailures(1) }
        defer { gateway.end() }
        for number in 0..<5 {
            let client = try gateway.connect()
            client.send(Self.get)
            gateway.services[number].send(answer)
            gateway.advance(by: .seconds(299))
            #expect(client.isOpen)
            gateway.advance(by: .seconds(1))
            #expect(!client.isOpen && !gateway.services[number].isOpen)
        }
        #expect(gateway.endpoint.breaker.snapshot().state == .closed)
        #expect(gateway.endpoint.failed.load(ordering: .relaxed) == 0)
    }

    @Test func `a route says how long its streams may be silent`() throws {
        let gateway = try LoopGateway { $0.routes[0].streamTimeout = .seconds(1_800) }
        defer { gateway.end() }
        let client = try gateway.connect()
        client.send(Self.get)
        gateway.services[0].send(Self.events)
        gateway.advance(by: .seconds(1_799))
        #expect(client.isOpen)
        gateway.advance(by: .seconds(1))
        #expect(!client.isOpen)
    }

    @Test func `silence before the head is a failure, as it was`() throws {
        let gateway = try LoopGateway { $0.services[0].breaker.trip = .consecutiveFailures(1) }
        defer { gateway.end() }
        let client = try gateway.connect()
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
        gateway.advance(by: .seconds(10))
        #expect(client.received.hasPrefix("HTTP/1.1 504 "))
        #expect(gateway.endpoint.failed.load(ordering: .relaxed) == 1)
    }

    @Test func `a stream under a key is unknown at the deadline, and no failure of the service either`() async throws {
        let service = try await TestService.start { _, _ in .silent }
        try await withGateway(
            to: service,
            configure: {
                $0.services[0].breaker.trip = .consecutiveFailures(1)
                $0.routes[0].deadline = .milliseconds(400)
            }
        ) { gateway in
            for number in 0..<3 {
                let first = try await gateway.post(key: "k\(number)")
                #expect(first.problem == "deadline", "\(first.text)")
                try await expectEqual(gateway.post(key: "k\(number)").problem, "outcome-unknown")
            }
            #expect(service.requests.count == 3)
        }
    }
}
#endif
