#if Gateway
import Foundation
import NIOHTTP1
import TestSupport
import Testing

@Suite struct KeysCommandTests {
    /// A gateway in front of a service that answers, or never does, and an unknown under the key `hangs`.
    private func withUnknown(_ body: (HoldfastProcess, TestService, _ record: String) async throws -> Void) async throws
    {
        let service = try await TestService.start { request, _ in
            request.headers.first(name: "idempotency-key") == "hangs" ? .hang : .ok("charged")
        }
        let gateway = try await HoldfastProcess.start([
            "gateway", "--upstream", "http://127.0.0.1:\(service.port)", "--timeout", "2s", "--store", "memory",
        ])
        try await expectEqual(post("hangs", to: gateway).problem, "deadline")
        let repeated = try await post("hangs", to: gateway)
        #expect(repeated.problem == "outcome-unknown")
        let record = try #require(repeated.text.firstMatch(of: /"record":"([0-9a-f]{64})"/)).1
        try await body(gateway, service, String(record))
        gateway.signal(SIGTERM)
        _ = await gateway.end()
        await service.stop()
    }

    private func post(_ key: String, to gateway: HoldfastProcess) async throws -> TestClient.Answer {
        try await TestClient.send(
            .POST, "/charges", to: gateway.port, headers: ["idempotency-key": key], body: Array("amount=1".utf8))
    }

    private func keys(_ arguments: String..., at gateway: HoldfastProcess) async throws -> String {
        let ended = try await HoldfastProcess.run(
            ["keys"] + arguments + ["--admin", "http://127.0.0.1:\(gateway.admin)"])
        #expect(ended.status == 0, "\(ended.errors)")
        return ended.output
    }

    @Test func `an unknown is listed and explained and resolved with the answer that repeats get`() async throws {
        try await withUnknown { gateway, service, record in
            try await expectEqual(post("done", to: gateway).text, "charged")
            let listed = try await keys("list", "--state", "unknown", at: gateway)
            #expect(listed.contains(record))
            #expect(listed.split(separator: "\n").count == 2)
            let columns = /127\.0\.0\.1 +2\S+Z  POST 127\.0\.0\.1\/charges\n/
            #expect(listed.contains(columns), "\(listed)")
            let all = try await keys("list", at: gateway)
            #expect(all.split(separator: "\n").count == 3)
            let byKey = try await keys(
                "explain", "--key", "hangs", "--operation", "POST 127.0.0.1/charges", at: gateway)
            #expect(byKey.contains(record) && byKey.contains("abandoned") && byKey.contains("claimed"))
            #expect(byKey.contains("this key of somebody without credentials, method POST, host 127.0.0.1"))
            #expect(byKey.contains("request      POST 127.0.0.1/charges") && byKey.contains("client       127.0.0.1"))
            try await expectEqual(keys("show", record, at: gateway).contains("request      POST"), true)

            let body = FileManager.default.temporaryDirectory.appending(path: "holdfast-\(UUID())")
            // Bytes that are no text.
            let bytes = Array("charged by hand ".utf8) + [0, 255, 254]
            try Data(bytes).write(to: body)
            defer { try? FileManager.default.removeItem(at: body) }
            let resolved = try await keys(
                "resolve", record, "--completed", "--status", "201", "--content-type", "text/plain", "--body-file",
                body.path,
                "--by", "ada", "--why", "it is in the bank's list", at: gateway)
            #expect(resolved.contains("resolved-completed, fence 1, by ada: it is in the bank's list"))
            let replay = try await post("hangs", to: gateway)
            #expect(replay.status == 201 && replay.body == bytes && replay.isReplay)
            #expect(replay.headers.first(name: "content-type") == "text/plain")
            #expect(service.requests.count == 2)
        }
    }

