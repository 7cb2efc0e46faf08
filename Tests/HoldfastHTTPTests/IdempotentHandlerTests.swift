import HTTPTypes
import Holdfast
import HoldfastHTTP
import HoldfastIdempotency
import HoldfastTesting
import Synchronization
import TestSupport
import Testing

/// An error as server frameworks have them, which they turn into a response.
private struct StatusError: Error { let status: Int }
private struct Torn: Error {}
private struct Refused: ClassifiedError { let failureClass = FailureClass.notSent() }

/// What a middleware does with an idempotent handler, from the request to the replay.
@Suite final class IdempotentHandlerTests: Sendable {
    private let clock = ManualClock()
    private let runs = Mutex(0)

    private func handler(_ profile: OutcomeProfile = .ietf) throws -> IdempotentHandler {
        try IdempotentHandler(
            engine: IdempotencyEngine(store: MemoryStore(clock: clock), clock: clock), profile: profile)
    }

    private func request(
        _ key: String? = #""k""#, _ body: String = "{}", method: HTTPRequest.Method = .post, caller: String = "acme",
        adding more: [(String, String)] = []
    ) -> KeyedRequest {
        var head = HTTPRequest(method: method, scheme: "https", authority: "api.example.com", path: "/charges")
        head.headerFields[.contentType] = "application/json"
        let fields = more + (key.map { [("Idempotency-Key", $0)] } ?? [])
        for (name, value) in fields {
            HTTPField.Name(name).map { head.headerFields.append(.init(name: $0, value: value)) }
        }
        return KeyedRequest(
            head, body: Array(body.utf8), scope: Scope(caller: caller, operation: "POST /charges"),
            fingerprinting: ["prefer"])
    }

    private func ask(
        _ handler: IdempotentHandler, _ request: KeyedRequest,
        answering answer: (any Error) async throws -> ServiceResponse? = { error in
            (error as? StatusError).map { ServiceResponse(status: $0.status, body: Array("told".utf8)) }
        },
        _ work: (Execution?) async throws -> ServiceResponse
    ) async throws -> ServiceResponse {
        try await handler.respond(to: request, answering: answer) { execution in
            runs.withLock { $0 += 1 }
            return try await work(execution)
        }
    }

    private var count: Int { runs.withLock { $0 } }

    private let created = ServiceResponse(
        status: 201,
        fields: [
            .init(name: "Location", value: "/charges/1"), .init(name: "Set-Cookie", value: "s=1"),
            .init(name: "X-Ours", value: "1"), .init(name: "Retry-After", value: "5"),
        ], body: Array("charge".utf8))

    @Test func `the first caller gets the whole response, and a repeat what may be replayed of it`() async throws {
        let handler = try handler()
        let (first, again) = (
            try await ask(handler, request()) { _ in created }, try await ask(handler, request()) { _ in created }
        )
        #expect(first == created)
        #expect(again.status == 201 && again.body == created.body)
        #expect(again.fields.map(\.name) == ["Location", "idempotent-replayed"])
        #expect(count == 1)
    }

    @Test func `a quoted key and a bare one are one, and two callers' are two`() async throws {
        let handler = try handler()
        for key in [#""k""#, "k", #""k";v=1"#] { _ = try await ask(handler, request(key)) { _ in created } }
        #expect(count == 1)
        _ = try await ask(handler, request(caller: "globex")) { _ in created }
        #expect(count == 2)
    }

    @Test func `a request without a key, or of another method, goes to the handler as it is`() async throws {
        let handler = try handler()
        for request in [request(nil), request(method: .get), request("", method: .put)] {
            let response = try await ask(handler, request) { execution in
                #expect(execution == nil)
                return created
            }
            #expect(response == created)
        }
        #expect(count == 3)
        await #expect(throws: StatusError.self) {
            _ = try await ask(handler, request(nil)) { _ in throw StatusError(status: 404) }
        }
    }

