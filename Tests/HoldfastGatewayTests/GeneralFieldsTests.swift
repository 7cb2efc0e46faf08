#if Gateway
import Foundation
import HoldfastHTTP
import NIOCore
import NIOHPACK
import NIOHTTP1
import TestSupport
import Testing

@testable import HoldfastGateway

/// What RFC 9110 rules of every message that an intermediary passes on, or makes.
@Suite(.timeLimit(.minutes(1))) struct GeneralFieldsTests {
    // MARK: Date (section 6.6.1)

    // RFC9110-6.6.1-1, RFC9110-6.6.1-2, RFC9110-6.6.1-4, RFC9110-5.6.7-2, RFC9110-5.6.7-3
    @Test(arguments: ["HTTP/1.1", "HTTP/2"])
    func `every answer has one date: the service's, or that of its arrival`(version: String) async throws {
        let own = "Fri, 31 Dec 1999 23:59:59 GMT"
        let service = try await TestService.start { request, _ in
            switch request.uri {
            case "/dated": .answer(.ok, ["Date": own], [])
            case "/hidden": .answer(.ok, ["Date": own, "Connection": "date"], [])
            case "/failing": .status(.internalServerError)
            default: .ok()
            }
        }
        let configure = { (configuration: inout GatewayConfiguration) in
            var limited = RouteConfiguration(name: "limited", service: "service")
            limited.match.path = (try? PathPattern("/limited")) ?? .any
            limited.rateLimit = .init(requests: 1)
            limited.rateLimit?.per = .seconds(3_600)
            configuration.routes.insert(limited, at: 0)
        }
        try await withGateway(to: service, configure: configure) { gateway in
            func dates(_ method: HTTPMethod, _ uri: String, _ more: HTTPHeaders = [:]) async throws -> [String] {
                guard version == "HTTP/2" else {
                    return try await TestClient.send(method, uri, to: gateway.port, headers: more).headers["date"]
                }
                let client = try await HTTP2Client.connect(to: gateway.port)
                let answer = try await client.send(
                    "\(method)", uri, more.map { ($0.name.lowercased(), $0.value) })
                await client.close()
                return answer.fields["date"]
            }
            try await expectEqual(dates(.GET, "/dated"), [own])
            try await expectEqual(dates(.GET, "/hidden"), [own])
            var written: [[String]] = []
            for uri in ["/", "/failing", "/limited", "/limited"] { written.append(try await dates(.GET, uri)) }
            // An outcome and its replay, a refusal, and an answer in the gateway's own name.
            for _ in 0..<2 { written.append(try await dates(.POST, "/", ["idempotency-key": "k"])) }
            written.append(try await dates(.POST, "/", ["idempotency-key": "a b"]))
            written.append(try await dates(.OPTIONS, "/", ["max-forwards": "0"]))
            for dates in written {
                #expect(dates.count == 1)
                #expect(dates.allSatisfy { $0.hasSuffix(" GMT") && $0.utf8.count == 29 && $0 != own }, "\(dates)")
            }
        }
    }

    @Test func `the date of a loop is written once a second`() {
        var date = LoopDate()
        let start = NIODeadline.uptimeNanoseconds(5_000_000_000)
        var looks = 0
        func text(_ milliseconds: Int64, _ seconds: time_t, _ nanoseconds: Int64) -> String {
            date.text(at: start + .milliseconds(milliseconds)) {
                looks += 1
                return (seconds, nanoseconds)
            }
        }
        #expect(text(0, 946_684_799, 750_000_000) == "Fri, 31 Dec 1999 23:59:59 GMT")
        #expect(text(249, 0, 0) == "Fri, 31 Dec 1999 23:59:59 GMT")
        #expect(looks == 1)
        #expect(text(250, 946_684_800, 0) == "Sat, 01 Jan 2000 00:00:00 GMT")
        #expect(text(1_249, 0, 0) == "Sat, 01 Jan 2000 00:00:00 GMT")
        #expect(text(1_250, 946_684_801, 0) == "Sat, 01 Jan 2000 00:00:01 GMT")
        #expect(looks == 3)
    }

    // MARK: Max-Forwards (section 7.6.2)

    @Test(arguments: [
        ("0", MaxForwards.ends), ("00", .ends), ("1", .passes(0)), ("012", .passes(11)), ("10", .passes(9)),
        ("256", .passes(255)), ("999", .passes(255)), ("123456789012345678901", .passes(255)), ("", .malformed),
        ("-1", .malformed), ("+1", .malformed), ("1.0", .malformed), ("1, 2", .malformed), ("٣", .malformed),
    ])
    func `how often a request may be forwarded is counted down`(value: String, expected: MaxForwards) {
        #expect(MaxForwards(value, isOnly: true) == expected)
        #expect(MaxForwards(value, isOnly: false) == .malformed)
    }

    // RFC9110-7.6.2-1, RFC9110-7.6.2-2, RFC9110-7.6.2-3
    @Test func `a TRACE and an OPTIONS are counted, and nothing else`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service) { gateway in
            func status(_ method: HTTPMethod, _ times: String) async throws -> Int {
                try await TestClient.send(method, "/", to: gateway.port, headers: ["max-forwards": times]).status
            }
            for (method, times, expected, passed) in [
                (HTTPMethod.OPTIONS, "1", 200, "0"), (.TRACE, "7", 200, "6"), (.OPTIONS, "0", 204, nil),
                (.TRACE, "0", 501, nil), (.OPTIONS, "x", 400, nil), (.TRACE, "x", 400, nil), (.GET, "0", 200, "0"),
                (.GET, "x", 200, "x"), (.DELETE, "7", 200, "7"),
            ] as [(HTTPMethod, String, Int, String?)] {
                let before = service.requests.count
                try await expectEqual(status(method, times), expected, "\(method) \(times)")
                let seen = service.requests.dropFirst(before).map { $0.headers["max-forwards"] }
                #expect(seen == (passed.map { [[$0]] } ?? []), "\(method) \(times)")
            }
            let twice = try await TestClient.raw(
                "OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 1\r\nMax-Forwards: 1\r\nConnection: close\r\n\r\n",
                to: gateway.port)
            #expect(twice.hasPrefix("HTTP/1.1 400 "))
        }
    }

    // MARK: Via (section 7.6.3)

    @Test func `a service is told who has passed a request on, unless it is not to be`() async throws {
        for (via, expected) in [(true, ["1.0 fred, 1.1 p.example, 1.1 holdfast"]), (false, [])] {
            let service = try await TestService.start { _, _ in .answer(.ok, ["via": "1.1 inner"], []) }
            try await withGateway(to: service, configure: { $0.services[0].via = via }) { gateway in
                let answer = try await TestClient.send(
                    .GET, "/", to: gateway.port, headers: HTTPHeaders([("via", "1.0 fred"), ("Via", "1.1 p.example")]))
                #expect(service.requests.first?.headers["via"] == expected)
                // A gateway need not add itself to an answer, and takes nobody away.
                #expect(answer.headers["via"] == ["1.1 inner"])
            }
        }
    }

    // MARK: Fields of one connection (section 7.6.1)

    @Test(arguments: [
        "keep-alive", "proxy-connection", "proxy-authorization", "proxy-authentication-info", "proxy", "te", "trailer",
        "upgrade", "http2-settings", "expect",
    ])
    func `a field of the client's connection does not reach the service`(name: String) async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service) { gateway in
            let text = try await TestClient.raw(
                "GET / HTTP/1.1\r\nHost: a\r\n\(name): x\r\nX-Kept: 1\r\nConnection: close\r\n\r\n", to: gateway.port)
            #expect(text.hasPrefix("HTTP/1.1 200 "))
            let seen = try #require(service.requests.first).headers
            #expect(seen[name].isEmpty && seen["x-kept"] == ["1"])
            #expect(name == "expect" || HopByHop.stays(name, named: []) == (name != "proxy"))
        }
    }

    // RFC9110-6.5.1-2
    @Test func `trailers are dropped in both directions, and their announcement with them`() async throws {
        let service = try await WebSocketService.start(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n")
        let unused = try await TestService.start { _, _ in .ok() }
        let change = { (configuration: inout GatewayConfiguration) in
            configuration.services[0].endpoints = [.init(address: .init(host: "127.0.0.1", port: service.port))]
        }
        try await withGateway(to: unused, configure: change) { gateway in
            let text = try await TestClient.raw(
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: x-mine\r\nConnection: close\r\n\r\n"
                    + "2\r\nok\r\n0\r\nX-Mine: 1\r\n\r\n", to: gateway.port)
            #expect(text.hasSuffix("\r\n\r\n2\r\nok\r\n0\r\n\r\n"), "\(text)")
            #expect(!text.lowercased().contains("trailer"))
            #expect(service.heads.allSatisfy { !$0.lowercased().contains("x-mine") })
        }
        await service.stop()
    }

    @Test func `an expectation other than 100 continue is ignored`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service) { gateway in
            for expectation in ["200-ok", "100-continue, x"] {
                let text = try await TestClient.raw(
                    "POST / HTTP/1.1\r\nHost: a\r\nExpect: \(expectation)\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
                    to: gateway.port)
                #expect(text.hasPrefix("HTTP/1.1 200 "))
            }
        }
    }

    @Test func `a reason phrase is the status's own`() async throws {
        for (line, expected) in [("200 Everything is fine", "200 OK"), ("404", "404 Not Found")] {
            let service = try await WebSocketService.start("HTTP/1.1 \(line)\r\nContent-Length: 0\r\n\r\n")
            let unused = try await TestService.start { _, _ in .ok() }
            let change = { (configuration: inout GatewayConfiguration) in
                configuration.services[0].endpoints = [.init(address: .init(host: "127.0.0.1", port: service.port))]
            }
            try await withGateway(to: unused, configure: change) { gateway in
                let text = try await TestClient.raw(
                    "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", to: gateway.port)
                #expect(text.hasPrefix("HTTP/1.1 \(expected)\r\n"), "\(text)")
            }
            await service.stop()
        }
    }
}
#endif
