#if Gateway
import Foundation
import TestSupport
import Testing

@testable import HoldfastGateway

/// What `check` warns of: one file for each warning, and one beside it that is not warned of.
@Suite struct CheckWarningsTests {
    /// A file in which only this is doubtful.
    ///
    /// - Parameters:
    ///   - listener: Its options beside the address, on line 1.
    ///   - store: On line 2.
    ///   - service: Beside its endpoints, on line 4.
    ///   - route: Beside its name and its service, on line 6.
    private static func text(
        listener: String = "", store: String = "location: sqlite:x.db", endpoints: String = "[http://a]",
        service: String = "", route: String = ""
    ) -> String {
        """
        listeners: [{address: 192.0.2.1:80\(listener.isEmpty ? "" : ", \(listener)")}]
        store: {\(store)}
        services:
          a: {endpoints: \(endpoints)\(service.isEmpty ? "" : ", \(service)")}
        routes:
          - {name: r, service: a\(route.isEmpty ? "" : ", \(route)")}
        """
    }

    private static let required = "idempotency: {keys: required}"

    @Test(arguments: [
        (text(store: "location: memory", route: required), "2:19:", "the store is memory, which a restart empties"),
        (text(endpoints: "[https://a]", service: "tls: {verify: false}"), "4:45:", "services.a.tls.verify is false"),
        (text(route: "match: {methods: [POST]}, retry: {attempts: 2}"), "6:71:", "retry does little: POST may not"),
        (text(route: "match: {methods: [POST]}, hedge: {after: 1s}"), "6:60:", "hedge does nothing: POST may not"),
        (
            text(route: "match: {methods: [GET]}, idempotency: {keys: optional}"), "6:72:",
            "idempotency does nothing: requests of GET have no keys"
        ),
        (
            text(route: "match: {methods: [GET]}, idempotency: {retention: 1h}"), "6:65:",
            "idempotency does nothing: requests of GET have no keys"
        ),
        (text(route: "match: {methods: [GET]}, \(required)"), "6:65:", "keys are required, but requests of GET"),
        (
            text(route: "deadline: 5s, attemptTimeout: 5s, idempotency: {wait: 6s}"), "6:81:",
            "idempotency.wait is 6s, but the deadline is 5s"
        ),
        (
            text(service: "healthCheck: {interval: 1s, timeout: 2s}"), "4:67:",
            "services.a.healthCheck.timeout is 2s, but interval is 1s"
        ),
        (text(service: "healthCheck: {interval: 500ms}"), "4:43:", "timeout is 1s, but interval is 500ms"),
        (text(route: "bodyLimit: 10MiB"), "6:38:", "bodyLimit is 10MiB, but a request with a key"),
        (text(endpoints: "[http://a, http://a]"), "4:18:", "services.a.endpoints has http://a:80 twice"),
        (
            text(route: "deadline: 5s, attemptTimeout: 5s, hedge: {after: 40s}"), "6:76:",
            "hedge does nothing: an attempt ends after 5s, and a hedge would come after 40s"
        ),
        (
            text(route: "hedge: {after: 10s}"), "6:42:",
            "hedge does nothing: an attempt ends after 10s, and a hedge would come after 10s"
        ),
        (text(route: "caller: address"), "6:35:", "callers are told apart by address, and keys are on"),
    ])
    func `each is told with its line and column, and nothing else is`(text: String, place: String, words: String) throws
    {
        let found = try ConfigurationFile(Array(text.utf8), path: "x").warnings
        #expect(found.count == 1, "\(found)")
        #expect(found.first?.description.hasPrefix("x:\(place)") == true, "\(found)")
        #expect(found.first?.message.contains(words) == true, "\(found)")
    }

    @Test(arguments: [
        text(), text(route: required), text(store: "location: memory"), text(endpoints: "[https://a]"),
        text(endpoints: "[https://a]", service: "tls: {verify: true}"),
        text(route: "match: {methods: [POST]}, retry: {attempts: 1}"), text(route: "match: {methods: [POST]}"),
        text(
            route: "match: {methods: [POST]}, retry: {attempts: 2}, idempotency: {honouredByService: true}"),
        text(route: "match: {methods: [GET, POST]}, retry: {attempts: 2}"), text(route: "match: {methods: [GET]}"),
        text(route: "match: {methods: [GET]}, idempotency: {keys: \"off\"}"),
        text(route: "match: {methods: [DELETE]}, idempotency: {methods: [DELETE]}"),
        text(route: "deadline: 5s, attemptTimeout: 5s"),
        text(route: "deadline: 5s, attemptTimeout: 5s, idempotency: {wait: 5s}"),
        text(service: "healthCheck: {interval: 1s, timeout: 1s}"), text(endpoints: "[http://a, http://b]"),
        text(route: "caller: address, idempotency: {keys: \"off\"}"), text(endpoints: "[http://a:80, https://a:80]"),
        text(endpoints: "[http://a:80, http://a:81]"), text(endpoints: "[http://10.1, http://10.0.1.0]"),
        text(endpoints: "[\"http://[::1]\", http://127.0.0.1]"), text(endpoints: "[http://a, http://a.b]"),
    ])
    func `what is meant, or is only a default, is not warned of`(text: String) throws {
        #expect(try ConfigurationFile(Array(text.utf8), path: "x").warnings == [])
    }