    @Test(
        arguments: [
            (nil, "key-missing", 400), ("", "key-invalid", 400), (#""\x""#, "key-invalid", 400),
            ("a b", "key-invalid", 400),
        ] as [(String?, String, Int)])
    func `a key that is none is a problem, and nothing is executed`(
        key: String?, type: String, status: Int
    ) async throws {
        var handler = try handler()
        handler.isKeyRequired = true
        let response = try await ask(handler, request(key)) { _ in created }
        #expect(response.status == status && response.values(of: "Content-Type") == ["application/problem+json"])
        #expect(String(decoding: response.body, as: UTF8.self).contains("urn:holdfast:problem:\(type)"))
        #expect(count == 0)
    }

    @Test func `two keys in one request are a problem`() async throws {
        let response = try await ask(try handler(), request("k", adding: [("Idempotency-Key", "k")])) { _ in created }
        #expect(response.status == 400 && count == 0)
    }

    @Test func `another request under the key is a 422, and learns nothing`() async throws {
        let handler = try handler()
        _ = try await ask(handler, request()) { _ in created }
        for other in [request("k", "{1}"), request("k", adding: [("Prefer", "x")])] {
            let response = try await ask(handler, other) { _ in created }
            #expect(response.status == 422 && response.values(of: "location").isEmpty)
        }
        #expect(count == 1)
    }

    /// What a profile makes of a response, returned or thrown: whether it is replayed, executed again, or unknown.
    private enum Fate { case replayed, again, unknown }

    @Test(arguments: [false, true])
    func `an error that the framework answers is a response as any other`(isThrown: Bool) async throws {
        let fates: [(OutcomeProfile, Int, Fate)] = [
            (.ietf, 404, .replayed), (.ietf, 409, .replayed), (.ietf, 422, .replayed), (.ietf, 500, .replayed),
            (.ietf, 401, .again), (.ietf, 413, .again), (.ietf, 429, .again), (.ietf, 503, .unknown),
            (.ietf, 504, .unknown), (.stripe, 400, .again), (.stripe, 422, .again), (.stripe, 500, .replayed),
            (.successOnly, 404, .again), (.successOnly, 500, .again), (.successOnly, 201, .replayed),
            (.successOnly, 502, .unknown),
        ]
        for (profile, status, fate) in fates {
            let handler = try handler(profile)
            let before = count
            func asked() async throws -> ServiceResponse {
                try await ask(handler, request()) { _ in
                    if isThrown { throw StatusError(status: status) }
                    return ServiceResponse(status: status, body: Array("told".utf8))
                }
            }
            let first = try await asked()
            #expect(first.status == status && first.body == Array("told".utf8))
            let again = try await asked()
            switch fate {
            case .replayed:
                #expect(again.status == status && again.values(of: "idempotent-replayed") == ["true"])
                #expect(count == before + 1, "\(profile.name) \(status)")
            case .again:
                #expect(again == first && count == before + 2, "\(profile.name) \(status)")
            case .unknown:
                #expect(again.status == 409 && count == before + 1, "\(profile.name) \(status)")
                #expect(String(decoding: again.body, as: UTF8.self).contains("outcome-unknown"))
            }
        }
    }

    @Test(arguments: [(nil, Fate.unknown), ("30", .again)])
    private func `a 503 leaves the key free only with the field that says that nothing was done`(
        retryAfter: String?, fate: Fate
    ) async throws {
        let handler = try handler()
        for round in 0..<2 {
            let fields = retryAfter.map { [RecordedResponse.Field(name: "retry-AFTER", value: $0)] } ?? []
            let response = try await ask(handler, request()) { _ in ServiceResponse(status: 503, fields: fields) }
            #expect(response.status == (round == 0 || fate == .again ? 503 : 409))
        }
        #expect(count == (fate == .again ? 2 : 1))
    }

    @Test func `an error that nobody answers is thrown on, and leaves the key unknown`() async throws {
        let handler = try handler()
        await #expect(throws: Torn.self) { _ = try await ask(handler, request()) { _ in throw Torn() } }
        let again = try await ask(handler, request()) { _ in created }
        #expect(again.status == 409 && count == 1)
    }

    @Test func `an error that proves that nothing was done is thrown on, and leaves the key free`() async throws {
        let handler = try handler()
        await #expect(throws: Refused.self) {
            _ = try await ask(handler, request(), answering: { _ in ServiceResponse(status: 500) }) { _ in
                throw Refused()
            }
        }
        try await expectEqual(ask(handler, request()) { _ in created }.status, 201)
    }

