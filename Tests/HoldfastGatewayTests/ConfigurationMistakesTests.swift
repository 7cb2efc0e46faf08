#if Gateway
import Foundation
import Holdfast
import HoldfastTesting
import Testing

@testable import HoldfastGateway

@Suite struct ConfigurationMistakesTests {
    private static let service = "services: {payments: {endpoints: [http://127.0.0.1:3000]}}\n"
    private static let route = "routes: [{name: everything, service: payments}]\n"

    /// The mistake in a route's option, on line 5.
    private func inRoute(_ option: String) -> [String] {
        mistakes(Self.service + "routes:\n  - name: everything\n    service: payments\n    \(option)\n")
    }

    /// The mistake in a service's option, on line 5.
    private func inService(_ option: String) -> [String] {
        mistakes(
            "services:\n  payments:\n    endpoints: [http://127.0.0.1:3000]\n    # ?\n    \(option)\n" + Self.route)
    }

    @Test(arguments: [
        (
            "deadline: 5",
            "15: routes[0].deadline is 5, but must be a duration such as 250ms, 5s, 2m, 24h or 7d, from 1ms to 1h"
        ),
        (
            "deadline: 2h",
            "15: routes[0].deadline is 2h, but must be a duration such as 250ms, 5s, 2m, 24h or 7d, from 1ms to 1h"
        ),
        (
            "deadline: [5s]",
            "15: routes[0].deadline is a list, but must be a duration such as 250ms, 5s, 2m, 24h or 7d, from 1ms to 1h"
        ),
        (
            "deadline: !fast 5s",
            "15: routes[0].deadline is a value with a tag, but must be a duration such as 250ms, 5s, 2m, 24h or 7d, from 1ms to 1h"
        ),
        ("concurrency: 0", "18: routes[0].concurrency is 0, but must be a whole number from 1 to 1000000"),
        ("concurrency: 010", "18: routes[0].concurrency is 010, but must be a whole number from 1 to 1000000"),
        ("concurrency: 1_000", "18: routes[0].concurrency is 1_000, but must be a whole number from 1 to 1000000"),
        ("concurrency: \"10\"", "18: routes[0].concurrency is 10, but must be a whole number from 1 to 1000000"),
        ("concurrency:", "17: routes[0].concurrency is empty, but must be a whole number from 1 to 1000000"),
        ("shadow: yes", "13: routes[0].shadow is yes, but must be true or false"),
        ("shadow: on", "13: routes[0].shadow is on, but must be true or false"),
        (
            "keptBytes: 1MB",
            "16: routes[0].keptBytes is 1MB, but must be a size such as 16KiB, 1MiB or 4096, from 0 to 64MiB"
        ),
        (
            "keptBytes: 65MiB",
            "16: routes[0].keptBytes is 65MiB, but must be a size such as 16KiB, 1MiB or 4096, from 0 to 64MiB"
        ),
        (
            "caller: ada",
            "13: routes[0].caller is ada, but must be `address`, `certificate`, or `field NAME`, with 1 to 8 names, or a section (options with values)"
        ),
        (
            "match: {path: charges}",
            "19: routes[0].match.path is charges, but must be a path that begins with '/', of at most 1024 visible characters"
        ),
        (
            "match: {path: /a*}",
            "19: routes[0].match.path is /a*, but must be '{name}' for a whole segment, and '*' for all that follow, at the end"
        ),
        ("match: {methods: [post]}", "23: routes[0].match.methods[0] is post, but must be methods, in capital letters"),
        (
            "match: {host: \"a:80\"}",
            "19: routes[0].match.host is a:80, but must be a host's name without a port, or \"*.\" and a name"
        ),
        (
            "idempotency: {keys: always}",
            "25: routes[0].idempotency.keys is always, but must be one of required, optional, off"
        ),
        (
            "idempotency: {profile: paypal}",
            "28: routes[0].idempotency.profile is paypal, but must be one of ietf, stripe, iceberg, success-only"
        ),
        (
            "idempotency: {length: 64-16}",
            "27: routes[0].idempotency.length is 64-16, but must be a number from 1 to 255, the least, or two, such as 16-64"
        ),
        (
            "retry: {statuses: [404, 600]}",
            "29: routes[0].retry.statuses[1] is 600, but must be statuses from 400 to 599"
        ),
        ("retry: {backoff: {from: 2s}}", "29: routes[0].retry.backoff.cap is 1s, but must be at least from, 2s"),
        (
            "retry: {backoff: {kind: constant, factor: 3}}",
            "47: routes[0].retry.backoff.factor must not be given with the kind constant"
        ),
        ("retry: 3", "12: routes[0].retry is 3, but must be a section (options with values)"),
        ("hedge: {after: 1s, quantile: 99%}", "34: routes[0].hedge.quantile must not be given beside after"),
        (
            "adaptiveLimit: {algorithm: aimd}",
            "20: routes[0].adaptiveLimit.threshold is missing, but must be given with aimd"
        ),
        ("adaptiveLimit: {minimum: 30}", "20: routes[0].adaptiveLimit: initial is 20, but must be from 30 to 1000"),
        (
            "rateLimit: {per: 1s}",
            "16: routes[0].rateLimit.requests is missing, but must be a whole number from 1 to 1000000000"
        ),
        ("budget: {tokens: {}, ratio: 10%}", "33: routes[0].budget.ratio must not be given beside tokens"),
        ("dedline: 5s", "5: routes[0] has no option dedline; did you mean 'deadline'?"),
        (
            "idempotency: {methods: [GET]}",
            "29: routes[0].idempotency.methods[0] is GET, but must be a method that may have an effect, so none of GET, HEAD, OPTIONS, TRACE and CONNECT"
        ),
        (
            "idempotency: {replayFields: [x-shop, Set-Cookie]}",
            "42: routes[0].idempotency.replayFields[1] is Set-Cookie, but must be a field's name, but of no cookie or challenge, no field of the connection or the message, and none of the gateway's"
        ),
        (
            "idempotency: {scopeFields: [Idempotency-Key]}",
            "33: routes[0].idempotency.scopeFields[0] is Idempotency-Key, but must be a field's name, but no field of the connection or the message, not the key, and none of the gateway's"
        ),
        (
            "idempotency: {keptStatuses: [199]}",
            "34: routes[0].idempotency.keptStatuses[0] is 199, but must be a whole number from 200 to 599"
        ),
        (
            "idempotency: {keptStatuses: [429]}",
            "34: routes[0].idempotency.keptStatuses[0] is 429, but must be a status that does not say that the request was not acted upon"
        ),
        (
            "idempotency: {keptStatuses: [502], releasedStatuses: [502]}",
            "33: routes[0].idempotency.keptStatuses must have nothing in common with routes[0].idempotency.releasedStatuses"
        ),
        (
            "idempotency: {unknown: probe}",
            "28: routes[0].idempotency.unknown is probe, but routes[0].idempotency.probe is missing"
        ),
        (
            "idempotency: {probe: {path: \"/{key}\"}}",
            "26: routes[0].idempotency.probe must not be given unless routes[0].idempotency.unknown is probe"
        ),
    ])
    func `a wrong option of a route is named with its place and what is allowed`(option: String, expected: String) {
        #expect(inRoute(option) == ["holdfast.yaml:5:\(expected)"])
    }

