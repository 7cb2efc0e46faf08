#if Gateway
import Holdfast
import HoldfastGateway
import HoldfastHTTP
import HoldfastIdempotency
import HoldfastTesting
import NIOCore
import NIOHTTP1
import NIOPosix
import TestSupport
import Testing

@Suite struct IdempotencyTests {
    private func counting() async throws -> TestService {
        try await TestService.start { _, number in
            .answer(
                .created, ["Content-Type": "text/x", "Set-Cookie": "s=1", "Location": "/c/\(number)"],
                [0, 255, UInt8(number)])
        }
    }

    @Test func `a repeat gets the same status fields and bytes and the service sees one`() async throws {
        let service = try await counting()
        try await withGateway(to: service) { gateway in
            let first = try await gateway.post(key: "k")
            let repeated = try await gateway.post(key: "\"k\"")
            #expect(!first.isReplay && repeated.isReplay)
            #expect(repeated.status == 201)
            #expect(repeated.body == first.body)
            #expect(repeated.headers.first(name: "location") == "/c/1")
            #expect(first.headers.contains(name: "set-cookie"))
            #expect(!repeated.headers.contains(name: "set-cookie"), "a cookie was replayed")
            #expect(service.requests.count == 1)
        }
    }

    @Test func `twenty at the same moment run once and share the answer`() async throws {
        let gate = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: Void.self)
        let service = try await TestService.start { _, _ in .held(gate.futureResult, [42]) }
        try await withGateway(to: service, configure: { $0.threads = 2 }) { gateway in
            try await withThrowingTaskGroup(of: TestClient.Answer.self) { group in
                for _ in 0..<20 { group.addTask { try await gateway.post(key: "same") } }
                await service.requests(1)
                gate.succeed()
                var replays = 0
                for try await answer in group {
                    #expect(answer.status == 200 && answer.body == [42])
                    if answer.isReplay { replays += 1 }
                }
                #expect(replays == 19)
            }
            #expect(service.requests.count == 1)
        }
    }

    @Test func `another body or query under the same key gets 422`() async throws {
        let service = try await counting()
        try await withGateway(to: service) { gateway in
            _ = try await gateway.post(key: "k")
            try await expectEqual(gateway.post(key: "k", "amount=2").problem, "key-reused")
            let query = try await gateway.post("/charges?x=1", key: "k")
            #expect(query.status == 422)
            #expect(service.requests.count == 1)
        }
    }

    @Test func `fields that direct money are part of what is said, or of what a key is unique within`() async throws {
        for isScope in [false, true] {
            let service = try await counting()
            try await withGateway(
                to: service,
                configure: { configuration in
                    if isScope {
                        configuration.routes[0].idempotency.scopeFields = ["stripe-account"]
                    } else {
                        configuration.routes[0].idempotency.fingerprintFields = ["stripe-account"]
                    }
                }
            ) { gateway in
                func post(_ accounts: [String]) async throws -> TestClient.Answer {
                    let headers = HTTPHeaders([("idempotency-key", "k")] + accounts.map { ("Stripe-Account", $0) })
                    return try await TestClient.send(.POST, "/charges", to: gateway.port, headers: headers)
                }
                try await expectEqual(post(["a"]).status, 201)
                try await expectEqual(post(["a"]).isReplay, true)
                for other in [["b"], [], [""], ["a", "b"], ["a", "a"]] {
                    let answer = try await post(other)
                    // Of two, services take the first, the last or both.
                    let isNone = isScope && other.count > 1
                    #expect(answer.status == (isNone ? 400 : isScope ? 201 : 422) && !answer.isReplay, "\(other)")
                }
            }
        }
    }

    @Test func `a form that is sent again has another boundary and is the same request`() async throws {
        let service = try await counting()
        try await withGateway(to: service) { gateway in
            func post(_ boundary: String, _ amount: Int) async throws -> TestClient.Answer {
                let body =
                    "--\(boundary)\r\nContent-Disposition: form-data; name=amount\r\n\r\n\(amount)\r\n--\(boundary)--\r\n"
                return try await TestClient.send(
                    .POST, "/charges", to: gateway.port,
                    headers: ["idempotency-key": "k", "content-type": "multipart/form-data; boundary=\(boundary)"],
                    body: Array(body.utf8))
            }
            try await expectEqual(post("abc", 1).isReplay, false)
            try await expectEqual(post("xyz-123", 1).isReplay, true)
            try await expectEqual(post("abc", 2).problem, "key-reused")
        }
    }

    @Test func `nobody reads another's replay`() async throws {
        let service = try await counting()
        try await withGateway(to: service) { gateway in
            try await expectEqual(gateway.post(key: "k", authorization: "Bearer a").body.last, 1)
            try await expectEqual(gateway.post(key: "k", authorization: "Bearer b").body.last, 2)
            try await expectEqual(gateway.post("/refunds", key: "k", authorization: "Bearer a").body.last, 3)
            try await expectEqual(gateway.post(key: "k", authorization: "Bearer a").body.last, 1)
        }
    }

    @Test func `an attempt that broke is unknown and not run again`() async throws {
        let service = try await TestService.start { _, _ in .reset }
        try await withGateway(to: service) { gateway in
            try await expectEqual(gateway.post(key: "k").status, 502)
            let repeated = try await gateway.post(key: "k")
            #expect(repeated.status == 409)
            #expect(repeated.problem == "outcome-unknown")
            #expect(service.requests.count == 1)
        }
    }

    @Test func `a client that leaves does not tear the record`() async throws {
        let gate = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: Void.self)
        let service = try await TestService.start { _, _ in .held(gate.futureResult, [9]) }
        try await withGateway(to: service) { gateway in
            let leaving = Task { try await gateway.post(key: "k") }
            await service.requests(1)
            leaving.cancel()
            _ = try? await leaving.value
            gate.succeed()
            let repeated = try await gateway.post(key: "k")
            #expect(repeated.body == [9] && repeated.isReplay)
            #expect(service.requests.count == 1)
        }
    }

    @Test func `a duplicate waits no longer than it may, and then leaves its place`() async throws {
        let gate = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: Void.self)
        let service = try await TestService.start { _, _ in .held(gate.futureResult, [9]) }
        try await withGateway(to: service, configure: { $0.routes[0].idempotency.wait = .milliseconds(20) }) {
            gateway in
            async let first = gateway.post(key: "k")
            await service.requests(1)
            // The first request goes on until the duplicate has been answered.
            let duplicate = try await gateway.post(key: "k")
            #expect(duplicate.status == 409 && duplicate.problem == "key-in-flight")
            gate.succeed()
            try await expectEqual(first.body, [9])
            let repeated = try await gateway.post(key: "k")
            #expect(repeated.body == [9] && repeated.isReplay)
            #expect(service.requests.count == 1)
        }
    }

    @Test func `a failure of the service is kept and a decline is not`() async throws {
        let service = try await TestService.start { _, number in
            number == 1 ? .status(.tooManyRequests) : .status(.internalServerError)
        }
        try await withGateway(to: service) { gateway in
            try await expectEqual(gateway.post(key: "k").status, 429)
            try await expectEqual(gateway.post(key: "k").status, 500)
            let repeated = try await gateway.post(key: "k")
            #expect(repeated.status == 500 && repeated.isReplay)
            #expect(service.requests.count == 2)
        }
    }

    @Test func `under success only a failure leaves the key free`() async throws {
        let service = try await TestService.start { _, number in
            number == 1 ? .status(.internalServerError) : .ok("charged")
        }
        try await withGateway(to: service, configure: { $0.routes[0].idempotency.profile = .successOnly }) { gateway in
            try await expectEqual(gateway.post(key: "k").status, 500)
            try await expectEqual(gateway.post(key: "k").isReplay, false)
            try await expectEqual(gateway.post(key: "k").isReplay, true)
            #expect(service.requests.count == 2)
        }
    }

    @Test func `where unknowns are rerun a repeat is sent again`() async throws {
        let service = try await TestService.start { _, number in number == 1 ? .reset : .ok("charged") }
        try await withGateway(to: service, configure: { $0.routes[0].idempotency.unknown = .rerun }) { gateway in
            try await expectEqual(gateway.post(key: "k").status, 502)
            try await expectEqual(gateway.post(key: "k").text, "charged")
            try await expectEqual(gateway.post(key: "k").isReplay, true)
            #expect(service.requests.count == 2)
        }
    }

    @Test func `a key that the rules do not allow is refused and the rule is told`() async throws {
        let service = try await counting()
        try await withGateway(to: service, configure: { $0.routes[0].idempotency.profile = .iceberg }) { gateway in
            let refused = try await gateway.post(key: "order-1")
            #expect(refused.problem == "key-invalid")
            #expect(refused.text.contains("UUID of version 7"))
            try await expectEqual(gateway.post(key: "018f4e3a-7b1c-7c3d-9e2f-0123456789ab").status, 201)
            #expect(service.requests.count == 1)
        }
    }

    @Test func `a caller who has had enough keys gets 429 and another does not`() async throws {
        let service = try await counting()
        try await withGateway(to: service, configure: { $0.keysPerCaller = 1 }) { gateway in
            try await expectEqual(gateway.post(key: "a").status, 201)
            let refused = try await gateway.post(key: "b")
            #expect(refused.status == 429 && refused.problem == "too-many-keys")
            #expect(refused.headers.contains(name: "retry-after"))
            try await expectEqual(gateway.post(key: "b", authorization: "other").status, 201)
            #expect(service.requests.count == 2)
        }
    }

    @Test func `a full store refuses new keys, answers known ones and takes requests without`() async throws {
        let service = try await counting()
        try await withGateway(
            to: service, store: MemoryStore(bound: 2), configure: { $0.store.maximumKeys = 2 }
        ) { gateway in
            for key in ["a", "b"] { try await expectEqual(gateway.post(key: key).status, 201) }
            let refused = try await gateway.post(key: "c")
            #expect(refused.status == 503 && refused.problem == "store-full")
            #expect(refused.headers.first(name: "retry-after") == "60")
            try await expectEqual(gateway.post(key: "a").headers.contains(name: "idempotent-replayed"), true)
            try await expectEqual(gateway.post(key: nil).status, 201)
            #expect(service.requests.count == 3)
        }
    }

    @Test(arguments: ["keys", "bytes"])
    func `a credential that is made up anew for each key has no more room than its address`(bound: String) async throws
    {
        let service = try await counting()
        try await withGateway(
            to: service,
            configure: {
                if bound == "keys" { $0.keysPerAddress = 2 } else { $0.bytesPerAddress = 1 }
            }
        ) { gateway in
            let allowed = bound == "keys" ? 2 : 1
            for number in 0..<6 {
                let answer = try await gateway.post(key: "k\(number)", authorization: "Bearer made-up-\(number)")
                #expect(answer.status == (number < allowed ? 201 : 429))
                if number >= allowed { #expect(answer.problem == "too-many-keys") }
            }
            // What it has is answered all the same.
            let repeated = try await gateway.post(key: "k0", authorization: "Bearer made-up-0")
            #expect(repeated.status == 201 && repeated.headers.contains(name: "idempotent-replayed"))
            try await expectEqual(gateway.post(key: nil, authorization: "Bearer x").status, 201)
            #expect(service.requests.count == allowed + 1)
        }
    }

    @Test func `what the breaker rejected may run later under the same key`() async throws {
        let service = try await TestService.start { _, number in number <= 3 ? .status(.internalServerError) : .ok() }
        try await withGateway(to: service) { gateway in
            for _ in 0..<3 { _ = try await gateway.get() }
            try await expectEqual(gateway.post(key: "k").problem, "circuit-open")
            gateway.clock.advance(by: .seconds(5))
            try await expectEqual(gateway.post(key: "k").text, "ok")
        }
    }

    @Test func `a response too large to keep passes and leaves a tombstone`() async throws {
        let large = [UInt8](repeating: 5, count: 1_500_000)
        let service = try await TestService.start { _, _ in .answer(.ok, [:], large) }
        try await withGateway(to: service) { gateway in
            try await expectEqual(gateway.post(key: "k").body, large)
            try await expectEqual(gateway.post(key: "k").problem, "response-not-kept")
            #expect(service.requests.count == 1)
        }
    }

    @Test func `a body too large to fingerprint is refused before the service sees it`() async throws {
        let service = try await counting()
        try await withGateway(to: service) { gateway in
            let answer = try await gateway.post(key: "k", String(repeating: "x", count: 1 << 20 + 1))
            #expect(answer.status == 413)
            #expect(service.requests.isEmpty)
        }
    }

    @Test func `a body that waits to be asked for is not asked for when it is refused`() async throws {
        let service = try await counting()
        try await withGateway(to: service, configure: { $0.routes[0].keptBytes = 4 }) { gateway in
            let head = "POST / HTTP/1.1\r\nHost: a\r\nIdempotency-Key: k\r\nExpect: 100-continue\r\n"
            let text = try await TestClient.raw(head + "Content-Length: 5\r\n\r\n", to: gateway.port)
            #expect(text.hasPrefix("HTTP/1.1 413 "), "\(text)")
            let asked = try await TestClient.raw(
                head + "Content-Length: 4\r\nConnection: close\r\n\r\nbody", to: gateway.port)
            #expect(asked.hasPrefix("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 "), "\(asked)")
        }
    }

    @Test func `beyond the store's bound nothing is executed`() async throws {
        let service = try await counting()
        try await withGateway(to: service, store: MemoryStore(bound: 0)) { gateway in
            let answer = try await gateway.post(key: "k")
            #expect(answer.status == 503)
            #expect(answer.problem == "store-full")
            #expect(service.requests.isEmpty)
            try await expectEqual(gateway.post(key: nil).status, 201, "requests without a key go on")
        }
    }

    @Test func `keys are required or ignored as configured`() async throws {
        let service = try await counting()
        try await withGateway(to: service, configure: { $0.routes[0].idempotency.keys = .required }) { gateway in
            try await expectEqual(gateway.post(key: nil).problem, "key-missing")
            try await expectEqual(gateway.post(key: "a b").problem, "key-invalid")
            try await expectEqual(gateway.get().status, 201)
        }
        let other = try await counting()
        try await withGateway(to: other, configure: { $0.routes[0].idempotency.keys = .off }) { gateway in
            _ = try await gateway.post(key: "k")
            try await expectEqual(gateway.post(key: "k").body.last, 2)
        }
    }
}
#endif
