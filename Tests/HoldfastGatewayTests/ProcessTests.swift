#if Gateway
import Foundation
import HoldfastGateway
import NIOCore
import NIOHTTP1
import NIOPosix
import TestSupport
import Testing

@Suite(.serialized) struct ProcessTests {
    private func inFolder(_ body: (URL) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "holdfast-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try await body(folder)
    }

    private func post(_ key: String, to process: HoldfastProcess) async throws -> TestClient.Answer {
        try await TestClient.send(
            .POST, "/charges", to: process.port, headers: ["idempotency-key": key], body: Array("amount=1".utf8))
    }

    @Test func `after kill nine outcomes are replayed and the unfinished is unknown`() async throws {
        let service = try await TestService.start { request, _ in
            request.headers.first(name: "idempotency-key") == "hangs" ? .hang : .ok("charged")
        }
        try await inFolder { folder in
            let arguments = [
                "gateway", "--upstream", "http://127.0.0.1:\(service.port)",
                "--store", "sqlite:\(folder.appending(path: "store.db").path)",
            ]
            let first = try await HoldfastProcess.start(arguments)
            try await expectEqual(post("done", to: first).text, "charged")
            let unfinished = Task { try await post("hangs", to: first) }
            await service.requests(2)
            await first.kill9()
            _ = try? await unfinished.value

            let second = try await HoldfastProcess.start(arguments)
            let done = try await post("done", to: second)
            #expect(done.text == "charged" && done.isReplay)
            let unknown = try await post("hangs", to: second)
            #expect(unknown.status == 409)
            #expect(unknown.problem == "outcome-unknown")
            #expect(service.requests.count == 2, "nothing was run again")
            await second.kill9()
        }
        await service.stop()
    }

    #if os(Linux)
    @Test(.enabled(if: geteuid() == 0)) func `libpq is loaded for a store on PostgreSQL and for no other`() async throws
    {
        for (store, needs) in [("memory", false), (try await PostgresServer.shared.value.database(), true)] {
            let process = try await HoldfastProcess.start(
                ["gateway", "--upstream", "http://127.0.0.1:9", "--store", store])
            #expect(try process.hasLoaded("libpq") == needs)
            await process.kill9()
        }
    }
    #endif

    @Test func `after kill nine the service is asked and the effect is replayed and not repeated`() async throws {
        // The effect happens, and the answer never comes: nobody but the service knows of it.
        let service = try await TestService.start { request, _ in request.method == .GET ? .ok("charged") : .hang }
        try await inFolder { folder in
            let arguments = [
                "gateway", "--upstream", "http://127.0.0.1:\(service.port)", "--unknown", "probe", "--probe",
                "/charges/by-key/{key}", "--store", "sqlite:\(folder.appending(path: "store.db").path)",
            ]
            let first = try await HoldfastProcess.start(arguments)
            let unfinished = Task { try await post("k-1", to: first) }
            await service.requests(1)
            await first.kill9()
            _ = try? await unfinished.value

            let second = try await HoldfastProcess.start(arguments)
            for _ in 0..<2 {
                let found = try await post("k-1", to: second)
                #expect(found.text == "charged" && found.isReplay)
            }
            #expect(service.requests.map(\.method) == [.POST, .GET], "one effect, and one question")
            #expect(service.requests[1].uri == "/charges/by-key/k-1")
            await second.kill9()
        }
        await service.stop()
    }

    @Test func `two gateways on one PostgreSQL execute a key once and know when the other was killed`() async throws {
        let service = try await TestService.start { request, _ in
            request.headers.first(name: "idempotency-key") == "hangs" ? .hang : .ok("charged")
        }
        let arguments = [
            "gateway", "--upstream", "http://127.0.0.1:\(service.port)", "--timeout", "1s", "--attempt-timeout", "1s",
            "--wait", "0s", "--store", try await PostgresServer.shared.value.database(),
        ]
        let (here, there) = (
            try await HoldfastProcess.start(arguments), try await HoldfastProcess.start(arguments)
        )
        try await expectEqual(post("done", to: here).text, "charged")
        let replay = try await post("done", to: there)
        #expect(replay.text == "charged" && replay.isReplay)
        let unfinished = Task { try await post("hangs", to: here) }
        await service.requests(2)
        let conflict = try await post("hangs", to: there)
        #expect(conflict.status == 409)
        #expect(conflict.problem == "key-in-flight")
        await here.kill9()
        _ = try? await unfinished.value
        #expect(service.requests.count == 2, "nothing was run again")
        there.signal(SIGTERM)
        let status = await there.end()
        #expect(status == 0)
        await service.stop()
    }