    @Test(arguments: [
        (
            "maximumEjected: 101%",
            "21: services.payments.maximumEjected is 101%, but must be a share such as 20% or 0.2, from 0% to 100%"
        ),
        (
            "serviceBreaker: on",
            "21: services.payments.serviceBreaker is on, but must be off, or a section (options with values)"
        ),
        (
            "breaker: {cooldown: 0s}",
            "25: services.payments.breaker.cooldown is 0s, but must be a duration such as 250ms, 5s, 2m, 24h or 7d, from 1ms to 1d, or a section (options with values)"
        ),
        (
            "breaker: {cooldown: {from: 5s, cap: 1s}}",
            "41: services.payments.breaker.cooldown.cap is 1s, but must be at least from, 5s"
        ),
        (
            "breaker: {cooldown: {from: 5s, factor: 2}}",
            "44: services.payments.breaker.cooldown.factor must not be given without cap"
        ),
        (
            "breaker: {failureRate: {ofLast: 10, atLeast: 20}}",
            "50: services.payments.breaker.failureRate.atLeast is 20, but must be at most ofLast, 10"
        ),
        (
            "breaker: {failureRate: {ofLast: 10, over: 20s}}",
            "37: services.payments.breaker.failureRate.ofLast must not be given beside over"
        ),
        (
            "breaker: {slowCalls: {over: 20s}}",
            "26: services.payments.breaker.slowCalls.slowerThan is missing, but must be a duration such as 250ms, 5s, 2m, 24h or 7d, from 1ms to 1h"
        ),
        (
            "healthCheck: {path: health}",
            "25: services.payments.healthCheck.path is health, but must be a path that begins with '/', of visible characters"
        ),
        (
            "tls: {trust: nowhere.pem}",
            "18: services.payments.tls.trust is nowhere.pem, but must be a file that can be read (No such file or directory)"
        ),
    ])
    func `a wrong option of a service is named with its place and what is allowed`(option: String, expected: String) {
        #expect(inService(option) == ["holdfast.yaml:5:\(expected)"])
    }

