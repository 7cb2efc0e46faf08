#if Gateway
import Foundation
import Holdfast
import HoldfastGateway
import HoldfastHTTP
import HoldfastIdempotency
import NIOHTTP1
import TestSupport
import Testing

/// What a repeat gets on the wire, whatever was recorded, and by whom.
@Suite struct ReplayTests {
    /// A store in which every key was executed, with this for an outcome.
    private struct OneOutcome: ClaimStore {
        let inner = MemoryStore()
        let payload: [UInt8]

        func apply(_ batch: [ClaimCommand]) async throws -> [ClaimReply] {
            batch.map { _ in .completed(payload: payload) }
        }
        func secret() async throws -> StoreSecret { try await inner.secret() }
        func reap(atMost count: Int) async throws -> Int { 0 }
        func summary(of id: RecordID) async throws -> ClaimSummary? { nil }
        func summaries(after cursor: String?, atMost count: Int) async throws -> ClaimPage {
            try await inner.summaries(after: cursor, atMost: count)
        }
    }

    /// A record as a version that looked at nothing has written it.
    private static func old(_ status: UInt32, _ type: String, _ body: String) -> [UInt8] {
        func number(_ number: UInt32) -> [UInt8] { withUnsafeBytes(of: number.littleEndian) { Array($0) } }
        func counted(_ text: String) -> [UInt8] { number(UInt32(text.utf8.count)) + Array(text.utf8) }
        return [1] + number(status) + number(1) + counted("content-type") + counted(type) + counted(body)
    }

    /// All that comes back on a connection, of two requests with a key.
    private func raw(_ payload: [UInt8], _ method: String = "POST") async throws -> String {
        let service = try await TestService.start { _, _ in .ok("service") }
        var received = ""
        try await withGateway(to: service, store: OneOutcome(payload: payload)) { gateway in
            let keyed = "\(method) /charges HTTP/1.1\r\nHost: a\r\nIdempotency-Key: k\r\nContent-Length: 0\r\n\r\n"
            let last = "GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
            received = try await TestClient.raw(keyed + last, to: gateway.port)
        }
        return received
    }

    /// The heads and bodies of two answers; nil if there are not just two.
    private func answers(_ text: String) -> (first: String, rest: String)? {
        guard let end = text.range(of: "\r\n\r\n") else { return nil }
        return (String(text[..<end.lowerBound]).lowercased(), String(text[end.upperBound...]))
    }