    @Test func `a duplicate at another gateway waits and shares the answer`() async throws {
        let gate = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: Void.self)
        let service = try await TestService.start { _, _ in .held(gate.futureResult, Array("charged".utf8)) }
        let arguments = [
            "gateway", "--upstream", "http://127.0.0.1:\(service.port)", "--store",
            try await PostgresServer.shared.value.database(),
        ]
        let (here, there) = (
            try await HoldfastProcess.start(arguments), try await HoldfastProcess.start(arguments)
        )
        let first = Task { try await post("shared", to: here) }
        await service.requests(1)
        let second = Task { try await post("shared", to: there) }
        try await there.untilItWaits()
        gate.succeed()
        try await expectEqual(first.value.text, "charged")
        let shared = try await second.value
        #expect(shared.text == "charged" && shared.isReplay)
        #expect(service.requests.count == 1)
        for gateway in [here, there] { await gateway.kill9() }
        await service.stop()
    }

    @Test func `a gateway that serves is ended gracefully from its first moment`() async throws {
        let arguments = ["gateway", "--upstream", "http://127.0.0.1:1", "--store", "memory"]
        for number in 0..<12 {
            let process = try await HoldfastProcess.start(arguments)
            process.signal(number % 2 == 0 ? SIGTERM : SIGINT)
            let status = await process.end()
            #expect(status == 0)
        }
    }

    @Test func `a term signal lets requests end and records them`() async throws {
        let gate = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: Void.self)
        let service = try await TestService.start { _, _ in .held(gate.futureResult, Array("charged".utf8)) }
        try await inFolder { folder in
            let arguments = [
                "gateway", "--upstream", "http://127.0.0.1:\(service.port)",
                "--store", "sqlite:\(folder.appending(path: "store.db").path)",
            ]
            let process = try await HoldfastProcess.start(arguments)
            let inFlight = Task { try await post("k", to: process) }
            await service.requests(1)
            process.signal(SIGTERM)
            gate.succeed()
            try await expectEqual(inFlight.value.text, "charged")
            let status = await process.end()
            #expect(status == 0)
            let next = try await HoldfastProcess.start(arguments)
            try await expectEqual(post("k", to: next).isReplay, true)
            next.signal(SIGTERM)
            let nextStatus = await next.end()
            #expect(nextStatus == 0)
        }
        await service.stop()
    }

    @Test(arguments: [
        ["gateway"],
        ["gateway", "--upstream", "ftp://x"],
        ["gateway", "--upstream", "http://127.0.0.1:1", "--cooldown", "5"],
        ["gateway", "--upstream", "http://127.0.0.1:1", "--trip", "0"],
        ["gateway", "--upstream", "http://127.0.0.1:1", "--attempts", "101"],
        ["gateway", "--upstream", "http://127.0.0.1:1", "--store", "floppy"],
        ["gateway", "--upstream", "http://127.0.0.1:1", "--key", "perhaps"],
        ["gateway", "--upstream", "http://127.0.0.1:1", "--listen", "nowhere"],
        ["gateway", "--upstream", "http://127.0.0.1:1", "--threads", "0"],
        ["gateway", "--upstream", "http://127.0.0.1:1", "--profile", "paypal"],
        ["gateway", "--upstream", "http://127.0.0.1:1", "--key-length", "256"],
        ["gateway", "--upstream", "http://127.0.0.1:1", "--retention", "1s"],
        ["gateway", "--upstream", "http://127.0.0.1:1", "--unknown", "probe"],
        ["migrate", "--store", "memory"],
        ["recover", "--store", "memory"],
        ["recover"],
        ["demo", "--unknown"],
    ])
    func `a wrong value ends with one line and 64`(arguments: [String]) async throws {
        let (status, _, errors) = try await HoldfastProcess.run(arguments)
        #expect(status == 64)
        #expect(errors.split(separator: "\n").count == 1, "\(errors)")
        #expect(errors.hasPrefix("holdfast: "))
    }

    @Test(arguments: [
        ("--upstream", "nonsense", "http://HOST[:PORT]"),
        ("--upstream", "https://secure.internal", "http://HOST[:PORT]"),
        ("--listen", "8080", "HOST:PORT, with IPv6 addresses in brackets"),
        ("--admin", "::1:9090", "HOST:PORT, with IPv6 addresses in brackets"),
        ("--cooldown", "5", "a duration such as 250ms, 5s"),
        ("--probe", "charges", "a path that begins with '/'"),
        ("--probe", "/charges/{key", "a path in which braces hold a name"),
    ])
    func `a value that cannot be read is told with its option and with what is allowed`(
        option: String, value: String, allowed: String
    ) async throws {
        let (status, _, errors) = try await HoldfastProcess.run(
            ["gateway", "--upstream", "http://127.0.0.1:1", option, value])
        #expect(status == 64)
        #expect(errors.hasPrefix("holdfast: The value '\(value)' is invalid for '\(option) "), "\(errors)")
        #expect(errors.contains("it must be \(allowed)"), "\(errors)")
    }

    @Test(arguments: ["floppy", "user=u password=s3cret host=h", "postgres:/u:s3cret@h/x", "u:s3cret@h"])
    func `a store that is none is told with what is allowed, and without what may be a password`(
        value: String
    ) async throws {
        let (status, _, errors) = try await HoldfastProcess.run(
            ["gateway", "--upstream", "http://127.0.0.1:1", "--store", value])
        #expect(status == 64 && !errors.contains(value) && !errors.contains("s3cret"))
        #expect(errors.hasPrefix("holdfast: --store must be memory, sqlite:PATH, postgres://…, or valkey://…"))
    }

    @Test func `a taken port ends with one line and 1, and a folder that is not there with 78`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        // What it calls is another: an address of its own is refused before anybody listens.
        let upstream = ["gateway", "--upstream", "http://127.0.0.1:1"]
        for (arguments, expected) in [
            (["--listen", "127.0.0.1:\(service.port)", "--admin", "127.0.0.1:0", "--store", "memory"], 1),
            (["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:\(service.port)", "--store", "memory"], 1),
            (["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--store", "sqlite:/nowhere/at/all.db"], 78),
            (["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--store", "postgres://h/d?nonsense=1"], 64),
        ] as [([String], Int32)] {
            let (status, _, errors) = try await HoldfastProcess.run(upstream + arguments)
            #expect(status == expected, "\(errors)")
            // Beside what the log says of the store.
            let lines = errors.split(separator: "\n").filter { !$0.contains(" level=info ") }
            #expect(lines.count == 1 && lines[0].contains(" level=critical message="), "\(errors)")
        }
        await service.stop()
    }

    @Test func `a store that can no longer be written answers 503 and nothing is executed`() async throws {
        let service = try await TestService.start { _, _ in .ok(String(repeating: "x", count: 20_000)) }
        try await inFolder { folder in
            let arguments = [
                "gateway", "--upstream", "http://127.0.0.1:\(service.port)",
                "--store", "sqlite:\(folder.appending(path: "store.db").path)",
            ]
            let process = try await HoldfastProcess.start(arguments, fileLimit: 256 << 10)
            var (number, answer) = (0, try await post("k0", to: process))
            while answer.status != 503, number < 50 {
                number += 1
                answer = try await post("k\(number)", to: process)
            }
            #expect(answer.problem == "store-unavailable")
            let executed = service.requests.count
            try await expectEqual(post("later", to: process).status, 503)
            #expect(service.requests.count == executed)
            try await expectEqual(TestClient.send(.GET, "/", to: process.port).status, 200)
            await process.kill9()

            let roomier = try await HoldfastProcess.start(arguments)
            let first = try await post("k0", to: roomier)
            #expect(first.isReplay)
            #expect(service.requests.count == executed + 1, "the GET, and nothing that was executed before")
            await roomier.kill9()
        }
        await service.stop()
    }

    @Test func `a second gateway on the same store is refused`() async throws {
        try await inFolder { folder in
            let arguments = [
                "gateway", "--upstream", "http://127.0.0.1:1",
                "--store", "sqlite:\(folder.appending(path: "store.db").path)",
            ]
            let first = try await HoldfastProcess.start(arguments)
            let (status, _, errors) = try await HoldfastProcess.run(
                arguments + ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
            #expect(status == 1)
            #expect(errors.contains("another process holds the store"))
            await first.kill9()
        }
    }
}
#endif
