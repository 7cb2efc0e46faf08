#if Gateway
import Foundation
import Holdfast
import HoldfastGateway
import HoldfastIdempotency
import HoldfastTesting
import NIOCore
import NIOHTTP1
import NIOPosix
import TestSupport
import Testing

/// What a repeat of an unknown outcome gets where the service can be asked.
@Suite struct ProbeTests {
    /// Asks by the key, and believes a 404 at once.
    private func probing(
        _ path: String = "/by-key/{key}", _ change: (inout RouteConfiguration.Idempotency.Probe) -> Void = { _ in }
    ) throws -> (inout GatewayConfiguration) -> Void {
        var probe = RouteConfiguration.Idempotency.Probe(path: try ProbePath(path))
        probe.settle = .zero
        change(&probe)
        let asked = probe
        return { configuration in
            configuration.routes[0].idempotency.unknown = .probe
            configuration.routes[0].idempotency.probe = asked
        }
    }

    /// A service whose first POST acts and is never answered, and that is asked with GET.
    private func service(
        _ found: @escaping @Sendable (TestService.Request) -> TestService.Reply
    ) async throws -> TestService {
        try await TestService.start { request, number in
            request.method == .GET ? found(request) : number == 1 ? .reset : .ok("charged again")
        }
    }

    private func count(_ found: String, _ running: RunningGateway) async throws -> String? {
        let text = try await TestClient.send(.GET, "/metrics", to: running.admin).text
        return text.split(separator: "\n").first { $0.hasPrefix("holdfast_probes_total") && $0.contains(found) }
            .map { String($0.suffix(1)) }
    }

    @Test func `what the service has is replayed, and nothing is run again`() async throws {
        let service = try await service { _ in .answer(.ok, ["etag": "7", "set-cookie": "s=1"], Array("charged".utf8)) }
        try await withGateway(to: service, configure: try probing()) { gateway in
            try await expectEqual(gateway.post(key: "a/b", authorization: "Bearer ada").status, 502)
            for _ in 0..<2 {
                let repeated = try await gateway.post(key: "a/b", authorization: "Bearer ada")
                #expect(repeated.status == 200 && repeated.text == "charged" && repeated.isReplay)
                #expect(repeated.headers.first(name: "etag") == "7")
                #expect(!repeated.headers.contains(name: "set-cookie"))
            }
            #expect(service.requests.map(\.method) == [.POST, .GET])
            let question = service.requests[1]
            #expect(question.uri == "/by-key/a%2Fb")
            #expect(question.headers.first(name: "authorization") == "Bearer ada")
            #expect(question.headers.first(name: "holdfast-attempt") == "1")
            #expect(question.headers.contains(name: "holdfast-timeout"))
            for name in ["idempotency-key", "content-length", "transfer-encoding"] {
                #expect(!question.headers.contains(name: name), "\(name)")
            }
            try await expectEqual(count("completed", gateway), "1")
        }
    }

    @Test func `what the service does not have is run again, once`() async throws {
        let service = try await service { _ in .status(.notFound) }
        try await withGateway(to: service, configure: try probing()) { gateway in
            try await expectEqual(gateway.post(key: "k").status, 502)
            let again = try await gateway.post(key: "k")
            #expect(again.text == "charged again" && !again.isReplay)
            try await expectEqual(gateway.post(key: "k").isReplay, true)
            #expect(service.requests.map(\.method) == [.POST, .GET, .POST])
            #expect(service.requests[2].headers.first(name: "holdfast-attempt") == "1")
            #expect(service.requests[2].body == Array("amount=1".utf8))
            try await expectEqual(count("nothing", gateway), "1")
        }
    }

    @Test func `a 404 is not believed while the service may still be at work`() async throws {
        let service = try await service { _ in .status(.notFound) }
        let clock = ManualClock()
        try await withGateway(
            to: service, store: MemoryStore(clock: clock), configure: try probing { $0.settle = .seconds(30) }
        ) { gateway in
            try await expectEqual(gateway.post(key: "k").status, 502)
            clock.advance(by: .seconds(20))
            let early = try await gateway.post(key: "k")
            #expect(early.problem == "outcome-unknown")
            #expect(early.headers.first(name: "retry-after") == "10")
            clock.advance(by: .seconds(10))
            try await expectEqual(gateway.post(key: "k").text, "charged again")
            #expect(service.requests.map(\.method) == [.POST, .GET, .GET, .POST])
        }
    }