    @Test(arguments: [UInt32(204), 205, 304])
    func `nothing follows the head of a status that has no content, and no length is made up`(status: UInt32)
        async throws
    {
        let received = try await raw(Self.old(status, "text/plain", "HTTP/1.1 200 OK\r\nX-Forged: 1\r\n\r\n"))
        let (head, rest) = try #require(answers(received))
        #expect(head.hasPrefix("http/1.1 \(status) ") && head.contains("idempotent-replayed: true"))
        #expect(!received.contains("X-Forged") && !head.contains("content-type"))
        // RFC 9110, section 8.6, and RFC 9112, section 6.3: a 205 is framed, and empty.
        #expect(head.contains("content-length") == (status == 205))
        if status == 205 { #expect(head.contains("content-length: 0")) }
        #expect(rest.hasPrefix("HTTP/1.1 200 OK\r\n"), "\(rest)")
    }

    @Test(arguments: ["text/plain\r\nset-cookie: s=1", "a\nset-cookie: s=1", "a\r\n\r\nHTTP/1.1 200 OK"])
    func `no line is broken by what was recorded`(type: String) async throws {
        let (head, rest) = try #require(answers(try await raw(Self.old(201, type, "ok"))))
        #expect(head.hasPrefix("http/1.1 201 ") && !head.contains("set-cookie") && !head.contains("content-type"))
        #expect(rest.hasPrefix("okHTTP/1.1 200 OK\r\n"), "\(rest)")
    }

    @Test func `a record that cannot be read is not said to be a service that is away`() async throws {
        let service = try await TestService.start { _, _ in .ok("") }
        try await withGateway(to: service, store: OneOutcome(payload: [7, 7])) { gateway in
            let answer = try await gateway.post(key: "k")
            #expect(answer.status == 409 && answer.problem == "response-not-kept")
        }
    }

    @Test func `an answer to a page is replayed so that the page can read it`() async throws {
        let fields: HTTPHeaders = [
            "Access-Control-Allow-Origin": "https://shop.example", "Access-Control-Allow-Credentials": "true",
            "Vary": "Origin", "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'",
            "Content-Digest": "sha-256=:x:", "X-Shop": "7", "X-Other": "8", "Set-Cookie": "s=1",
        ]
        let service = try await TestService.start { _, _ in .answer(.created, fields, [1]) }
        try await withGateway(to: service, configure: { $0.routes[0].idempotency.replayFields = ["x-shop"] }) {
            gateway in
            _ = try await gateway.post(key: "k")
            let repeated = try await gateway.post(key: "k")
            #expect(repeated.isReplay)
            for (name, value) in fields where !["X-Other", "Set-Cookie"].contains(name) {
                #expect(repeated.headers[name] == [value], "\(name)")
            }
            #expect(!repeated.headers.contains(name: "x-other") && !repeated.headers.contains(name: "set-cookie"))
        }
    }

    @Test func `a finding that is replayed as a 204 is replayed without what it said`() async throws {
        let service = try await TestService.start { request, _ in
            request.method == .GET ? .answer(.ok, ["Content-Type": "a/b", "ETag": "7"], [1, 2]) : .reset
        }
        let path = try ProbePath("/by-key/{key}")
        try await withGateway(
            to: service,
            configure: { configuration in
                var probe = RouteConfiguration.Idempotency.Probe(path: path)
                (probe.status, probe.settle) = (204, .zero)
                configuration.routes[0].idempotency.unknown = .probe
                configuration.routes[0].idempotency.probe = probe
            }
        ) { gateway in
            try await expectEqual(gateway.post(key: "k").status, 502)
            let text = try await TestClient.raw(
                "POST /charges HTTP/1.1\r\nHost: 127.0.0.1\r\nIdempotency-Key: k\r\nContent-Length: 8\r\nConnection: close\r\n\r\namount=1",
                to: gateway.port)
            let (head, rest) = try #require(answers(text))
            #expect(
                head.hasPrefix("http/1.1 204 ") && head.contains("etag: 7") && !head.contains("content-"), "\(head)")
            #expect(rest.isEmpty)
        }
    }

    /// RFC 9110, section 9.2.2: whether it may be made again is the method's to say.
    @Test func `a method that a route names has keys, and one that it does not name has none`() async throws {
        let service = try await TestService.start { request, number in .ok("\(request.method) \(number)") }
        try await withGateway(
            to: service, configure: { $0.routes[0].idempotency.methods = ["PUT", "DELETE", "BIND"] }
        ) { gateway in
            func send(_ method: HTTPMethod) async throws -> TestClient.Answer {
                try await TestClient.send(method, "/x", to: gateway.port, headers: ["idempotency-key": "k"])
            }
            for method: HTTPMethod in [.PUT, .DELETE, .BIND] {
                let first = try await send(method)
                let repeated = try await send(method)
                #expect(!first.isReplay && repeated.isReplay && repeated.text == first.text, "\(method)")
            }
            for method: HTTPMethod in [.POST, .PATCH, .GET, .OPTIONS] {
                _ = try await send(method)
                try await expectEqual(send(method).isReplay, false)
            }
        }
    }

    @Test func `a keyed DELETE is still retried, and a keyed POST is not`() async throws {
        let service = try await TestService.start { _, number in number % 2 == 1 ? .status(.badGateway) : .ok("done") }
        try await withGateway(
            to: service, configure: { $0.routes[0].idempotency.methods = ["POST", "DELETE"] }
        ) { gateway in
            let deleted = try await TestClient.send(
                .DELETE, "/x", to: gateway.port, headers: ["idempotency-key": "k"])
            #expect(deleted.text == "done")
            try await expectEqual(gateway.post(key: "k").status, 502)
            #expect(service.requests.map(\.method) == [.DELETE, .DELETE, .POST])
        }
    }
}
#endif
