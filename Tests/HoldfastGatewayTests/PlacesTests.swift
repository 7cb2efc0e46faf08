#if Gateway
import Holdfast
import HoldfastIdempotency
import Testing

@testable import HoldfastGateway

/// What one client may keep from others: connections to a service, and a route's places.
@Suite struct PlacesTests {
    private static let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    private static func post(_ length: Int, _ body: Int, fields: String = "") -> String {
        "POST / HTTP/1.1\r\nHost: a\r\n\(fields)Content-Length: \(length)\r\n\r\n" + String(repeating: "x", count: body)
    }

    /// Clients, each with an address of its own, that send this and nothing more.
    @discardableResult
    private func clients(
        _ count: Int, _ text: (Int) -> String, to gateway: LoopGateway
    ) throws -> [LoopGateway.Connection] {
        try (0..<count).map { number in
            let client = try gateway.connect(from: "203.0.113.\(number)")
            client.send(text(number))
            return client
        }
    }

    /// Clients that are told apart from each other and from 192.0.2.1.
    private func others(_ count: Int, _ text: String, to gateway: LoopGateway) throws -> [LoopGateway.Connection] {
        try LoopGateway.others(count).map { address in
            let client = try gateway.connect(from: address)
            client.send(text)
            return client
        }
    }

    /// Has the latest connection to the service answer, and says what a client got.
    private func answered(_ client: LoopGateway.Connection, _ gateway: LoopGateway) throws -> String {
        try #require(gateway.services.last).send(Self.ok)
        return client.received
    }

    private func isEmpty(_ gateway: LoopGateway) -> Bool {
        let endpoint = gateway.endpoint
        let route = gateway.plan.routes[0]
        return endpoint.inUse.taken == 0 && endpoint.uploads.taken == 0 && (route.uploads?.places.taken ?? 0) == 0
            && route.bulkhead.map { $0.snapshot().inFlight == 0 } ?? true
            && route.adaptiveLimit.map { $0.snapshot().inFlight == 0 } ?? true
    }

    // MARK: Bodies that are still to come

    @Test func `slow uploads hold half of the connections to a service and no more`() throws {
        let gateway = try LoopGateway { $0.services[0].connections = 8 }
        try clients(100, { _ in Self.post(5_000_000, 10) }, to: gateway)
        #expect(gateway.services.count == 4)
        let other = try gateway.connect(from: "198.51.100.1")
        other.send(Self.get)
        #expect(gateway.services.count == 5)
        #expect(try answered(other, gateway).hasSuffix("ok"))
        gateway.end()
        #expect(isEmpty(gateway))
    }

    @Test func `beyond that a body is gathered, and takes a connection when it has come`() throws {
        let gateway = try LoopGateway { $0.services[0].connections = 8 }
        defer { gateway.end() }
        try clients(4, { _ in Self.post(5_000_000, 10) }, to: gateway)
        let whole = try gateway.connect(from: "198.51.100.1")
        whole.send(Self.post(5, 5))
        #expect(gateway.services.count == 5)
        #expect(gateway.services[4].received.hasSuffix("\r\n\r\nxxxxx"))
        #expect(try answered(whole, gateway).hasSuffix("ok"))
        let parts = try gateway.connect(from: "198.51.100.2")
        parts.send(Self.post(15, 5))
        // The connection of the one before has become free.
        for _ in 0..<2 {
            #expect(!gateway.services[4].received.hasSuffix("xxxxx\(String(repeating: "x", count: 10))"))
            gateway.advance(by: .seconds(9))
            parts.send("xxxxx")
        }
        #expect(gateway.services.last?.received.hasSuffix("\r\n\r\n\(String(repeating: "x", count: 15))") == true)
        #expect(try answered(parts, gateway).ranges(of: "200 OK").count == 1)
    }

    @Test func `one that is too large to be gathered is told to come again`() throws {
        let gateway = try LoopGateway { $0.services[0].connections = 8 }
        defer { gateway.end() }
        let slow = try clients(4, { _ in Self.post(5_000_000, 10) }, to: gateway)
        let large = try gateway.connect(from: "198.51.100.1")
        large.send(Self.post(3_000_000, 1_000_000))
        #expect(large.received.isEmpty)
        large.send([UInt8](repeating: 7, count: 100_000))
        #expect(large.received.hasPrefix("HTTP/1.1 503 ") && large.received.contains("limit-reached"))
        #expect(large.received.lowercased().contains("retry-after: 1"))
        slow[0].close()
        let again = try gateway.connect(from: "198.51.100.1")
        again.send(Self.post(3_000_000, 1_000_000))
        #expect(gateway.services.count == 5)
    }

    @Test func `one whose place becomes free while it is gathered goes on`() throws {
        let gateway = try LoopGateway { $0.services[0].connections = 8 }
        defer { gateway.end() }
        let slow = try clients(4, { _ in Self.post(5_000_000, 10) }, to: gateway)
        let large = try gateway.connect(from: "198.51.100.1")
        large.send(Self.post(3_000_000, 1_000_000))
        slow[0].close()
        large.send([UInt8](repeating: 0x78, count: 100_000))
        #expect(gateway.services.count == 5)
        large.send([UInt8](repeating: 0x78, count: 1_900_000))
        let sent = try #require(gateway.services.last).received
        #expect((3_000_000..<3_001_000).contains(sent.utf8.count) && sent.hasSuffix("xxx"))
        #expect(try answered(large, gateway).hasSuffix("ok"))
    }

