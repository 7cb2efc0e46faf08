#if Gateway
import HoldfastGateway
import NIOHTTP1
import TestSupport
import Testing

@testable import struct HoldfastGateway.CallerFields
@testable import enum HoldfastGateway.StrippedSpace

/// One value that decides is one, whatever white space a service strips from it.
@Suite struct StrippedSpaceTests {
    /// As a client sends them.
    private static let spaces: [[UInt8]] = [
        [0xA0], [0x85], [0xC2, 0xA0], [0xC2, 0x85], [0xE3, 0x80, 0x80], [0xEF, 0xBB, 0xBF], [0xE2, 0x80, 0x8B],
        [0xE2, 0x80, 0xA8], [0xE1, 0x9A, 0x80], [0xE2, 0x80, 0xAF], [0xE2, 0x81, 0xA0], [0xA0, 0x85, 0xA0],
    ]

    private static var surrounded: [[UInt8]] {
        let name = Array("ada".utf8)
        return spaces.flatMap { [$0 + name, name + $0, $0 + name + $0, $0] }
    }

    @Test func `white space that services strip is found at both ends of a value`() {
        for bytes in Self.surrounded { #expect(StrippedSpace.surrounds(String(fieldBytes: bytes)), "\(bytes)") }
        for value in [
            "", "ada", "voil\u{E0}", "\u{445}", "\u{420}\u{420}", "a\u{A0}b", "a\u{85}b", "J\u{F6}rg", "\u{C5}",
        ] {
            #expect(!StrippedSpace.surrounds(value), "\(value)")
        }
        // Letters of ISO 8859-1 and of Windows' code pages, and bytes that are nothing.
        for byte in UInt8(0x80)...0xFF where byte != 0x85 && byte != 0xA0 {
            #expect(!StrippedSpace.surrounds(String(fieldBytes: Array("ad".utf8) + [byte])), "\(byte)")
        }
    }

    private static func post(_ name: String, _ value: [UInt8]) -> [UInt8] {
        Array(
            "POST /charges HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nConnection: close\r\nIdempotency-Key: k\r\n\(name): "
                .utf8) + value + Array("\r\n\r\nx".utf8)
    }

    @Test(arguments: ["x-user", "x-tenant", "x-tier"])
    func `no field by which something is decided is another because of it`(name: String) async throws {
        let service = try await TestService.start { _, number in .ok("\(number)") }
        let deciding = { (configuration: inout GatewayConfiguration) in
            configuration.routes[0].caller = .fields(["x-user"])
            configuration.routes[0].idempotency.scopeFields = ["x-tenant"]
            var gold = configuration.routes[0]
            (gold.name, gold.match.fields) = ("gold", ["x-tier": "ada"])
            configuration.routes.insert(gold, at: 0)
        }
        try await withGateway(to: service, configure: deciding) { gateway in
            func status(_ value: [UInt8]) async throws -> String {
                let answer = try await TestClient.raw(Self.post(name, value), to: gateway.port)
                return String(decoding: answer.prefix(12), as: UTF8.self)
            }
            try await expectEqual(status(Array("ada".utf8)), "HTTP/1.1 200")
            for value in Self.surrounded { try await expectEqual(status(value), "HTTP/1.1 400", "\(value)") }
            try await expectEqual(status(Array("voil\u{E0}".utf8)), "HTTP/1.1 200")
            #expect(service.requests.count == 2 || name == "x-tier")
            #expect(service.requests.count <= 2)
        }
    }

    @Test func `what is not decided by passes as it is`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service) { gateway in
            let answer = try await TestClient.send(.POST, "/", to: gateway.port, headers: ["x-user": "ada\u{A0}"])
            #expect(answer.status == 200 && service.requests.first?.headers["x-user"] == ["ada\u{A0}"])
        }
    }
}
#endif