    @Test func `a certificate that is over or soon will be is told, and one that lives for a day is not`() async throws
    {
        for (days, words) in [(-1, "has expired"), (5, nil), (100, nil)] {
            let certificate = try await TestCertificate.make(days: days)
            let tls = "tls: {certificate: \(certificate.certificate), key: \(certificate.key)}"
            let found = try ConfigurationFile(Array(Self.text(listener: tls).utf8), path: "x").warnings
            #expect(found.count == (words == nil ? 0 : 1), "\(found)")
            if let words { #expect(found[0].line == 1 && found[0].message.contains(words), "\(found)") }
        }
    }

    @Test func `an end that is near is told in the last third of a certificate's time`() {
        let day = 86_400
        for (lived, left, isTold) in [
            (355, 10, true), (351, 14, false), (100, -1, true), (60, 29, false), (85, 5, true), (2, 1, false),
            (3, 1, true),
        ] {
            let fault = CertificateEnd(notBefore: -lived * day, notAfter: left * day).fault(at: 0)
            #expect((fault != nil) == isTold, "\(lived), \(left)")
        }
    }

    @Test(arguments: [
        ("http://a", "http://A"), ("http://a", "http://a:80"), ("http://a", "http://a."),
        ("https://a:443", "https://A."),
        ("http://127.1", "http://127.0.0.1"), ("http://0x7f.1", "http://2130706433"),
        ("http://[::1]", "http://[0:0:0:0:0:0:0:1]:80"), ("http://[2001:DB8::1]", "http://[2001:db8:0::0001]"),
        ("http://[::ffff:192.0.2.7]", "http://192.0.2.7"), ("http://[::ffff:c000:207]", "http://192.0.2.7"),
    ])
    func `an endpoint that is given twice is told, however it is spelled`(one: String, two: String) throws {
        for endpoints in ["[\"\(one)\", \"\(two)\"]", "[\"\(two)\", http://b, \"\(one)\"]"] {
            let found = try ConfigurationFile(Array(Self.text(endpoints: endpoints).utf8), path: "x").warnings
            #expect(found.count == 1, "\(found)")
            #expect(found.first?.message.contains(" again") == true || found.first?.message.contains(" twice") == true)
        }
    }

    @Test(arguments: [
        (["--store", "memory", "--key", "required"], "the store is memory, which a restart empties"),
        (
            ["--upstream", "http://LOCALHOST.:1"],
            "--upstream has http://LOCALHOST.:1, which is http://localhost:1 again"
        ),
        (["--upstream", "http://localhost:1"], "--upstream has http://localhost:1 twice"),
        (["--wait", "31s", "--timeout", "30s"], "--wait is 31s, but the deadline is 30s"),
    ])
    func `what the command line says is warned of at the start as a file's would be`(
        options: [String], words: String
    ) async throws {
        let store = options.contains("--store") ? [] : ["--store", "memory"]
        let gateway = try await HoldfastProcess.start(
            ["gateway", "--upstream", "http://localhost:1"] + store + options)
        gateway.signal(SIGTERM)
        _ = await gateway.end()
        let warnings = try await gateway.errors().split(separator: "\n").filter { $0.contains(" level=warning ") }
        #expect(warnings.filter { $0.contains("message=\"\(words)") }.count == 1, "\(warnings)")
    }

    @Test func `what check warns of, the start warns of in the same words`() async throws {
        let folder = try ConfigurationFolder()
        defer { folder.remove() }
        let path = try folder.write(
            """
            listeners: [{address: 127.0.0.1:0}]
            admin: {address: 127.0.0.1:0}
            store: {location: memory}
            services:
              a: {endpoints: [http://a.invalid, http://A.invalid.], healthCheck: {interval: 1s, timeout: 2s}}
            routes:
              - {name: r, service: a, \(Self.required)}
            """)
        let checked = try await HoldfastProcess.run(["check", path])
        let doubts = checked.errors.split(separator: "\n").map { $0.dropFirst("warning: ".count) }
        #expect(doubts.count == 3, "\(checked.errors)")
        let gateway = try await HoldfastProcess.start(["gateway", "--config", path], takesPorts: false)
        gateway.signal(SIGTERM)
        _ = await gateway.end()
        let log = try await gateway.errors()
        for doubt in doubts { #expect(log.contains("level=warning message=\"\(doubt)\""), "\(doubt): \(log)") }
    }

    @Test func `what is no warning but a mistake stays one: its own listener, and a key that all may read`()
        async throws
    {
        let own = Self.text(endpoints: "[\"http://192.0.2.1:80\"]")
        #expect(
            mistakes(own).count == 1 && mistakes(own)[0].contains(":4:18: services.a.endpoints has http://192.0.2.1:80")
        )
        let certificate = try await TestCertificate.make(days: 100)
        try await Shell.run("chmod 644 \(certificate.key)")
        let tls = "tls: {certificate: \(certificate.certificate), key: \(certificate.key)}"
        let open = mistakes(Self.text(listener: tls))
        #expect(open.count == 1 && open[0].contains("that others may not read"), "\(open)")
    }

    @Test func `check writes each with warning in front, and with strict ends with 1`() async throws {
        let folder = try ConfigurationFolder()
        defer { folder.remove() }
        let doubtful = try folder.write(Self.text(store: "location: memory", route: Self.required), to: "doubtful.yaml")
        let lax = try await HoldfastProcess.run(["check", doubtful])
        #expect(lax.status == 0 && lax.output.contains("Service a"))
        let lines = lax.errors.split(separator: "\n")
        #expect(lines.count == 1 && lines[0].hasPrefix("warning: \(doubtful):2:19: the store is memory"), "\(lines)")
        let strict = try await HoldfastProcess.run(["check", "--strict", doubtful])
        #expect(
            strict.status == 1 && strict.errors.hasSuffix("holdfast: a warning, and --strict takes none\n"),
            "\(strict.errors)")
        let clear = try folder.write(
            Self.text(route: "idempotency: {keys: \"off\"}"), to: "clear.yaml")
        let clean = try await HoldfastProcess.run(["check", "--strict", clear])
        #expect(clean.status == 0 && clean.errors == "", "\(clean.errors)")
        let alone = try await HoldfastProcess.run(["check", "--reference", "--strict"])
        #expect(alone.status == 64)
    }

