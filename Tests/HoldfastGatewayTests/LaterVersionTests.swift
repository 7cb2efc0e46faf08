#if Gateway
import HoldfastGateway
import NIOHTTP1
import TestSupport
import Testing

/// What a service of HTTP/1.1 is told of a request that came by another version.
@Suite struct LaterVersionTests {
    // RFC9110-6.2-5
    @Test(arguments: ["1.2", "1.9"]) func `a higher minor version is read as 1.1`(version: String) async throws {
        let service = try await TestService.start { _, _ in .ok("yes") }
        try await withGateway(to: service) { gateway in
            let two =
                "GET / HTTP/\(version)\r\nHost: a\r\n\r\nPOST / HTTP/\(version)\r\nHost: a\r\n"
                + "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n1\r\nx\r\n0\r\n\r\n"
            let text = try await TestClient.raw(two, to: gateway.port)
            #expect(text.split(separator: "HTTP/1.1 200 ").count == 2, "\(text)")
            #expect(service.requests.count == 2)
            let hostless = try await TestClient.raw("GET / HTTP/\(version)\r\n\r\n", to: gateway.port)
            #expect(hostless.hasPrefix("HTTP/1.1 400 "))
        }
    }

    @Test(arguments: ["2.0", "0.9", "1.10", "1.", "11", "1.1.1", "3.1"])
    func `what is no HTTP/1 is refused`(version: String) async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service) { gateway in
            let text = try await TestClient.raw("GET / HTTP/\(version)\r\nHost: a\r\n\r\n", to: gateway.port)
            #expect(text.hasPrefix("HTTP/1.1 400 ") && service.requests.isEmpty, "\(text.prefix(20))")
        }
    }

    // RFC9110-8.6-1, RFC9110-8.6-2
    @Test func `a service is told that a POST has no body, whatever it came by`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service) { gateway in
            let client = try await HTTP2Client.connect(to: gateway.port)
            for method in ["POST", "PUT", "PATCH", "GET", "HEAD", "DELETE", "OPTIONS"] {
                try await expectEqual(client.send(method, "/", []).status, 200)
                _ = try await TestClient.raw(
                    "\(method) / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", to: gateway.port)
                let isSaid = ["POST", "PUT", "PATCH"].contains(method)
                for seen in service.requests.suffix(2).map(\.headers) {
                    #expect(seen["content-length"] == (isSaid ? ["0"] : []), "\(method)")
                    #expect(seen["transfer-encoding"].isEmpty)
                }
            }
            #expect(service.requests.count == 14)
            await client.close()
        }
    }
}
#endif
