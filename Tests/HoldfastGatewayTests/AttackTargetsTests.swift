#if Gateway
import Foundation
import Holdfast
import HoldfastGateway
import NIOCore
import NIOHPACK
import NIOHTTP1
import NIOHTTP2
import TestSupport
import Testing

/// `/charges` has a route of its own, in front of one for everything. The targets of `Verification/attack/targets.txt` are
/// others' ways to spell it, with the services that were seen to take them for it.
@Suite struct AttackTargetsTests {
    private struct Target {
        let bytes: [UInt8]
        let line: String
        /// What the gateway makes of it: `charges`, `refused`, or `other`, which is another resource to everybody.
        let verdict: String

        /// RFC 9113, section 8.3.1: over HTTP/2 there is no whole URI.
        var verdictOverHTTP2: String {
            let isWhole = line.lowercased().hasPrefix("http")
            return isWhole ? "refused" : verdict
        }
    }

    private static func targets() throws -> [Target] {
        let file = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../Verification/attack/targets.txt")
        let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
        return lines.filter { !$0.hasPrefix("# ") }.map { line in
            let parts = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            return Target(bytes: bytes(parts[0]), line: parts[0], verdict: parts[1])
        }
    }

    /// `<D8>` stands for a byte.
    private static func bytes(_ text: String) -> [UInt8] {
        var (bytes, rest) = ([UInt8](), text[...])
        while let first = rest.first {
            if let match = rest.prefixMatch(of: /<([0-9A-F]{2})>/), let byte = UInt8(match.1, radix: 16) {
                bytes.append(byte)
                rest = rest[match.range.upperBound...]
            } else {
                bytes += Array(String(first).utf8)
                rest.removeFirst()
            }
        }
        return bytes
    }

    /// Both services answer with their names; the first is the route's.
    private func withCharges(
        _ configure: @escaping (inout GatewayConfiguration) throws -> Void = { _ in },
        _ body: (RunningGateway, TestService) async throws -> Void
    ) async throws {
        let charges = try await TestService.start { _, _ in .ok("charges") }
        let other = try await TestService.start { _, _ in .ok("other") }
        let path = try PathPattern("/charges")
        try await withGateway(
            to: charges, other,
            configure: { configuration in
                let endpoints = configuration.services[0].endpoints
                configuration.services = zip(["charges", "other"], endpoints).map { name, endpoint in
                    ServiceConfiguration(name: name, endpoints: [endpoint])
                }
                configuration.routes = ["charges", "other"].map { RouteConfiguration(name: $0, service: $0) }
                configuration.routes[0].match.path = path
                configuration.routes[0].bodyLimit = 16
                try? configure(&configuration)
            }
        ) { try await body($0, charges) }
    }

    /// A connection for each: many end one.
    private func send(_ target: [UInt8], _ fields: String, _ body: String, to gateway: RunningGateway) async throws
        -> String
    {
        let head =
            " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: \(body.utf8.count)\r\n\(fields)\r\n\(body)"
        let answer = try await TestClient.raw(Array("POST ".utf8) + target + Array(head.utf8), to: gateway.port)
        return String(decoding: answer, as: UTF8.self)
    }

    private func verdict(_ answer: String) -> String {
        let isCharges = answer.hasSuffix("charges") || answer.hasPrefix("HTTP/1.1 413")
        if isCharges { return "charges" }
        return answer.hasSuffix("other") ? "other" : answer.hasPrefix("HTTP/1.1 400") ? "refused" : answer
    }

    @Test func `no spelling of a path leads around its route, over HTTP 1`() async throws {
        try await withCharges { gateway, charges in
            for target in try Self.targets() {
                // Beyond the route's limit, so that nothing of it reaches the service.
                let answer = try await send(target.bytes, "", String(repeating: "x", count: 17), to: gateway)
                #expect(verdict(answer) == target.verdict, "\(target.line)")
            }
            #expect(charges.requests.isEmpty)
        }
    }

    @Test func `no spelling of a path leads around its route, over HTTP 2`() async throws {
        try await withCharges { gateway, charges in
            let client = try await HTTP2Client.connect(to: gateway.port)
            for target in try Self.targets() {
                // Other bytes cannot be given to this client.
                guard let path = String(validating: target.bytes, as: UTF8.self) else { continue }
                let answer = try await client.send(
                    "POST", path, [("content-length", "17")], body: [Array(repeating: 1, count: 17)])
                let verdict =
                    switch answer.status {
                    case 413?: "charges"
                    case 200?: answer.text
                    case 400?: "refused"
                    default: answer.reset == .protocolError ? "refused" : "\(answer)"
                    }
                #expect(verdict == target.verdictOverHTTP2, "\(target.line)")
            }
            #expect(charges.requests.isEmpty)
            await client.close()
        }
    }

    @Test func `one key runs once, however its path is spelled`() async throws {
        try await withCharges { gateway, charges in
            for target in try Self.targets() {
                let answer = try await send(target.bytes, "Idempotency-Key: k\r\n", "amount=1", to: gateway)
                #expect(charges.requests.count == 1, "\(target.line): \(answer)")
            }
        }
    }

    /// Where no route tells paths apart, every spelling reaches the service, but one key does not run twice.
    @Test func `one key runs once where all paths have one route`() async throws {
        let service = try await TestService.start { _, _ in .ok("charges") }
        try await withGateway(to: service) { gateway in
            for target in try Self.targets() where target.verdict != "other" {
                _ = try await send(target.bytes, "Idempotency-Key: k\r\n", "amount=1", to: gateway)
                #expect(service.requests.count == 1, "\(target.line)")
            }
            let charged = try await send(Array("/%63harges".utf8), "Idempotency-Key: k\r\n", "amount=1", to: gateway)
            #expect(charged.contains("idempotent-replayed: true"))
            let other = try await send(Array("/charges/".utf8), "Idempotency-Key: k\r\n", "amount=1", to: gateway)
            #expect(other.contains("urn:holdfast:problem:key-reused"))
        }
    }

    @Test func `a service that tells paths apart byte by byte gets them as they are`() async throws {
        try await withCharges({ configuration in
            for number in configuration.services.indices { configuration.services[number].exactPaths = true }
        }) { gateway, _ in
            for path in [
                "/Charges", "//charges", "/charges/", "/charges;a", "/%2Fcharges", "/charges%3F", "/charges;a%2Fb",
            ] {
                let answer = try await send(Array(path.utf8), "Idempotency-Key: \(path)\r\n", "amount=1", to: gateway)
                #expect(verdict(answer) == "other", "\(path)")
            }
            for path in ["/x/../charges", "/%2e/charges", "/charges#a", "/charges\\"] {
                try await expectEqual(verdict(send(Array(path.utf8), "", "amount=1", to: gateway)), "refused")
            }
        }
    }

    @Test func `a refusal names both routes and the spelling`() async throws {
        try await withCharges { gateway, _ in
            let answer = try await send(Array("/x/../Charges".utf8), "", "", to: gateway)
            #expect(answer.contains("resolve them first"))
            let cased = try await send(Array("/Charges/".utf8), "", "", to: gateway)
            #expect(
                cased.contains(
                    "belongs to route 'other' as it is spelled, and to route 'charges' as some services read it"))
            #expect(cased.contains("spell it /charges"))
        }
    }
}
#endif
