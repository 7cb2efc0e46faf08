#if Gateway
import Foundation
import Holdfast
import TestSupport
import Testing

@testable import HoldfastGateway

/// What does not start, or does nothing, is told by whoever reads the file.
@Suite struct StartAsCheckedTests {
    private static let rest = "services: {a: {endpoints: [http://a]}}\nroutes: [{name: r, service: a}]"

    private func warnings(_ text: String) throws -> [String] {
        try ConfigurationFile(Array(text.utf8), path: "x").warnings.map(\.message)
    }

    @Test(arguments: [
        ("127.0.0.1:80", "127.0.0.1:80", true), ("127.0.0.1:80", "localhost:80", true),
        ("[::1]:80", "localhost:80", true), ("\"[::]:80\"", "127.0.0.1:80", true), ("0.0.0.0:80", "192.0.2.1:80", true),
        ("192.0.2.1:80", "\"[::ffff:192.0.2.1]:80\"", true), ("0.0.0.0:80", "\"[::]:80\"", true),
        ("127.0.0.1:80", "127.0.0.1:81", false), ("127.0.0.1:0", "127.0.0.1:0", false),
        ("127.0.0.1:80", "127.0.0.2:80", false), ("0.0.0.0:80", "\"[::1]:80\"", false),
        ("192.0.2.1:80", "192.0.2.2:80", false), ("A.example:80", "a.example:80", true),
    ])
    func `an address is listened on once`(first: String, second: String, isRefused: Bool) {
        func quoted(_ text: String) -> String { text.hasPrefix("\"") ? text : "\"\(text)\"" }
        let two =
            "listeners:\n  - address: \(quoted(first))\n  - address: \(quoted(second))\nadmin: {address: \"127.0.0.1:9\"}\n"
            + Self.rest
        let found = mistakes(two)
        #expect(found.count == (isRefused ? 1 : 0), "\(found)")
        if isRefused { #expect(found.first?.contains(":3:14: listeners[1].address is ") == true, "\(found)") }
        let admin = "listeners:\n  - address: \(quoted(first))\nadmin: {address: \(quoted(second))}\n" + Self.rest
        let hasToken = mistakes(admin).filter { $0.contains("the control plane listens on") }
        // Beyond loopback the control plane needs a token, which is told first, and is one mistake as well.
        #expect(hasToken.count == (isRefused ? 1 : 0), "\(mistakes(admin))")
    }

    @Test(arguments: [
        ("/a/s.db", true), ("/a/s.db-wal", true), ("/a/../a/s.db", true), ("/a/./s.db-shm", true),
        ("/a//s.db-journal", true),
        ("/a/s.db.log", false), ("/a/s", false), ("/b/s.db", false),
    ])
    func `an access log is none of the store's files`(path: String, isRefused: Bool) {
        var configuration = GatewayConfiguration(upstreams: [.init(host: "127.0.0.1", port: 1)], threads: 1)
        configuration.store.location = .sqlite(path: "/a/s.db")
        configuration.accessLog = AccessLogConfiguration()
        configuration.accessLog?.path = path
        #expect(configuration.logsIntoStore == isRefused)
        do throws(ConfigurationError) {
            try configuration.validate()
            #expect(!isRefused)
        } catch {
            #expect(isRefused && error.option == "access log's path")
        }
    }

    @Test(arguments: [
        ("0.0.0.0:80", "http://127.0.0.1:80", true), ("127.0.0.1:80", "http://localhost:80", true),
        ("127.0.0.1:8080", "https://127.0.0.1:8080", true), ("192.0.2.1:80", "http://192.0.2.1", true),
        ("127.0.0.1:80", "http://127.0.0.1:9", true),
        ("0.0.0.0:80", "http://192.0.2.9", false), ("127.0.0.1:80", "http://127.0.0.1:81", false),
        ("127.0.0.1:0", "http://127.0.0.1:81", false),
    ])
    func `a gateway that calls itself is refused`(listener: String, endpoint: String, isRefused: Bool) {
        let text =
            "listeners: [{address: \"\(listener)\"}]\nadmin: {address: \"127.0.0.1:9\"}\n"
            + "services: {a: {endpoints: [\"\(endpoint)\"], tls: {name: a}}}\nroutes: [{name: r, service: a}]"
        let found = mistakes(text)
        #expect(found.count == (isRefused ? 1 : 0), "\(found)")
        #expect(found.allSatisfy { $0.contains("services.a.endpoints has ") && $0.contains("in a circle") })
    }

    @Test(arguments: [
        ("idempotency: {keys: required}, match: {methods: [GET]}", "keys are required, but requests of GET have none"),
        ("idempotency: {keys: required}, match: {methods: [DELETE]}", "keys are required"),
        ("idempotency: {keys: required, methods: [DELETE]}, match: {methods: [DELETE]}", nil),
        ("idempotency: {keys: required}", nil),
        ("bodyLimit: 10MiB, idempotency: {keys: required}", "bodyLimit is 10MiB, but a request with a key"),
        ("bodyLimit: 10MiB", "up to keptBytes, 1MiB: a larger one gets 413"),
        ("bodyLimit: 10MiB, keptBytes: 10MiB", nil), ("bodyLimit: 10MiB, idempotency: {keys: \"off\"}", nil),
        ("bodyLimit: 10MiB, match: {methods: [GET, PUT]}", nil),
        ("hedge: {after: 1s}, match: {methods: [POST]}", "hedge does nothing: POST may not be sent twice"),
        ("hedge: {after: 1s}, match: {methods: [POST]}, idempotency: {honouredByService: true}", nil),
        ("hedge: {after: 1s}, match: {methods: [GET, POST]}", nil),
        ("idempotency: {scopeFields: [a], fingerprintFields: [a, b]}", "a is in scopeFields and in fingerprintFields"),
    ])
    func `what does nothing, or not what it says, is warned of`(options: String, warning: String?) throws {
        let found = try warnings("services: {a: {endpoints: [http://a]}}\nroutes: [{name: r, service: a, \(options)}]")
        #expect(found.count == (warning == nil ? 0 : 1), "\(found)")
        if let warning { #expect(found.first?.contains(warning) == true, "\(found)") }
    }

    @Test(arguments: [
        ("endpoints: [http://a, http://b, http://a]", "services.a.endpoints has http://a:80 twice"),
        ("endpoints: [http://a], tls: {verify: false}", "services.a.tls does nothing"),
        ("endpoints: [http://a, https://b], tls: {name: b}", nil), ("endpoints: [http://a, https://a]", nil),
    ])
    func `an endpoint that is there twice, and TLS for none, are warned of`(options: String, warning: String?) throws {
        let found = try warnings("services: {a: {\(options)}}\nroutes: [{name: r, service: a}]")
        #expect(found == (warning.map { [$0] } ?? []) || (found.count == 1 && found[0].hasPrefix(warning ?? "-")))
    }

    @Test func `a key that is not the certificate's is a mistake, and a time that is over is told`() async throws {
        let folder = try ConfigurationFolder()
        defer { folder.remove() }
        let (good, other) = (try await TestCertificate.make(), try await TestCertificate.make())
        let old = try await TestCertificate.make(days: -1)
        func text(_ listener: (TestCertificate, TestCertificate), _ service: (TestCertificate, TestCertificate))
            -> String
        {
            "listeners: [{address: 127.0.0.1:0, tls: {certificate: \(listener.0.certificate), key: \(listener.1.key)}}]\n"
                + "services: {a: {endpoints: [https://a], tls: {certificate: \(service.0.certificate), key: \(service.1.key)}}}\n"
                + "routes: [{name: r, service: a}]"
        }
        #expect(folder.mistakes(text((good, good), (other, other))) == [])
        let wrong = folder.mistakes(text((good, other), (other, good)))
        #expect(wrong.count == 2 && wrong.allSatisfy { $0.hasSuffix("the key is not that of the certificate") })
        #expect(wrong.first?.contains("listeners[0].tls: cannot use the certificate") == true, "\(wrong)")
        #expect(wrong.last?.contains("services.a.tls: cannot use the certificate") == true, "\(wrong)")
        let found = try folder.read(text((old, old), (old, old))).warnings.map(\.message)
        #expect(found.count == 2 && found.allSatisfy { $0.contains("has expired: it was valid until 20") }, "\(found)")
        let trusting =
            "services: {a: {endpoints: [https://a], tls: {trust: \(old.certificate)}}}\nroutes: [{name: r, service: a}]"
        let untrusted = try folder.read(trusting).warnings.map(\.message)
        #expect(untrusted.first?.hasPrefix("nobody can be trusted by \(old.certificate)") == true, "\(untrusted)")
    }

    @Test func `a folder that is not there is a mistake, at its line`() throws {
        let folder = try ConfigurationFolder()
        defer { folder.remove() }
        let inside = folder.path("here.db")
        for (path, log, words) in [
            ("/no/where/x", "/no/where/y", "there is no folder /no/where"),
            ("no/where/x", "no/where/y", "there is no folder no/where"),
            (folder.path(""), "/", "is a folder"), (inside, "\(inside).log", nil), ("x", "y", nil),
        ] {
            let text = "store: {location: \"sqlite:\(path)\"}\naccessLog: {path: \"\(log)\"}\n" + Self.rest
            let found = mistakes(text)
            #expect(found.count == (words == nil ? 0 : 2), "\(found)")
            if let words { #expect(found.allSatisfy { $0.hasSuffix(words) }, "\(found)") }
            if words != nil {
                #expect(found.map { $0.split(separator: ":")[1] } == ["1", "2"], "\(found)")
            } else {
                #expect(try warnings(text) == [])
            }
        }
    }

    @Test(arguments: [
        "postgres://holdfast:p@ss/wo:rd!@127.0.0.1:42543/holdfast", "postgres://holdfast:S3cret@host1/rest@127.0.0.1/x",
        "valkey://u:p@ss/wo@127.0.0.1", "postgres://u:ss/wo@127.0.0.1", "postgres://u:ss?wo@127.0.0.1",
        "valkeys://u:ss#wo@127.0.0.1", "postgresql://u:p@ss@127.0.0.1", "postgres://u:p@ss:wo/keys",
        "postgres://u@db/keys?password=p@ss", "redis://u:p@127.0.0.1:ss",
    ])
    func `a store's URL that could be read in another way is refused, and no part of it is told`(url: String)
        async throws
    {
        let folder = try ConfigurationFolder()
        defer { folder.remove() }
        try folder.write(url + "\n", to: "store")
        for store in ["{location: \"\(url)\"}", "{locationFile: store}"] {
            let text = "store: \(store)\n" + Self.rest
            try folder.write(text)
            let found = folder.mistakes(text)
            #expect(found.count == 1 && found[0].contains("written as %XX"), "\(found)")
            #expect(found.allSatisfy { !$0.contains("ss:") && !$0.contains("/wo") && !$0.contains("host1") })
        }
        #expect(throws: ConfigurationMistakes.self) {
            try ConfigurationFile(Array(Self.rest.utf8), path: "x", environment: ["HOLDFAST_STORE": url])
        }
        #expect(StoreLocation(url)?.warnings([:]) == [])
        let ended = try await HoldfastProcess.run(["gateway", "--upstream", "http://127.0.0.1:1", "--store", url])
        #expect(ended.status == 64 && ended.errors.contains("written as %XX"), "\(ended.errors)")
        #expect(!ended.errors.contains("p@ss") && !ended.errors.contains("wo@"), "\(ended.errors)")
    }

    @Test func `a file with a byte order mark is told what it begins with`() {
        let bytes: [UInt8] = [0xEF, 0xBB, 0xBF] + Array(Self.rest.utf8)
        let error = #expect(throws: ConfigurationMistakes.self) { try ConfigurationFile(bytes, path: "x") }
        #expect(error?.all.first?.description.contains("1:1: the file begins with a byte order mark") == true)
    }

    @Test(arguments: [
        ("match: {methods: [POST]}", "after what was not sent alone: POST may not be sent twice"),
        (
            "match: {methods: [POST]}, idempotency: {honouredByService: true}",
            "after 502, 503, 504, and what was not sent"
        ),
        ("match: {methods: [GET]}", "after 502, 503, 504, and what was not sent"),
        ("match: {methods: [GET]}", "and what was not sent; Retry-After"),
        ("match: {methods: [GET, POST]}", "and what was not sent; for POST only after what was not sent; "),
        ("retry: {attempts: 2}", "and what was not sent; for PATCH and POST only after what was not sent; "),
        (
            "match: {methods: [PUT, PATCH]}, idempotency: {honouredByService: true}",
            "; for PATCH without a key only after what was not sent; "
        ),
        (
            "match: {methods: [POST]}, idempotency: {honouredByService: true}",
            "; without a key only after what was not sent; "
        ),
    ])
    func `the plan says what is tried again`(options: String, words: String) throws {
        let configuration = try read(
            "services: {a: {endpoints: [http://a]}}\nroutes: [{name: r, service: a, \(options)}]")
        #expect(configuration.routes[0].policyWords.contains { $0.hasPrefix("retry: ") && $0.contains(words) })
    }

    @Test(arguments: [
        ("match: {methods: [POST]}, hedge: {after: 1s}", "hedge: none: POST may not be sent twice"),
        ("match: {methods: [GET, POST]}, hedge: {after: 1s}", "; for POST none"),
        ("match: {methods: [GET]}, hedge: {after: 1s}", "hedge: "),
        ("match: {methods: [GET, HEAD]}", "idempotency: none: requests of GET, HEAD have no keys"),
        ("match: {methods: [GET, HEAD]}, idempotency: {keys: \"off\"}", "idempotency: keys are passed on"),
    ])
    func `the plan tells no hedge and no key where there are none`(options: String, words: String) throws {
        let configuration = try read(
            "services: {a: {endpoints: [http://a]}}\nroutes: [{name: r, service: a, \(options)}]")
        let lines = configuration.routes[0].policyWords
        #expect(lines.contains { $0.contains(words.replacing("GET, HEAD", with: "GET and HEAD")) }, "\(lines)")
    }
}
#endif
