#if Gateway
import Holdfast
import HoldfastGateway
import HoldfastHTTP
import NIOHTTP1
import TestSupport
import Testing

/// What becomes of a key by what the service has answered.
@Suite struct OutcomeTests {
    private static func answering(_ status: Int, _ fields: HTTPHeaders = [:], _ size: Int = 4) async throws
        -> TestService
    {
        try await TestService.start { _, number in
            number == 1
                ? .answer(HTTPResponseStatus(statusCode: status), fields, [UInt8](repeating: 1, count: size))
                : .ok("again")
        }
    }

    @Test(arguments: [502, 503, 504, 520, 524, 529])
    func `what says that somebody got no answer is told as it is, and then nobody knows`(status: Int) async throws {
        let service = try await Self.answering(status)
        try await withGateway(to: service) { gateway in
            let first = try await gateway.post(key: "k")
            #expect(first.status == status && first.problem == nil)
            let repeated = try await gateway.post(key: "k")
            #expect(repeated.status == 409 && repeated.problem == "outcome-unknown")
            #expect(service.requests.count == 1)
        }
    }

    @Test func `where the service recognises keys, a repeat after a bare 503 is sent again`() async throws {
        let service = try await Self.answering(503)
        try await withGateway(
            to: service,
            configure: { configuration in
                configuration.routes[0].idempotency.unknown = .rerun
                configuration.routes[0].retry.attempts = 1
            }
        ) { gateway in
            try await expectEqual(gateway.post(key: "k").status, 503)
            try await expectEqual(gateway.post(key: "k").text, "again")
            try await expectEqual(gateway.post(key: "k").isReplay, true)
            #expect(service.requests.count == 2)
        }
    }

    @Test(arguments: [500, 501, 404, 409]) func `what the service says of the work is kept`(status: Int) async throws {
        let service = try await Self.answering(status)
        try await withGateway(to: service) { gateway in
            _ = try await gateway.post(key: "k")
            let repeated = try await gateway.post(key: "k")
            #expect(repeated.status == status && repeated.isReplay)
        }
    }

    @Test(arguments: [421, 426, 428, 429, 511]) func `what was not acted upon is free`(status: Int) async throws {
        let service = try await Self.answering(status)
        try await withGateway(to: service) { gateway in
            try await expectEqual(gateway.post(key: "k").status, status)
            try await expectEqual(gateway.post(key: "k").text, "again")
        }
    }

    @Test func `a route keeps and releases what it names`() async throws {
        let service = try await TestService.start { request, number in
            .answer(HTTPResponseStatus(statusCode: Int(request.uri.dropFirst()) ?? 0), [:], [UInt8(number)])
        }
        try await withGateway(
            to: service,
            configure: { configuration in
                configuration.routes[0].idempotency.keptStatuses = [502]
                configuration.routes[0].idempotency.releasedStatuses = [500, 504]
                configuration.services[0].breaker.trip = .consecutiveFailures(100)
            }
        ) { gateway in
            for (status, isReplay) in [(502, true), (500, false), (504, false)] {
                _ = try await gateway.post("/\(status)", key: "k")
                let repeated = try await gateway.post("/\(status)", key: "k")
                #expect(repeated.status == status && repeated.isReplay == isReplay, "\(status)")
            }
        }
    }

    /// What the key is worth does not depend on the length of the answer.
    @Test(arguments: [(429, "again"), (502, "outcome-unknown"), (201, "response-not-kept")])
    func `an answer that is too large to keep does with the key what a small one does`(
        status: Int, expected: String
    ) async throws {
        let service = try await Self.answering(status, [:], 5_000)
        try await withGateway(to: service, configure: { $0.routes[0].keptBytes = 1_000 }) { gateway in
            let first = try await gateway.post(key: "k")
            #expect(first.status == status && first.body.count == 5_000)
            let repeated = try await gateway.post(key: "k")
            #expect((repeated.problem ?? repeated.text) == expected)
        }
    }

    /// A client of Iceberg takes a 409 for a commit that has failed, and deletes the files of it.
    @Test func `an Iceberg client is told that nobody knows, and not that the commit has failed`() async throws {
        let service = try await TestService.start { _, _ in .reset }
        try await withGateway(to: service, configure: { $0.routes[0].idempotency.profile = .iceberg }) { gateway in
            let key = "018f4e3a-7b1c-7c3d-9e2f-0123456789ab"
            try await expectEqual(gateway.post(key: key).status, 502)
            let repeated = try await gateway.post(key: key)
            #expect(repeated.status == 504 && repeated.problem == "outcome-unknown")
            #expect(repeated.text.contains(#""status":504"#))
        }
        for kind in [Problem.Kind.keyInFlight, .outcomeUnknown, .responseNotKept] {
            #expect(OutcomeProfile.iceberg.status(of: kind) == 504 && OutcomeProfile.ietf.status(of: kind) == 409)
        }
        #expect(OutcomeProfile.iceberg.status(of: .keyReused) == 422)
    }
}
#endif
