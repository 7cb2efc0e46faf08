#if Gateway
import Foundation
import NIOHTTP1
import TestSupport
import Testing

@testable import HoldfastGateway

@Suite(.serialized) struct ConfigurationProcessTests {
    private func inFolder(_ body: (ConfigurationFolder) async throws -> Void) async throws {
        let folder = try ConfigurationFolder()
        defer { folder.remove() }
        try await body(folder)
    }

    private static func text(port: Int, _ rest: String = "") -> String {
        """
        listeners: [{address: 127.0.0.1:0}]
        admin: {address: 127.0.0.1:0}
        store: {location: memory}
        services: {payments: {endpoints: [http://127.0.0.1:\(port)]}}
        routes:
          - name: everything
            service: payments
        \(rest)
        """
    }

    @Test func `check tells what a file means and ends with zero`() async throws {
        try await inFolder { folder in
            try await folder.writeSecrets()
            let path = try folder.write(ConfigurationReferenceTests.example())
            let (status, output, errors) = try await HoldfastProcess.run(["check", path])
            #expect(status == 0)
            #expect(errors == "")
            for part in [
                "Listens on 0.0.0.0:8443: TLS with", "Control plane on 127.0.0.1:9090: with a token",
                "encrypted under key 2, and read under 2, 1", "Service payments", "http://payments-3.internal:8080",
                "health check: GET /health every 5s", "1. charge: POST /charges → payments",
                "rate limit: 50 in 1s, 100 at once", "idempotency: keys required", "deadline: 20s", "4. other:",
            ] {
                #expect(output.contains(part), "\(part) is not in \(output)")
            }
            // Policies are told from the outermost in.
            let charge = output.components(separatedBy: "1. charge")[1].components(separatedBy: "2. refund")[0]
            let order = ["rate limit", "concurrency", "idempotency", "deadline", "retry", "attempt timeout"]
            let places = order.compactMap { charge.range(of: "   \($0):")?.lowerBound }
            #expect(places.count == order.count && places == places.sorted())
            #expect(!output.contains("a-token-of"))
        }
    }

    @Test func `a gateway says where each of its listeners is`() async throws {
        let certificate = try await TestCertificate.make()
        try await inFolder { folder in
            let tls = "tls: {certificate: \(certificate.certificate), key: \(certificate.key)}"
            let path = try folder.write(
                Self.text(port: 1).replacing(
                    "listeners: [{address: 127.0.0.1:0}]",
                    with: "listeners: [{address: 127.0.0.1:0}, {address: 127.0.0.1:0, \(tls)}]"))
            let gateway = try await HoldfastProcess.start(["gateway", "--config", path], takesPorts: false)
            let schemes = gateway.greeting.matches(of: /gateway: +(https?):/).map { String($0.1) }
            #expect(schemes == ["http", "https"], "\(gateway.greeting)")
            gateway.signal(SIGTERM)
            _ = await gateway.end()
        }
    }

    @Test(arguments: [["check"], ["gateway", "--config"], ["migrate", "--config"], ["keys", "list", "--config"]])
    func `every mistake of a file is a line and the end is 64`(arguments: [String]) async throws {
        try await inFolder { folder in
            let path = try folder.write(Self.text(port: 1, "    deadline: soon\n    retries: 3\nthreads: 0"))
            let (status, output, errors) = try await HoldfastProcess.run(arguments + [path])
            #expect(status == 64)
            #expect(output == "")
            // A gateway tells it as its log would.
            let front = arguments[0] == "gateway" ? "level=critical message=\"" : ""
            let places = try errors.split(separator: "\n").map { line in
                let start = try #require(line.range(of: front + path + ":")).upperBound
                #expect(!front.isEmpty || start == line.index(line.startIndex, offsetBy: path.count + 1))
                return line[start...].prefix { $0 != " " }
            }
            #expect(places == ["8:15:", "9:5:", "10:10:"], "\(errors)")
        }
    }

    @Test(arguments: [
        ["check"], ["check", "a", "--reference"], ["gateway", "--config", "x", "--trip", "3"],
        ["gateway", "--config", "x", "--listen", "127.0.0.1:1"],
        ["gateway", "--config", "x", "--upstream", "http://a"],
        ["migrate"], ["migrate", "--store", "postgres://x", "--config", "x"],
        ["keys", "list", "--config", "x", "--admin", "http://127.0.0.1:1"],
    ])
    func `a file and the options that it has exclude each other`(arguments: [String]) async throws {
        let (status, _, errors) = try await HoldfastProcess.run(arguments)
        #expect(status == 64)
        #expect(errors.split(separator: "\n").count == 1, "\(errors)")
        #expect(errors.hasPrefix("holdfast: "))
    }

    @Test func `the reference is printed`() async throws {
        let (status, output, _) = try await HoldfastProcess.run(["check", "--reference"])
        #expect(status == 0)
        #expect(output == ConfigurationFile.referenceText + "\n")
    }

    @Test func `a gateway runs by its file and by what the file becomes while it is good`() async throws {
        let service = try await TestService.start { _, _ in .ok("charged") }
        let other = try await TestService.start { _, _ in .ok("refunded") }
        try await inFolder { folder in
            let path = try folder.write(Self.text(port: service.port))
            let process = try await HoldfastProcess.start(["gateway", "--config", path], takesPorts: false)
            try await expectEqual(TestClient.send(.GET, "/", to: process.port).text, "charged")
            // What it says now is applied: requests go elsewhere.
            try folder.write(Self.text(port: other.port))
            var answer = ""
            while answer != "refunded" { answer = try await TestClient.send(.GET, "/", to: process.port).text }
            // A bad file changes nothing, and a signal that nobody waited for would end the process.
            try folder.write("nonsense")
            process.signal(SIGHUP)
            try await expectEqual(TestClient.send(.GET, "/", to: process.port).text, "refunded")
            process.signal(SIGTERM)
            let status = await process.end()
            #expect(status == 0)
        }
        await service.stop()
        await other.stop()
    }

    @Test func `keys send the token that is in a file`() async throws {
        let service = try await TestService.start { request, _ in
            request.headers.first(name: "authorization") == "Bearer a-token-of-twenty-eight-bytes"
                ? .ok(#"{"records":[]}"#) : .ok("{}")
        }
        try await inFolder { folder in
            try folder.write("a-token-of-twenty-eight-bytes\n", to: "token")
            let config = try folder.write(
                "admin: {address: 127.0.0.1:\(service.port), tokenFile: token}\n" + ConfigurationFolder.least)
            let admin = ["--admin", "http://127.0.0.1:\(service.port)"]
            let with = try await HoldfastProcess.run(["keys", "list", "--token-file", folder.path("token")] + admin)
            #expect(with.status == 0, "\(with.errors)")
            let byFile = try await HoldfastProcess.run(["keys", "list", "--config", config])
            #expect(byFile.status == 0, "\(byFile.errors)")
            let without = try await HoldfastProcess.run(["keys", "list"] + admin)
            #expect(without.status == 1)
        }
        await service.stop()
    }
}
#endif