    @Test(arguments: [
        (
            "trusted: [10.0.0.1/8]",
            "listeners[0].trusted[0] is 10.0.0.1/8, but must be \(AddressRange.allowed), with no bit set behind its length"
        ),
        ("trusted: [proxy.internal]", "listeners[0].trusted[0] is proxy.internal, but must be \(AddressRange.allowed)"),
        (
            "lineageFrom: 10.0.0.0/8",
            "listeners[0].lineageFrom is 10.0.0.0/8, but must be a list of 1 to 256 of \(AddressRange.allowed)"
        ),
        (
            "lineageFrom: []",
            "listeners[0].lineageFrom has 0, but must be a list of 1 to 256 of \(AddressRange.allowed)"
        ),
        ("trustedFields: forwarded", "listeners[0].trustedFields must not be given without trusted"),
        ("proxyProtocol: required", "listeners[0].proxyProtocol must not be given without trusted"),
        (
            "trusted: [10.0.0.0/8], proxyProtocol: v2",
            "listeners[0].proxyProtocol is v2, but must be one of off, required"
        ),
    ])
    func `whom a listener believes is named with what is allowed`(option: String, expected: String) {
        let found = mistakes("listeners: [{address: 127.0.0.1:1, \(option)}]\n" + Self.service + Self.route)
        #expect(found.count == 1 && found.allSatisfy { $0.hasPrefix("holdfast.yaml:1:") })
        #expect(found.allSatisfy { $0.hasSuffix(": \(expected)") }, "\(found)")
    }