    @Test func `a service that asks to be left alone until a date is understood by its own clock`() async throws {
        let fields: HTTPHeaders = [
            "Date": "Sun, 06 Nov 1994 08:49:07 GMT", "Retry-After": "Sun, 06 Nov 1994 08:49:37 GMT",
        ]
        let service = try await service { _ in .answer(.tooManyRequests, fields, []) }
        try await withGateway(to: service, configure: try probing()) { gateway in
            try await expectEqual(gateway.post(key: "k").status, 502)
            try await expectEqual(gateway.post(key: "k").headers["retry-after"], ["30"])
        }
    }

    @Test(arguments: [
        TestService.Reply.status(.internalServerError), .status(.forbidden), .status(.movedPermanently),
        .status(.gone), .reset, .breakOff([1]),
    ])
    func `what cannot be found out stays unknown, and says when to come again`(reply: TestService.Reply) async throws {
        let service = try await service { _ in reply }
        try await withGateway(to: service, configure: try probing()) { gateway in
            try await expectEqual(gateway.post(key: "k").status, 502)
            let refused = try await gateway.post(key: "k")
            #expect(refused.status == 409 && refused.problem == "outcome-unknown")
            #expect(refused.headers.first(name: "retry-after") == "1")
            #expect(service.requests.filter { $0.method == .POST }.count == 1)
            try await expectEqual(count("unknown", gateway), "1")
            // Once it can be, it is.
            service.reply { _, _ in .ok("charged") }
            gateway.clock.advance(by: .seconds(5))
            try await expectEqual(gateway.post(key: "k").text, "charged")
        }
    }

    @Test func `the question is one of the service's attempts: breaker, retry and attempt timeout hold`() async throws {
        let service = try await TestService.start { request, number in
            request.method == .POST ? .reset : number == 2 ? .status(.serviceUnavailable) : .hang
        }
        try await withGateway(
            to: service,
            configure: { configuration in
                try? probing()(&configuration)
                configuration.routes[0].attemptTimeout = .milliseconds(50)
                configuration.routes[0].retry.attempts = 2
            }
        ) { gateway in
            // On a busy machine the time may be over before the connection breaks; unknown it is either way.
            _ = try await gateway.post(key: "k")
            let late = try await gateway.post(key: "k")
            #expect(late.problem == "outcome-unknown")
            #expect(late.text.contains("attempt timeout"))
            #expect(service.requests.map(\.method) == [.POST, .GET, .GET])
            // Three failures in a row have opened the breaker.
            let rejected = try await gateway.post(key: "k")
            #expect(rejected.status == 409 && rejected.problem == "outcome-unknown")
            #expect(rejected.text.contains(#""state":"open""#))
            #expect(rejected.headers.first(name: "retry-after") == "5")
            #expect(service.requests.count == 3)
        }
    }

    @Test func `many repeats at once ask once and share what was found`() async throws {
        let gate = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: Void.self)
        let service = try await service { _ in .held(gate.futureResult, Array("charged".utf8)) }
        try await withGateway(
            to: service,
            configure: { configuration in
                try? probing()(&configuration)
                configuration.threads = 2
            }
        ) { gateway in
            try await expectEqual(gateway.post(key: "k").status, 502)
            try await withThrowingTaskGroup(of: TestClient.Answer.self) { group in
                for _ in 0..<20 { group.addTask { try await gateway.post(key: "k") } }
                await service.requests(2)
                gate.succeed()
                for try await answer in group { #expect(answer.text == "charged" && answer.isReplay) }
            }
            #expect(service.requests.count == 2)
        }
    }

