#if Gateway
import Foundation
import HoldfastGateway
import NIOHTTP1
import TestSupport
import Testing

/// HTTP/1.1 to the letter, as ``Documentation/Conformance/RFC9112.txt`` has it: what is sent to services, and what comes
/// back.
@Suite struct RFC9112AnswerTests {
    private static let ok = "HTTP/1.1 200 OK\r\n"

    private func ask(
        _ gateway: RunningGateway, _ method: String = "GET", version: String = "1.1", _ more: String = ""
    ) async throws -> String {
        try await TestClient.raw(
            "\(method) / HTTP/\(version)\r\nHost: a\r\n\(more)Connection: close\r\n\r\n", to: gateway.port)
    }

    @Test func `what a service gets is one request of the strictest form`() async throws {
        try await withBytesService { gateway, service in
            service.answer("\(Self.ok)Content-Length: 0\r\n\r\n")
            _ = try await TestClient.raw(
                "POST http://b.example:81?c=d HTTP/1.1\r\nHost:a\r\nX:\t 1\r\nTE: trailers, chunked\r\n"
                    + "Connection: close, te\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
                to: gateway.port)
            let lines = service.received.components(separatedBy: "\r\n")
            // RFC9112-2.2-7, RFC9112-3.2.1-2: the request line, and the first field right behind it.
            #expect(lines[0] == "POST /?c=d HTTP/1.1")
            let head = lines.dropFirst().prefix { !$0.isEmpty }
            // RFC9110-2.2-1, RFC9112-2.2-2, RFC9112-5.2-1: no bare CR, nothing folded, each field on its line.
            for line in head {
                #expect(line.firstMatch(of: /^[A-Za-z0-9-]+: [!-~]([\t -~]*[!-~])?$/) != nil, "\(line)")
            }
            // RFC9112-3.2-3, RFC9112-3.2-4: one Host, which is the target's.
            #expect(head.filter { $0.hasPrefix("host:") } == ["host: b.example:81"])
            // RFC9112-6.1-2, RFC9112-6.2-1: chunked once, and no length beside it. RFC9112-7.4-1: not named in TE.
            #expect(head.filter { $0.hasPrefix("transfer-encoding:") } == ["transfer-encoding: chunked"])
            #expect(!head.contains { $0.hasPrefix("content-length:") })
            #expect(!head.contains { $0.hasPrefix("te:") && $0.contains("chunked") })
            // RFC9112-6.1-8, RFC9112-6.3-12: services are configured as ones of HTTP/1.1, which read chunks.
            #expect(service.received.hasSuffix("\r\n\r\n3\r\nabc\r\n0\r\n\r\n"))
        }
    }

    @Test func `a body whose length is known goes on with it`() async throws {
        try await withBytesService { gateway, service in
            service.answer("\(Self.ok)Content-Length: 0\r\n\r\n")
            // RFC9112-6.3-10, RFC9112-2.3-2, RFC9110-6.2-1, RFC9110-6.2-2
            _ = try await TestClient.raw(
                "POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", to: gateway.port)
            #expect(service.received.hasPrefix("POST / HTTP/1.1\r\n"))
            #expect(service.received.lowercased().contains("\r\ncontent-length: 3\r\n"))
            #expect(service.received.hasSuffix("\r\n\r\nabc"))
        }
    }

    /// Each becomes a 502, and none of it reaches the client.
    private static let unreadable = [
        // RFC9112-2.2-3: a CR alone. RFC9112-2.2-8: white space in front of the first field.
        "\(ok)X: secret\r2\r\nContent-Length: 0\r\n\r\n", "\(ok) X: secret\r\nContent-Length: 0\r\n\r\n",
        // RFC9112-6.3-6: no length.
        "\(ok)Content-Length: x\r\n\r\nsecret", "\(ok)Content-Length: -1\r\n\r\nsecret",
        "\(ok)Content-Length: 6, 7\r\n\r\nsecret", "\(ok)Content-Length: 6\r\nContent-Length: 7\r\n\r\nsecret",
        "\(ok)Content-Length: 18446744073709551616\r\n\r\nsecret",
        // RFC9112-6.3-2: two lengths.
        "\(ok)Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nsecret\r\n0\r\n\r\n",
        // No reader of the codings in front of chunked is here.
        "\(ok)Transfer-Encoding: gzip, chunked\r\n\r\n6\r\nsecret\r\n0\r\n\r\n",
    ]

    @Test func `an answer that breaks the rules becomes 502 and takes its connection along`() async throws {
        try await withBytesService { gateway, service in
            for answer in Self.unreadable {
                service.answer(answer, then: .open)
                let text = try await ask(gateway)
                #expect(text.hasPrefix("HTTP/1.1 502 "), "\(answer.debugDescription): \(text.prefix(80))")
                #expect(!text.contains("secret"), "\(answer.debugDescription)")
            }
            // A new connection each time.
            #expect(service.connections.ever == Self.unreadable.count)
        }
    }