    @Test(arguments: ["ftp://x", "http://", "127.0.0.1:80", "http://a/b", "http://a:0", "http://a:65536", "http://u@h"])
    func `an endpoint is the address of a server and nothing more`(endpoint: String) {
        let found = mistakes("services: {payments: {endpoints: [\"\(endpoint)\"]}}\n" + Self.route)
        #expect(
            found == [
                "holdfast.yaml:1:35: services.payments.endpoints[0] is \(endpoint), but must be http://HOST[:PORT] or https://HOST[:PORT]"
            ])
    }

    @Test func `all mistakes are told in the order of their lines`() {
        let text = """
            threads: 0
            limits: {headerBytes: 1}
            services:
              payments: {endpoints: []}
              a b: {endpoints: [http://b]}
            routes:
              - name: one
                service: paymnets
                deadline: soon
              - name: one
                servise: payments
            nothing: here
            """
        #expect(
            mistakes(text).map { $0.prefix { $0 != " " } } == [
                "holdfast.yaml:1:10:", "holdfast.yaml:2:23:", "holdfast.yaml:4:25:", "holdfast.yaml:5:8:",
                "holdfast.yaml:8:14:", "holdfast.yaml:9:15:", "holdfast.yaml:10:5:", "holdfast.yaml:10:11:",
                "holdfast.yaml:11:5:", "holdfast.yaml:12:1:",
            ])
    }

    @Test func `a service that there is not is told with those that there are`() {
        let text = Self.service + "routes: [{name: everything, service: paymnets}]"
        #expect(
            mistakes(text) == [
                "holdfast.yaml:2:38: routes[0].service is paymnets, but must be one of payments; did you mean 'payments'?"
            ])
    }

    @Test func `two routes of one name are told with the first one's line`() {
        let text =
            Self.service + """
                routes:
                  - {name: one, service: payments}
                  - {name: one, service: payments}
                """
        #expect(mistakes(text) == ["holdfast.yaml:4:12: routes[1].name is one, but must be used once (line 3)"])
    }

    @Test func `a key that is nothing like another is told with all that there are`() {
        let found = mistakes(
            "services: {a: {endpoints: [http://b], tls: {insecure: true}}}\n" + "routes: [{name: r, service: a}]")
        #expect(
            found == [
                "holdfast.yaml:1:45: services.a.tls has no option insecure; it has trust, name, verify, certificate, key and ciphers"
            ])
    }

    @Test(arguments: [("/*", "/{id}/{key}"), ("/{key}", "/by-key/{key}")])
    func `a probe's path has the names of the route's path and no others`(match: String, path: String) {
        let found = mistakes(
            Self.service + "routes:\n  - name: everything\n    service: payments\n    match: {path: \"\(match)\"}\n"
                + "    idempotency: {unknown: probe, probe: {path: \"\(path)\"}}\n")
        #expect(found.count == 1)
        #expect(found.allSatisfy { $0.contains("but must be one with the names of \(match) and {key}") }, "\(found)")
    }

    @Test func `a key that is given twice is a mistake`() {
        let found = mistakes(Self.service + Self.route + "threads: 1\nthreads: 2\n")
        #expect(found == ["holdfast.yaml:3:1: threads is given twice, but must be given once"])
    }

    @Test(arguments: ["", "# nothing\n", "---\n"])
    func `a file that says nothing misses services and routes`(text: String) {
        let found = mistakes(text)
        #expect(
            found.contains { $0.contains("services is missing") } || found.contains { $0.contains("must be a section") }
        )
    }

    @Test(arguments: ["a: [", "a: \"b", "\t- a", "a: b: c", "%YAML 9.9\n---\na: b", "--- a\n--- b", "\u{1}"])
    func `what is no YAML is one mistake`(text: String) {
        let found = mistakes(text)
        #expect(found.count == 1)
        #expect(found.allSatisfy { $0.hasPrefix("holdfast.yaml:") && !$0.contains("\n") }, "\(found)")
    }

    @Test func `the text must be UTF-8`() {
        #expect(throws: ConfigurationMistakes.self) { try ConfigurationFile([0x61, 0xFF], path: "x") }
    }

    @Test(arguments: [
        "a: &x [1]\nb: *x", "a: &x [1]", "a: [*x]", "? &a [1]\n: 2", "a: {b: *c}", "match: {host: *.example.com}",
        "- &é b",
    ])
    func `anchors and aliases are refused before anything is built of them`(text: String) {
        let found = mistakes(text)
        #expect(found.count == 1)
        #expect(found.allSatisfy { $0.contains("reads like an anchor or alias") })
    }

    @Test func `a billion laughs is refused at once`() {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
        for level in 1...40 {
            text += "a\(level): &a\(level) [\(Array(repeating: "*a\(level - 1)", count: 9).joined(separator: ", "))]\n"
        }
        #expect(mistakes(text + "? *a40\n: x\n").count == 1)
    }

    @Test(arguments: ["\u{B}", "\u{C}"])
    func `what ends no line in YAML ends none beside an ampersand`(character: String) {
        for value in ["b", "\"b&\""] {
            let found = mistakes("a: \(value)\(character)c: d\n")
            #expect(
                found.count == 1
                    && found.allSatisfy { $0.contains(":1:") && $0.contains("stands here, which YAML does not allow") })
        }
    }

    @Test func `a comment may have an ampersand and a star`() {
        #expect(
            mistakes("# retries &hedges, *all*\n" + Self.service + "#&x\n" + Self.route + "threads: 1 # a & b * c\n")
                == [])
    }

    @Test(arguments: [
        String(repeating: "[", count: 100_000), String(repeating: "{a: ", count: 100_000),
        String(repeating: "- ", count: 100_000), (0..<900).map { String(repeating: " ", count: $0) + "a:\n" }.joined(),
        String(repeating: "? ", count: 100_000),
    ])
    func `nesting is bounded`(text: String) {
        #expect(!mistakes(text).isEmpty)
    }

    @Test func `whatever is in a file it is read or refused`() throws {
        let example = Array(try ConfigurationReferenceTests.example().utf8)
        let signs = Array("[]{}:,-?|>'\"%@`!#\n\t 0\u{0}".utf8)
        var generator = SeededGenerator(seed: 20)
        for _ in 0..<1_000 {
            var text = example
            for _ in 0..<Int.random(in: 1...8, using: &generator) {
                let place = Int.random(in: 0..<text.count, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: text[place] = UInt8.random(in: 0...255, using: &generator)
                case 1: text.insert(signs.randomElement(using: &generator) ?? 0, at: place)
                case 2: text.removeSubrange(place..<min(text.count, place + Int.random(in: 1...40, using: &generator)))
                default: text.insert(contentsOf: example.dropFirst(place / 2).prefix(60), at: place)
                }
            }
            // The files that it names are not there, so it is never right; it may be wrong in any way.
            #expect(throws: ConfigurationMistakes.self) { try ConfigurationFile(text, path: "nowhere/x.yaml") }
        }
    }

    @Test func `a file is at most 4 MiB`() throws {
        let folder = try ConfigurationFolder()
        defer { folder.remove() }
        let least = ConfigurationFolder.least
        let padding = "#" + String(repeating: "x", count: (4 << 20) - least.utf8.count - 1)
        _ = try ConfigurationFile(path: folder.write(least + padding))
        let error = #expect(throws: ConfigurationMistakes.self) {
            try ConfigurationFile(path: folder.write(least + padding + "x"))
        }
        #expect(error?.all.map(\.message) == ["must be a file of at most 4MiB"])
    }

    @Test func `what is no file is refused and not waited for`() throws {
        let folder = try ConfigurationFolder()
        defer { folder.remove() }
        #expect(mkfifo(folder.path("pipe"), 0o600) == 0)
        for path in [folder.path("pipe"), folder.folder.path, folder.path("missing"), "/dev/zero"] {
            #expect(throws: ConfigurationMistakes.self) { try ConfigurationFile(path: path) }
        }
    }

    @Test func `secrets are in no message`() throws {
        let folder = try ConfigurationFolder()
        defer { folder.remove() }
        try folder.write("hush", to: "token")
        try folder.write("hush hush hush hush", to: "key")
        let found = folder.mistakes(
            """
            admin: {tokenFile: token, token: hush-hush}
            store:
              location: postgre://ada:hush@db
              locationFile: key
              encryptionKeys: [{number: 1, file: key}]

            """ + ConfigurationFolder.least)
        #expect(found.count == 6, "\(found)")
        #expect(found.allSatisfy { !$0.contains("hush") }, "\(found)")
        #expect(mistakes("store: {location: \"postgres://ada:hush").allSatisfy { !$0.contains("hush") })
    }

    @Test func `encryption keys have numbers of their own`() async throws {
        let folder = try ConfigurationFolder()
        defer { folder.remove() }
        try await folder.writeSecrets()
        let found = folder.mistakes(
            """
            store:
              encryptionKeys:
                - {number: 1, file: secrets/outcomes-1}
                - {number: 1, file: secrets/outcomes-2}

            """ + ConfigurationFolder.least)
        #expect(found == ["4:16: store.encryptionKeys[1].number is 1, but must be used once"])
    }

    @Test func `an admin address that others reach needs a token`() {
        let found = mistakes("admin:\n  address: 0.0.0.0:9090\n" + ConfigurationFolder.least)
        #expect(found == ["holdfast.yaml:2:3: admin: admin is 0.0.0.0:9090, but must be on loopback, or have a token"])
    }
}
#endif