    @Test func `of two gateways one asks, and the other takes what it found`() async throws {
        let gate = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: Void.self)
        let first = try await service { _ in .held(gate.futureResult, Array("charged".utf8)) }
        let store = MemoryStore()
        try await withGateway(to: first, store: store, configure: try probing()) { here in
            // In front of the same service, at another port, so that its questions can be told apart.
            let other = try await TestService.start { _, _ in .ok("asked twice") }
            try await withGateway(to: other, store: store, configure: try probing()) { there in
                // Keys are unique within a host, too.
                let post: @Sendable (Int) async throws -> TestClient.Answer = { port in
                    try await TestClient.send(
                        .POST, "/charges", to: port, headers: ["host": "a", "idempotency-key": "k"], body: [1])
                }
                try await expectEqual(post(here.port).status, 502)
                async let asking = post(here.port)
                await first.requests(2)
                async let waiting = post(there.port)
                let isWaiting = { () async throws -> Bool in
                    let text = try await TestClient.send(.GET, "/metrics", to: there.admin).text
                    return !text.contains("holdfast_claims_waiting 0\n")
                }
                while try await !isWaiting() { await Task.yield() }
                gate.succeed()
                try await expectEqual(asking.text, "charged")
                let found = try await waiting
                #expect(found.text == "charged" && found.isReplay)
                #expect(other.requests.isEmpty)
            }
        }
    }

    @Test func `a client that leaves lets another ask`() async throws {
        let service = try await service { request in
            request.headers.contains(name: "x-leaves") ? .hang : .ok("charged")
        }
        try await withGateway(to: service, configure: try probing()) { gateway in
            try await expectEqual(gateway.post(key: "k").status, 502)
            let leaving = Task {
                try await TestClient.send(
                    .POST, "/charges", to: gateway.port, headers: ["idempotency-key": "k", "x-leaves": "1"],
                    body: Array("amount=1".utf8))
            }
            await service.requests(2)
            leaving.cancel()
            _ = try? await leaving.value
            try await expectEqual(gateway.post(key: "k").text, "charged")
            #expect(service.requests.map(\.method) == [.POST, .GET, .GET])
        }
    }

    @Test func `what an operator has said meanwhile counts, and not what was found`() async throws {
        let gate = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: Void.self)
        let service = try await service { _ in .held(gate.futureResult, Array("found".utf8)) }
        try await withGateway(to: service, configure: try probing()) { gateway in
            let unknown = try object(try await gateway.post(key: "k").body)
            let record = try #require(unknown["record"] as? String)
            async let asking = gateway.post(key: "k")
            await service.requests(2)
            let fence = try #require(
                try object(try await TestClient.send(.GET, "/api/keys/\(record)", to: gateway.admin).body)["fence"]
                    as? Int)
            let order =
                #"{"fence":\#(fence),"as":"completed","by":"ada","why":"looked","#
                + #""response":{"status":201,"body":"by hand"}}"#
            let settled = try await TestClient.send(
                .POST, "/api/keys/\(record)/resolve", to: gateway.admin, headers: ["content-type": "application/json"],
                body: Array(order.utf8))
            #expect(settled.status == 200, "\(settled.text)")
            gate.succeed()
            let answer = try await asking
            #expect(answer.text == "by hand" && answer.status == 201 && answer.isReplay)
            #expect(service.requests.count == 2)
        }
    }

    @Test func `the answer to the question is replayed as the route says, or not at all`() async throws {
        for (change, expected) in [
            ({ $0.status = 201 }, "201 charged"), ({ $0.replaysAnswer = false }, "409 response-not-kept"),
        ] as [((inout RouteConfiguration.Idempotency.Probe) -> Void, String)] {
            let service = try await service { _ in .ok("charged") }
            try await withGateway(to: service, configure: try probing("/by-key/{key}", change)) { gateway in
                try await expectEqual(gateway.post(key: "k").status, 502)
                for _ in 0..<2 {
                    let answer = try await gateway.post(key: "k")
                    #expect("\(answer.status) \(answer.problem ?? answer.text)" == expected)
                }
                #expect(service.requests.count == 2)
            }
        }
    }

    @Test func `an answer too large to keep proves the effect all the same`() async throws {
        let service = try await service { _ in .answer(.ok, [:], [UInt8](repeating: 1, count: 2_000)) }
        try await withGateway(
            to: service,
            configure: { configuration in
                try? probing()(&configuration)
                configuration.routes[0].keptBytes = 1_000
            }
        ) { gateway in
            try await expectEqual(gateway.post(key: "k").status, 502)
            for _ in 0..<2 { try await expectEqual(gateway.post(key: "k").problem, "response-not-kept") }
            #expect(service.requests.count == 2)
        }
    }

    @Test func `a key that would lead to another path is not asked about`() async throws {
        let service = try await service { _ in .ok("somebody else's") }
        try await withGateway(to: service, configure: try probing("/by-key/{key}")) { gateway in
            try await expectEqual(gateway.post(key: "..").status, 502)
            let refused = try await gateway.post(key: "..")
            #expect(refused.problem == "outcome-unknown")
            #expect(service.requests.count == 1)
        }
    }

    @Test func `whoever asks why is told of the question`() async throws {
        let service = try await service { _ in .status(.notFound) }
        try await withGateway(to: service, configure: try probing()) { gateway in
            _ = try await gateway.post(key: "k")
            let again = try await gateway.post(key: "k")
            let id = try #require(again.headers.first(name: "holdfast-request-id"))
            let told = try object(try await TestClient.send(.GET, "/api/explain?id=\(id)", to: gateway.admin).body)
            let attempts = try #require(told["attempts"] as? [[String: Any]])
            #expect(attempts.map { $0["probe"] as? Bool } == [true, false])
            #expect(attempts.map { $0["status"] as? Int } == [404, 200])
            let why = try #require(told["why"] as? [String])
            #expect(why[0].hasPrefix("Attempt 1, a question about an earlier request with the key, went to"))
            #expect(why[1].hasPrefix("Attempt 2 went to"))
        }
    }
}
#endif