    @Test func `of the last places for bodies a caller gets none that has most of them`() throws {
        let gateway = try LoopGateway { $0.services[0].connections = 64 }
        defer { gateway.end() }
        for _ in 0..<100 { try gateway.connect().send(Self.post(5_000_000, 10)) }
        #expect(gateway.services.count == 28)
        _ = try others(10, Self.post(5_000_000, 10), to: gateway)
        #expect(gateway.services.count == 32)
    }

    // MARK: A route's places

    @Test func `a body that is gathered for its key holds no place of the route`() throws {
        let store = HeldStore()
        store.hold { _ in true }
        let gateway = try LoopGateway(store: store) { $0.routes[0].concurrency = 2 }
        defer { gateway.end() }
        let slow = try clients(20, { Self.post(10, 5, fields: "Idempotency-Key: k\($0)\r\n") }, to: gateway)
        #expect(gateway.plan.routes[0].bulkhead?.snapshot().inFlight == 0)
        // When it has come, it needs one.
        for client in slow { client.send("xxxxx") }
        #expect(gateway.plan.routes[0].bulkhead?.snapshot().inFlight == 2)
        #expect(slow.filter { $0.received.contains("limit-reached") }.count == 18)
        let beside = try gateway.connect()
        beside.send(Self.post(10, 5, fields: "Idempotency-Key: k\r\n"))
        #expect(beside.received.contains("limit-reached"), "it is told before its body has come")
    }

    @Test(arguments: [true, false])
    func `bodies that stream hold half of a route's places and no more`(isAdaptive: Bool) throws {
        let gateway = try LoopGateway {
            if isAdaptive {
                $0.routes[0].adaptiveLimit = AdaptiveLimitConfiguration()
            } else {
                $0.routes[0].concurrency = 20
            }
        }
        try clients(100, { _ in Self.post(5_000_000, 10) }, to: gateway)
        #expect(gateway.services.count == 10)
        let others = try others(10, Self.get, to: gateway)
        #expect(gateway.services.count == 20)
        for service in gateway.services.dropFirst(10) { service.send(Self.ok) }
        #expect(others.allSatisfy { $0.received.hasSuffix("ok") })
        gateway.end()
        #expect(isEmpty(gateway))
    }

    // MARK: All connections

    @Test(arguments: [
        get, "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n",
    ])
    func `of the last connections a caller gets none that has most of them, whatever it does there`(
        request: String
    ) throws {
        let gateway = try LoopGateway {
            $0.services[0].connections = 64
            $0.routes[0].retry.attempts = 1
        }
        var greedy: [LoopGateway.Connection] = []
        for _ in 0..<100 {
            let client = try gateway.connect()
            client.send(request)
            if request.contains("websocket") { gateway.services.last?.send(WebSocketService.agreed) }
            greedy.append(client)
        }
        #expect(gateway.services.count == 56)
        #expect(greedy.last?.received.contains("limit-reached") == true)
        let others = try others(8, Self.get, to: gateway)
        #expect(gateway.services.count == 64)
        for service in gateway.services.suffix(8) { service.send(Self.ok) }
        #expect(others.allSatisfy { $0.received.hasSuffix("ok") })
        gateway.end()
        #expect(isEmpty(gateway))
    }

    @Test(arguments: [
        // capacity, taken and own with the new one
        (1, 1, 1, true), (2, 2, 2, true), (7, 7, 7, true), (8, 7, 7, true), (8, 8, 8, false), (8, 8, 4, true),
        (64, 56, 56, true), (64, 57, 57, false), (64, 57, 29, false), (64, 57, 28, true), (64, 64, 32, true),
    ])
    func `what leaves others some`(capacity: Int, taken: Int, own: Int, isLeft: Bool) {
        #expect(CallerShares.leavesOthers(own: own, of: taken, capacity: capacity) == isLeft)
    }

    // MARK: The end

    /// Whatever becomes of an upload, its places come back.
    @Test(arguments: [
        "client leaves", "service closes", "silence", "too slow", "too large", "early answer", "answer", "unreadable",
        "unreachable", "reset and retry",
    ])
    func `places come back however a request ends`(way: String) throws {
        let gateway = try LoopGateway {
            $0.routes[0].concurrency = 10
            $0.routes[0].adaptiveLimit = AdaptiveLimitConfiguration()
            $0.routes[0].bodyLimit = 1_000
        }
        gateway.isReachable = way != "unreachable"
        let client = try gateway.connect()
        client.send(
            "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        #expect(gateway.services.count == (way == "unreachable" ? 0 : 1))
        switch way {
        case "client leaves": client.close()
        case "service closes":
            // It is tried again, and holds its place until its client has had enough.
            gateway.services[0].close()
            client.close()
        case "silence": gateway.advance(by: .seconds(11))
        case "too slow":
            for _ in 0..<6 {
                gateway.advance(by: .seconds(9))
                client.send("1\r\nx\r\n")
            }
        case "too large": client.send("400\r\n" + String(repeating: "x", count: 1_024) + "\r\n")
        case "early answer":
            gateway.services[0].send(Self.ok)
        case "answer":
            client.send("0\r\n\r\n")
            gateway.services[0].send(Self.ok)
        case "unreadable": client.send("nonsense\r\n")
        case "reset and retry":
            gateway.services[0].close()
            gateway.advance(by: .seconds(2))
            client.send("0\r\n\r\n")
            #expect(gateway.services.count > 1)
            gateway.services.last?.send(Self.ok)
        default: break
        }
        gateway.advance(by: .seconds(5))
        #expect(isEmpty(gateway), "\(way)")
        gateway.end()
        #expect(isEmpty(gateway), "\(way)")
    }
}
#endif
