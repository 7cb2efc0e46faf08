#if Gateway
import HoldfastGateway
import NIOCore
import NIOHTTP1
import Testing

@testable import HoldfastGateway

/// Whole gateways: the bytes of fields from a client of HTTP/2 to a service and back, and heads that are too large.
@Suite struct HTTP2BytesTests {
    private static func request(
        _ method: UInt8, _ fields: [(String, [UInt8])], stream: UInt32, first: UInt8 = 0
    ) -> [UInt8] {
        var block = ByteBuffer(bytes: [method, 0x86, 0x84, 0x01, 0x01, 0x61])
        for (name, value) in fields {
            let place = block.writerIndex
            block.writeLiteral(name: name.utf8, value: value)
            block.setInteger(first, at: place)
        }
        return HTTP2Frames.frame(1, flags: 5, stream: stream, Array(block.readableBytesView))
    }

    private static let (get, post): (UInt8, UInt8) = (0x82, 0x83)
    /// What ends the connection.
    private static let push = HTTP2Frames.frame(5, flags: 4, stream: 1, [0, 0, 0, 2])

    /// Sends requests on one connection, each when the one before is answered.
    ///
    /// - Returns: The fields of each answer, names and values in turn.
    private func answers(to requests: [[UInt8]], from port: Int) async throws -> [[[UInt8]]] {
        let opening = HTTP2Frames.preface + HTTP2Frames.frame(4, flags: 1, stream: 0) + requests[0]
        let frames = try await HTTP2Frames.exchange(opening, to: port) { frame in
            guard frame.kind == .data || frame.kind == .headers, frame.endsStream else { return [] }
            let next = Int(frame.stream + 1) / 2
            return next < requests.count ? requests[next] : Self.push
        }
        var decoder = FieldDecoder()
        return try frames.filter { $0.kind == .headers }.map { try decoder.fields($0.payload) }
    }

    private func value(_ name: String, _ fields: [[UInt8]]) -> String? {
        stride(from: 0, to: fields.count, by: 2).first { fields[$0] == Array(name.utf8) }
            .map { String(decoding: fields[$0 + 1], as: UTF8.self) }
    }

    @Test func `callers whose names differ in one byte of Latin-1 are two`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        let byUser = { (configuration: inout GatewayConfiguration) in
            configuration.routes[0].caller = .fields(["x-user"])
        }
        try await withGateway(to: service, configure: byUser) { gateway in
            // As literals that enter the table, and the last one by its number.
            let key: (String, [UInt8]) = ("idempotency-key", Array("k".utf8))
            let requests = [0xF6, 0xE4, 0xF6].enumerated().map { place, byte in
                Self.request(
                    Self.post, [key, ("x-user", [0x4A, byte, 0x72, 0x67])], stream: UInt32(place * 2 + 1), first: 0x40)
            }
            let answers = try await answers(to: requests, from: gateway.port)
            #expect(answers.map { value(":status", $0) } == ["200", "200", "200"])
            #expect(answers.map { value("idempotent-replayed", $0) } == [nil, nil, "true"])
            #expect(service.requests.count == 2)
        }
    }

    @Test func `a head that is too large is answered, and its connection goes on`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service) { gateway in
            let long: (String, [UInt8]) = ("x", [UInt8](repeating: 0x61, count: 16_300))
            let answers = try await answers(
                to: [
                    Self.request(Self.get, [long], stream: 1), Self.request(Self.get, [("x", [0x31])], stream: 3),
                ], from: gateway.port)
            #expect(answers.map { value(":status", $0) } == ["431", "200"])
            #expect(value("content-type", answers[0]) == "application/problem+json")
            #expect(service.requests.count == 1)
        }
    }

    @Test func `a head of more than twice the limit ends its connection`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service) { gateway in
            let long: (String, [UInt8]) = ("x", [UInt8](repeating: 0x61, count: 4_000))
            let first = Self.request(Self.get, [long], stream: 1, first: 0x40)
            // The same field nine times, by its number.
            let second = HTTP2Frames.frame(1, flags: 5, stream: 3, HTTP2Frames.get + [UInt8](repeating: 0xBE, count: 9))
            let frames = try await HTTP2Frames.exchange(HTTP2Frames.preface + first + second, to: gateway.port) { _ in
                []
            }
            let farewell = try #require(frames.last { $0.kind == .goAway })
            #expect(farewell.payload.suffix(4) == [0, 0, 0, 11])
        }
    }
}
#endif