    @Test func `what is released or purged is executed again and what moved on is left alone`() async throws {
        try await withUnknown { gateway, service, record in
            let stale = try await HoldfastProcess.run([
                "keys", "resolve", record, "--released", "--by", "ada", "--why", "x", "--fence", "99", "--admin",
                "http://127.0.0.1:\(gateway.admin)",
            ])
            #expect(stale.status == 1 && stale.errors.contains("moved on"))
            let missing = try await HoldfastProcess.run([
                "keys", "resolve", record, "--completed", "--status", "201", "--body-file", "/nowhere", "--by", "ada",
                "--why", "x", "--admin", "http://127.0.0.1:\(gateway.admin)",
            ])
            #expect(missing.status == 64)
            #expect(missing.errors.contains("--body-file is /nowhere, but must be a file that can be read"))
            _ = try await keys("resolve", record, "--released", "--by", "ada", "--why", "never sent", at: gateway)
            try await expectEqual(post("hangs", to: gateway).problem, "deadline")
            #expect(service.requests.count == 2)
            let story = try await keys("explain", record, at: gateway)
            #expect(story.contains("resolved-released") && story.split(separator: "ago: claimed").count == 3)
            _ = try await keys("purge", record, "--by", "ada", "--why", "a test", at: gateway)
            let gone = try await HoldfastProcess.run([
                "keys", "explain", record, "--admin", "http://127.0.0.1:\(gateway.admin)",
            ])
            #expect(gone.status == 3 && gone.errors.contains("has no record \(record)"), "\(gone.errors)")
            #expect(gone.errors.contains("Do not take it for proof"))
        }
    }

    @Test func `a key of a caller with credentials is found by them and not by another's`() async throws {
        try await withUnknown { gateway, _, _ in
            _ = try await TestClient.send(
                .POST, "/charges", to: gateway.port,
                headers: ["idempotency-key": "mine", "authorization": "Bearer s3cret"], body: Array("amount=1".utf8))
            let file = FileManager.default.temporaryDirectory.appending(path: "holdfast-\(UUID())").path
            defer { try? FileManager.default.removeItem(atPath: file) }
            func explain(_ more: [String]) async throws -> (status: Int32, output: String, errors: String) {
                try await HoldfastProcess.run(
                    ["keys", "explain", "--key", "mine", "--operation", "POST 127.0.0.1/charges"] + more
                        + ["--admin", "http://127.0.0.1:\(gateway.admin)"])
            }
            let without = try await explain([])
            #expect(without.status == 3)
            #expect(without.errors.contains("give --caller-fields"), "\(without.errors)")
            for (credentials, status) in [
                ("Authorization: Bearer s3cret\n", Int32(0)), ("Bearer s3cret\n", 0), ("Bearer other\n", 3), ("", 3),
                ("X: Bearer s3cret\n", 3), ("Bearer s3cret\nBearer s3cret\n", 3),
            ] {
                try Data(credentials.utf8).write(to: URL(filePath: file))
                let ended = try await explain(["--caller-fields", file])
                #expect(ended.status == status, "\(ended.errors)")
                #expect(!ended.output.contains("s3cret") && !ended.errors.contains("s3cret"))
            }
        }
    }

    @Test func `a listing as JSON is one document of as many as were asked for`() async throws {
        struct Listing: Decodable {
            struct Record: Decodable { let record: String }
            let records: [Record]
            let mayBeMore: Bool
        }
        try await withUnknown { gateway, _, _ in
            for key in ["a", "b", "c"] { _ = try await post(key, to: gateway) }
            for (limit, count, more) in [(2, 2, true), (4, 4, false), (9, 4, false)] {
                let text = try await keys("list", "--json", "--limit", "\(limit)", at: gateway)
                let listing = try JSONDecoder().decode(Listing.self, from: Data(text.utf8))
                #expect(Set(listing.records.map(\.record)).count == count && listing.mayBeMore == more)
            }
        }
    }

    private static func completing(_ more: String...) -> [String] {
        ["resolve", String(repeating: "0", count: 64), "--completed", "--by", "a", "--why", "b"] + more
    }

