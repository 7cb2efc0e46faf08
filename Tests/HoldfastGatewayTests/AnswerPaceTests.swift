#if Gateway
import Holdfast
import NIOCore
import Synchronization
import Testing

@testable import HoldfastGateway

/// Clients that take their answers slowly, and those that do not take them.
@Suite struct AnswerPaceTests {
    private func at(_ seconds: Int64) -> NIODeadline { .uptimeNanoseconds(UInt64(seconds) * 1_000_000_000) }

    // MARK: The machine

    @Test func `whoever takes a byte in each limit goes on, and whoever takes none is stuck`() {
        var pace = AnswerPaceMachine(.seconds(60), waiting: 100, at: at(0))
        for minute in 1...90 {
            #expect(pace.look(waiting: 100 - minute, at: at(Int64(minute) * 59)) == .goesOn)
        }
        let last = Int64(90 * 59)
        #expect(pace.look(waiting: 10, at: at(last + 59)) == .goesOn)
        #expect(pace.look(waiting: 10, at: at(last + 60)) == .stuck)
    }

    @Test func `what is written meanwhile is nothing that the client has taken`() {
        var pace = AnswerPaceMachine(.seconds(60), waiting: 100, at: at(0))
        #expect(pace.look(waiting: 300, at: at(15)) == .goesOn)
        #expect(pace.look(waiting: 300, at: at(59)) == .goesOn)
        #expect(pace.look(waiting: 300, at: at(60)) == .stuck)
    }

    @Test func `it is looked at four times in a limit, and when the limit is over`() {
        var pace = AnswerPaceMachine(.seconds(60), waiting: 100, at: at(0))
        var looks: [NIODeadline] = []
        while looks.count < 10 {
            looks.append(pace.deadline)
            if pace.look(waiting: 100, at: pace.deadline) == .stuck { break }
        }
        #expect(looks == [at(15), at(30), at(45), at(60)])
        // A limit that is too short to be parted is looked at once.
        #expect(AnswerPaceMachine(.nanoseconds(1), waiting: 1, at: at(0)).deadline == at(0) + .nanoseconds(1))
    }

    // MARK: In the gateway

    private static let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    private static let chunk = "5\r\nhello\r\n"

    /// A client whose answer has begun.
    private func relaying(
        _ configure: (inout GatewayConfiguration) -> Void = { _ in },
        request: String = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    ) throws -> (LoopGateway, client: LoopGateway.Connection, service: LoopGateway.Connection) {
        let gateway = try LoopGateway(configure)
        let client = try gateway.connect()
        client.send(request)
        let service = try #require(gateway.services.first)
        service.send(Self.head + Self.chunk)
        return (gateway, client, service)
    }

    @Test func `a client that takes its answer now and then gets all of it`() throws {
        let (gateway, client, service) = try relaying()
        defer { gateway.end() }
        for _ in 0..<20 {
            client.takes(false)
            gateway.advance(by: .seconds(50))
            client.takes(true)
            service.send(Self.chunk)
        }
        service.send("0\r\n\r\n")
        #expect(client.isOpen && client.received.hasSuffix("\r\n0\r\n\r\n"))
        #expect(client.received.ranges(of: "hello").count == 21)
    }

    @Test func `a client that takes nothing is cut when its own limit is over, and the service is not blamed`() throws {
        let (gateway, client, service) = try relaying()
        defer { gateway.end() }
        client.takes(false)
        service.send(Self.chunk)
        gateway.advance(by: .seconds(59))
        #expect(client.isOpen)
        gateway.advance(by: .seconds(16))
        #expect(!client.isOpen && !service.isOpen)
        #expect(gateway.endpoint.breaker.snapshot().evidence.count == 0)
        #expect(gateway.endpoint.failed.load(ordering: .relaxed) == 0)
    }

    @Test func `time in which the client takes nothing is no silence of the service`() throws {
        let (gateway, client, service) = try relaying { $0.routes[0].streamTimeout = .seconds(20) }
        defer { gateway.end() }
        gateway.advance(by: .seconds(15))
        client.takes(false)
        gateway.advance(by: .seconds(50))
        client.takes(true)
        gateway.advance(by: .seconds(19))
        #expect(client.isOpen)
        service.send(Self.chunk)
        gateway.advance(by: .seconds(19))
        #expect(client.isOpen)
        gateway.advance(by: .seconds(1))
        #expect(!client.isOpen)
    }

    /// What is left of an answer whose service has done its part goes out at the same pace, whatever becomes of the
    /// connection afterwards.
    @Test(arguments: [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", true),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false),
        // The answer comes before the request's end.
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc", false),
    ])
    func `the rest of an answer is the client's to take slowly`(request: String, isKept: Bool) throws {
        let (gateway, client, service) = try relaying({ $0.idleTimeout = .seconds(1) }, request: request)
        defer { gateway.end() }
        client.takes(false)
        service.send("0\r\n\r\n")
        gateway.advance(by: .seconds(30))
        #expect(client.isOpen)
        client.takes(true)
        #expect(client.received.hasSuffix("hello\r\n0\r\n\r\n"))
        gateway.advance(by: .seconds(75))
        #expect(!client.isOpen)
    }

    @Test func `the rest of an answer that nobody takes is given up`() throws {
        let (gateway, client, service) = try relaying()
        defer { gateway.end() }
        client.takes(false)
        service.send("0\r\n\r\n")
        gateway.advance(by: .seconds(59))
        #expect(client.isOpen)
        gateway.advance(by: .seconds(76))
        #expect(!client.isOpen)
    }
}
#endif
