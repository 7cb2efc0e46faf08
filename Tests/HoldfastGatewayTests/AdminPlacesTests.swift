#if Gateway
import Holdfast
import NIOCore
import NIOEmbedded
import NIOHTTP1
import NIOHTTPTypesHTTP1
import TestSupport
import Testing

@testable import HoldfastGateway

/// Who has a connection to the control plane, and for how long: before any token was asked for.
@Suite struct AdminPlacesTests {
    /// Something that a number belongs to.
    private final class One {}

    private func client(_ number: Int) throws -> ClientConnections.Client? {
        IPAddress(try SocketAddress(ipAddress: "10.0.0.\(number)", port: 1)).map { ClientConnections.Client($0) }
    }

    @Test func `one client's strangers push out each other, and nobody else`() throws {
        var places = AdminPlaces()
        let (operating, flood) = (One(), (0..<1_000).map { _ in One() })
        expectEqual(places.arrived(ObjectIdentifier(operating), from: try client(1)), nil)
        for (place, one) in flood.enumerated() {
            let leaves = places.arrived(ObjectIdentifier(one), from: try client(2))
            let expected = place < AdminPlaces.strangersOfOne ? nil : flood[place - AdminPlaces.strangersOfOne]
            #expect(leaves == expected.map { ObjectIdentifier($0) })
        }
        #expect(places.count == 1 + AdminPlaces.strangersOfOne)
        expectEqual(places.showed(ObjectIdentifier(operating)), true)
    }

    @Test func `strangers of any number have their places, and the one who waits longest goes`() throws {
        var places = AdminPlaces()
        let flood = (0..<200).map { _ in One() }
        for (place, one) in flood.enumerated() {
            let leaves = places.arrived(ObjectIdentifier(one), from: try client(place))
            let expected = place < AdminPlaces.strangers ? nil : flood[place - AdminPlaces.strangers]
            #expect(leaves == expected.map { ObjectIdentifier($0) })
        }
        #expect(places.count == AdminPlaces.strangers)
        // Who had to leave is not let in again by what it asked before.
        expectEqual(places.showed(ObjectIdentifier(flood[0])), false)
    }

    @Test func `who has shown that they may ask is not pushed out, and they are bounded too`() throws {
        var places = AdminPlaces()
        let known = (0..<AdminPlaces.known).map { _ in One() }
        for one in known {
            _ = places.arrived(ObjectIdentifier(one), from: try client(1))
            // Who asks again keeps the place.
            for _ in 0..<2 { expectEqual(places.showed(ObjectIdentifier(one)), true) }
        }
        let flood = (0..<200).map { _ in One() }
        for (place, one) in flood.enumerated() {
            let leaves = places.arrived(ObjectIdentifier(one), from: try client(place))
            #expect(!known.contains { ObjectIdentifier($0) == leaves })
        }
        #expect(places.count == AdminPlaces.bound)
        expectEqual(places.showed(ObjectIdentifier(flood[199])), false)
        places.ended(ObjectIdentifier(known[0]))
        places.ended(ObjectIdentifier(known[0]))
        expectEqual(places.showed(ObjectIdentifier(flood[199])), true)
        for one in known + flood { places.ended(ObjectIdentifier(one)) }
        #expect(places.count == 0)
    }

    @Test func `each part of a request has its time, and none by coming slowly`() {
        var times = AdminTimes()
        #expect(times.limit == .within(AdminTimes.head))
        expectEqual(times.took(.head), .within(AdminTimes.request))
        expectEqual(times.took(.body(1)), nil)
        expectEqual(times.took(.end), AdminTimes.Limit.none)
        expectEqual(times.took(.writable(false)), .within(AdminTimes.stalled))
        expectEqual(times.took(.writable(true)), AdminTimes.Limit.none)
        expectEqual(times.took(.answered), .within(AdminTimes.idle))
        // Answered before it was sent: its time goes on.
        expectEqual(times.took(.head), .within(AdminTimes.request))
        expectEqual(times.took(.answered), nil)
        expectEqual(times.took(.end), .within(AdminTimes.idle))
        // One behind the other.
        for event in [AdminTimes.Event.head, .end, .head] { _ = times.took(event) }
        expectEqual(times.took(.answered), nil)
        expectEqual(times.took(.end), AdminTimes.Limit.none)
        expectEqual(times.took(.answered), .within(AdminTimes.idle))
    }