    @Test func `an answer goes on in the strictest form`() async throws {
        try await withBytesService { gateway, service in
            // RFC9112-5.1-2: without white space in front of the colon. RFC9112-5.2-3: on one line.
            service.answer("\(Self.ok)X \t: 1\r\nY: 2\r\n \t 3\r\n\t4 \r\nContent-Length: 0\r\n\r\n")
            let lines = try await ask(gateway).lowercased().components(separatedBy: "\r\n")
            #expect(lines.contains("x: 1") && lines.contains("y: 2 3 4"), "\(lines)")
            // RFC9112-4-1, RFC9112-4-2: without a reason phrase, the space in front of it stands all the same.
            service.answer("HTTP/1.1 299\r\nContent-Length: 0\r\n\r\n")
            try await #expect(ask(gateway).contains(/^HTTP\/1\.1 299 .*\r\n/))
            service.answer("HTTP/1.1 500 OK\r\nContent-Length: 0\r\n\r\n")
            try await #expect(ask(gateway).hasPrefix("HTTP/1.1 500 "))
            // RFC9112-6.3-9: where only the connection's end told the end, chunks tell it.
            service.answer("\(Self.ok)\r\nwhole")
            try await #expect(ask(gateway).hasSuffix("\r\n\r\n5\r\nwhole\r\n0\r\n\r\n"))
            try await #expect(ask(gateway, version: "1.0").hasSuffix("\r\n\r\nwhole"))
        }
    }

    @Test func `a status without a body goes out without a coding`() async throws {
        try await withBytesService { gateway, service in
            // RFC9112-6.1-5
            for status in ["204 No Content", "304 Not Modified"] {
                service.answer("HTTP/1.1 \(status)\r\nTransfer-Encoding: chunked\r\n\r\n")
                let text = try await ask(gateway).lowercased()
                #expect(!text.contains("transfer-encoding") && text.hasSuffix("\r\n\r\n"), "\(text)")
            }
            service.answer(
                "HTTP/1.1 103 Early\r\nTransfer-Encoding: chunked\r\n\r\n\(Self.ok)Content-Length: 0\r\n\r\n")
            let text = try await ask(gateway).lowercased()
            #expect(text.hasPrefix("http/1.1 103 ") && !text.contains("transfer-encoding"), "\(text)")
        }
    }

    @Test func `a service that says close is asked on a new connection`() async throws {
        try await withBytesService { gateway, service in
            // RFC9112-9.6-8, though the service itself leaves it open. RFC9112-9.3-1: without the word, it serves on.
            for (field, connections) in [("", 1), ("", 1), ("Connection: close\r\n", 1), ("", 2), ("", 2)] {
                service.answer("\(Self.ok)\(field)Content-Length: 2\r\n\r\nok", then: .open)
                try await #expect(ask(gateway).hasPrefix("HTTP/1.1 200 "))
                #expect(service.connections.ever == connections)
            }
        }
    }

    @Test func `a message of HTTP 1 0 with chunks is the last of its connection`() async throws {
        try await withBytesService { gateway, service in
            // RFC9112-6.1-11
            service.answer(
                "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
                then: .open)
            for count in 1...2 {
                _ = try await ask(gateway)
                #expect(service.connections.ever == count)
            }
        }
    }

    @Test func `an early answer ends an upload`() async throws {
        try await withBytesService { gateway, service in
            // RFC9112-9.5-4, RFC9112-9.5-5: the service answers the head, and leaves.
            service.answer("HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno")
            let text = try await TestClient.raw(
                "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nabc", to: gateway.port)
            #expect(text.hasPrefix("HTTP/1.1 403 ") && text.hasSuffix("no"))
            #expect(text.contains("\r\nconnection: close\r\n"))
        }
    }

    @Test func `an answer that breaks off breaks off for the client`() async throws {
        try await withBytesService { gateway, service in
            // RFC9112-6.3-8, RFC9112-8-1: less than its length, and no last chunk.
            for answer in ["Content-Length: 9\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"] {
                service.answer("\(Self.ok)\(answer)")
                let text = try await ask(gateway)
                #expect(!text.hasSuffix("0\r\n\r\n"), "\(text)")
                #expect(!text.contains("content-length: 3"), "\(text)")
                // And is no key's outcome.
                let key = "Idempotency-Key: \(answer.count)\r\nContent-Length: 0\r\n"
                for _ in 0..<2 { try await #expect(!ask(gateway, "POST", key).hasPrefix("HTTP/1.1 200 ")) }
            }
        }
    }
}
#endif