    @Test func `a cancelled handler leaves the key unknown, whatever the framework makes of it`() async throws {
        for error in [CancellationError(), StatusError(status: 500)] as [any Error] {
            let handler = try handler()
            let answered = Task {
                try await ask(handler, request()) { _ in
                    withUnsafeCurrentTask { $0?.cancel() }
                    throw error
                }
            }
            await #expect(throws: (any Error).self) { _ = try await answered.value }
            try await expectEqual(ask(handler, request()) { _ in created }.status, 409)
        }
    }

    @Test func `what the handler has decided counts, also when its caller is gone`() async throws {
        let handler = try handler()
        let answered = Task {
            try await ask(handler, request()) { _ in
                withUnsafeCurrentTask { $0?.cancel() }
                throw StatusError(status: 404)
            }
        }
        try await expectEqual(answered.value.status, 404)
        try await expectEqual(ask(handler, request()) { _ in created }.status, 404)
    }

    @Test func `after a step has acted, a refusal does not leave the key free`() async throws {
        let handler = try handler(.stripe)
        for expected in [422, 409] {
            let response = try await ask(handler, request()) { execution in
                _ = try await execution?.step("charge") { _ in 1 }
                throw StatusError(status: 422)
            }
            #expect(response.status == expected)
        }
        #expect(count == 1)
    }

    @Test func `an error of an engine of the handler's own is the handler's`() async throws {
        let handler = try handler()
        await #expect(throws: IdempotencyError.self) {
            _ = try await ask(handler, request()) { _ in throw IdempotencyError.mismatched }
        }
    }

    @Test func `a duplicate waits for the first, and conflicts when it has waited long enough`() async throws {
        var handler = try handler()
        handler.policy.wait = .zero
        let waiting = handler
        let (begun, beginning) = AsyncStream.makeStream(of: Void.self)
        let (ended, end) = AsyncStream.makeStream(of: Void.self)
        let first = Task {
            try await ask(waiting, request()) { _ in
                beginning.finish()
                for await _ in ended {}
                return created
            }
        }
        for await _ in begun {}
        let conflict = try await ask(handler, request()) { _ in created }
        #expect(conflict.status == 409 && conflict.values(of: "retry-after") == ["1"])
        end.finish()
        try await expectEqual(first.value.status, 201)
        try await expectEqual(ask(handler, request()) { _ in created }.status, 201)
        #expect(count == 1)
    }

    @Test func `a profile's clients get the status that they understand`() async throws {
        var handler = try handler(.iceberg)
        handler.policy.wait = .zero
        let key = "019414a8-2c86-7b3c-9b5a-1d2e3f405162"
        await #expect(throws: Torn.self) { _ = try await ask(handler, request(key)) { _ in throw Torn() } }
        try await expectEqual(ask(handler, request(key)) { _ in created }.status, 504)
        try await expectEqual(ask(handler, request("k")) { _ in created }.status, 400)
    }

    @Test func `a status that is none is told once, and is not kept`() async throws {
        let handler = try handler()
        try await expectEqual(ask(handler, request()) { _ in ServiceResponse(status: 99) }.status, 99)
        let again = try await ask(handler, request()) { _ in created }
        #expect(again.status == 409 && count == 1)
        #expect(ServiceResponse(status: 99).head.status.code == 500)
        #expect(ServiceResponse(status: 1_000).head.status.code == 500)
    }

    @Test func `the gateway replays what is recorded here, and the other way round`() throws {
        let coding = OutcomeCoding<ServiceResponse>.response(adding: ["x-ours"])
        let recorded = try #require(RecordedResponse(encoded: coding.encode(created), adding: ["x-ours"]))
        #expect(recorded.fields.map(\.name) == ["Location", "X-Ours"])
        #expect(try coding.decode(recorded.encoded) == ServiceResponse(recorded))
        #expect(throws: (any Error).self) { try coding.decode([9]) }
    }

    @Test func `a response is the same to and from the types of swift-http-types`() {
        var head = HTTPResponse(status: .init(code: 207, reasonPhrase: "Multi"))
        head.headerFields[values: .setCookie] = ["a=1", "b=2"]
        let response = ServiceResponse(head, body: [1])
        #expect(response.values(of: "SET-cookie") == ["a=1", "b=2"])
        #expect(response.head.headerFields == head.headerFields && response.head.status.code == 207)
        #expect(ServiceResponse(status: 200, fields: [.init(name: "no name", value: "x")]).head.headerFields.isEmpty)
    }
}