    @Test(arguments: [[], [.head], [.head, .end], [.head, .end, .answered]] as [[AdminTimes.Event]])
    func `who has left does not keep a place, wherever a request was, and gains no time`(before: [AdminTimes.Event]) {
        var times = AdminTimes()
        for event in before { _ = times.took(event) }
        expectEqual(times.took(.left), .within(AdminTimes.left))
        for event in [AdminTimes.Event.writable(false), .writable(true), .answered] {
            expectEqual(times.took(event), nil)
        }
    }

    @Test func `a body has a bound, each its own`() {
        var times = AdminTimes()
        for _ in 0..<3 {
            _ = times.took(.head)
            expectEqual(times.took(.body(AdminTimes.body)), nil)
            _ = times.took(.end)
        }
        _ = times.took(.head)
        expectEqual(times.took(.body(AdminTimes.body)), nil)
        expectEqual(times.took(.body(1)), .over)
    }

    /// A connection without a network, and the loop whose time it goes by.
    private func connect() throws -> (EmbeddedChannel, AdminConnections) {
        let connections = AdminConnections()
        let channel = EmbeddedChannel()
        try channel.pipeline.syncOperations.configureHTTPServerPipeline(withErrorHandling: false)
        try channel.pipeline.syncOperations.addHandler(HTTP1ToHTTPServerCodec(secure: false))
        try channel.pipeline.syncOperations.addHandler(connections.makeHandler())
        try channel.connect(to: .init(ipAddress: "127.0.0.1", port: 1)).wait()
        return (channel, connections)
    }

    @Test func `a connection that says nothing, or never to the end, is closed`() throws {
        for (words, limit) in [
            ("", AdminTimes.head), ("GET / HTTP/1.1\r\nHost: a\r\nX: ", AdminTimes.head),
            ("POST /api/login HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{", AdminTimes.request),
        ] {
            let (channel, connections) = try connect()
            #expect(connections.count == 1)
            if !words.isEmpty { try channel.writeInbound(ByteBuffer(string: words)) }
            // A byte each second gains no time.
            for _ in 0..<(limit.nanoseconds / 1_000_000_000 - 1) {
                channel.embeddedEventLoop.advanceTime(by: .seconds(1))
                if !words.isEmpty { try channel.writeInbound(ByteBuffer(string: "a")) }
            }
            #expect(channel.isActive, "\(words)")
            channel.embeddedEventLoop.advanceTime(by: .seconds(1))
            #expect(!channel.isActive, "\(words)")
            #expect(connections.count == 0)
        }
    }

    @Test func `a body without an end is closed at its bound`() throws {
        let (channel, connections) = try connect()
        try channel.writeInbound(
            ByteBuffer(string: "POST /api/state HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"))
        let piece = ByteBuffer(string: "10000\r\n" + String(repeating: "a", count: 65_536) + "\r\n")
        var pieces = 0
        while channel.isActive, pieces < 1_000 {
            // The parser says that a body has ended too early when it is closed.
            _ = try? channel.writeInbound(piece)
            pieces += 1
        }
        #expect(pieces == AdminTimes.body / 65_536 + 1)
        channel.embeddedEventLoop.run()
        #expect(connections.count == 0)
    }

    @Test func `when many tokens were wrong the next wait, and none is locked out`() {
        var throttle = TokenThrottle()
        var now = MonotonicInstant(nanoseconds: 0)
        for _ in 0..<20 {
            #expect(throttle.pause(at: now) == nil)
            throttle.wasWrong(at: now)
        }
        for _ in 0..<1_000 {
            #expect(throttle.pause(at: now) == TokenThrottle.pause)
            throttle.wasWrong(at: now)
        }
        // However many there were, the last second is what counts.
        now = now.advanced(by: .seconds(1))
        #expect(throttle.pause(at: now) == nil)
        throttle.wasWrong(at: now)
        #expect(throttle.pause(at: now) == TokenThrottle.pause)
        now = now.advanced(by: .seconds(100))
        for _ in 0..<20 {
            #expect(throttle.pause(at: now) == nil)
            throttle.wasWrong(at: now)
        }
        #expect(throttle.pause(at: now) == TokenThrottle.pause)
    }
}
#endif