    @Test(arguments: [
        ("postgres://127.0.0.1/keys?nonsense=1", "store.location: the store's URL cannot be read"),
        ("postgres://127.0.0.1:port/keys", "written as %XX"), ("postgres://127.0.0.1/keys?sslmode", "cannot be read"),
        ("valkey://127.0.0.1/not-a-number", "store.location: "),
        ("sqlite:/bin/sh", "/bin/sh is no file of SQLite's"), ("postgres://127.0.0.1/keys?sslmode=foo", "sslmode in"),
        ("sqlite:/nowhere/at/all.db", "the store cannot be opened: there is no folder /nowhere/at"),
    ])
    func `what the store's client refuses is told by check, at its line, and ends both with 64`(
        location: String, words: String
    ) async throws {
        let folder = try ConfigurationFolder()
        defer { folder.remove() }
        let path = try folder.write(Self.text(store: "location: \"\(location)\""))
        for arguments in [["check"], ["gateway", "--config"]] {
            let (status, output, errors) = try await HoldfastProcess.run(arguments + [path])
            #expect(status == 64 && output == "", "\(errors)")
            #expect(errors.contains("\(path):2:19: ") && errors.contains(words), "\(errors)")
        }
    }

    @Test func `a file that the start cannot make ends it with 78, and with 1 what may come`() async throws {
        let folder = try ConfigurationFolder()
        defer { folder.remove() }
        let upstream = [
            "gateway", "--upstream", "http://127.0.0.1:1", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0",
        ]
        for (store, status) in [
            ("sqlite:\(folder.path(""))", 78), ("sqlite:\(folder.path("none/x.db"))", 78),
            ("postgres://127.0.0.1:9/none?connect_timeout=1", 1),
        ] as [(String, Int32)] {
            let ended = try await HoldfastProcess.run(upstream + ["--store", store])
            #expect(ended.status == status, "\(store): \(ended.errors)")
        }
    }
}
#endif