    @Test(arguments: [
        ["list", "--state", "lost"], ["list", "--limit", "0"], ["explain"], ["explain", "abc"],
        ["explain", "--key", "k"], ["explain", String(repeating: "0", count: 64), "--caller-fields", "x"],
        ["explain", "--key", "k", "--operation", "o", "--caller", "a", "--caller-fields", "x"],
        ["resolve", String(repeating: "0", count: 64), "--by", "a", "--why", "b"],
        [
            "resolve", String(repeating: "0", count: 64), "--released", "--status", "200", "--by", "a", "--why", "b",
        ], ["purge", String(repeating: "0", count: 64)],
        completing("--status", "199"), completing("--status", "206"), completing("--status", "304"),
        completing("--status", "401"), completing("--status", "200", "--content-type", "text/plain\r\nx: y"),
        completing("--status", "200", "--content-type", "text"),
        completing("--status", "204", "--content-type", "text/plain"),
        completing("--status", "204", "--body-file", "/etc/passwd"),
    ])
    func `rubbish is one line and nothing is asked`(arguments: [String]) async throws {
        let ended = try await HoldfastProcess.run(["keys"] + arguments)
        #expect(ended.status == 64)
        #expect(ended.errors.split(separator: "\n").count == 1, "\(ended.errors)")
    }

    @Test func `a control plane that is not there is said so`() async throws {
        let ended = try await HoldfastProcess.run(["keys", "list", "--admin", "http://127.0.0.1:1"])
        #expect(ended.status == 1 && ended.errors.contains("no control plane"))
    }

    @Test(arguments: [
        ("/api/keys?state=lost", 400), ("/api/keys?looking-at=0", 400), ("/api/keys?looking-at=x", 400),
        ("/api/keys?after=rubbish", 400), ("/api/keys/abc", 400), ("/api/key?key=x", 400),
        ("/api/key?key=&operation=x", 400), ("/api/keys/" + String(repeating: "0", count: 64), 404),
    ])
    func `the control plane says what is wrong`(uri: String, status: Int) async throws {
        let service = try await TestService.start { _, _ in .ok("") }
        try await withGateway(to: service) { gateway in
            let answer = try await TestClient.send(.GET, uri, to: gateway.admin)
            #expect(answer.status == status)
            #expect(answer.text.contains("message"))
            for body in [
                "", "{}", #"{"fence":1,"as":"gone","by":"a","why":"b"}"#,
                #"{"fence":1,"as":"released","by":"","why":"b"}"#,
                #"{"fence":1,"as":"completed","by":"a","why":"b","response":{"status":200,"bodyBase64":"?"}}"#,
                #"{"fence":1,"as":"completed","by":"a","why":"b","response":{"status":200,"body":"","bodyBase64":""}}"#,
                #"{"fence":1,"as":"completed","by":"a","why":"b","response":{"status":204,"body":"HTTP/1.1 200 OK"}}"#,
                #"{"fence":1,"as":"completed","by":"a","why":"b","response":{"status":204,"contentType":"a/b"}}"#,
                #"{"fence":1,"as":"completed","by":"a","why":"b","response":{"status":200,"contentType":"a/b\r\nx: y"}}"#,
                #"{"fence":1,"as":"completed","by":"a","why":"b","response":{"status":200,"contentType":"a"}}"#,
                #"{"fence":1,"as":"completed","by":"a","why":"b","response":{"status":200,"contentType":"a/b "}}"#,
                #"{"fence":1,"as":"completed","by":"a","why":"b","Response":{"status":200}}"#,
                #"{"fence":1,"as":"completed","by":"a","why":"b","response":{"status":200,"Body":"x"}}"#,
                #"{"fence":1,"as":"completed","by":"a","why":"b","response":{"status":200,"contentType":"\ta/b"}}"#,
                #"{"fence":1,"as":"completed","by":"a","why":"b","response":{"status":407}}"#,
            ] {
                let resolved = try await TestClient.send(
                    .POST, "/api/keys/\(String(repeating: "0", count: 64))/resolve", to: gateway.admin,
                    body: Array(body.utf8))
                #expect(resolved.status == 400)
            }
        }
    }
}
#endif
