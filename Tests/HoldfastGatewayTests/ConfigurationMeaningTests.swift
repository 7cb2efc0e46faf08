#if Gateway
import Foundation
import Holdfast
import HoldfastHTTP
import Testing

@testable import HoldfastGateway

@Suite struct ConfigurationMeaningTests {
    @Test func `the least file is as the types' defaults are`() throws {
        let configuration = try read("threads: 3\n" + ConfigurationFolder.least)
        let service = ServiceConfiguration(
            name: "payments", endpoints: [.init(address: .init(host: "127.0.0.1", port: 3000))])
        let expected = GatewayConfiguration(
            listeners: [.init(address: .init(host: "127.0.0.1", port: 8080))], services: [service],
            routes: [.init(name: "everything", service: "payments")], threads: 3)
        #expect(configuration == expected)
    }

    @Test func `empty sections are as if they were not there`() throws {
        let least = try read("threads: 3\n" + ConfigurationFolder.least)
        let text = """
            threads: 3
            admin: {}
            store: {encryptionKeys: []}
            limits: {}
            services:
              payments: {endpoints: [http://127.0.0.1:3000], tls: {}, breaker: {}, serviceBreaker: {}, budget: {}}
            routes:
              - {name: everything, service: payments, match: {}, idempotency: {}, retry: {backoff: {}}}
            """
        #expect(try read(text) == least)
    }

    @Test func `listeners and the whole gateway are as the file says`() async throws {
        let folder = try ConfigurationFolder()
        defer { folder.remove() }
        try await folder.writeSecrets()
        let file = try folder.read(
            """
            listeners:
              - address: "[::1]:8443"
                tls: {certificate: secrets/certificate.pem, key: secrets/key.pem}
                http2: false
                streams: 7
                trusted: [10.0.0.0/8, "2001:db8::/32"]
                trustedFields: forwarded
                proxyProtocol: required
                lineageFrom: [192.0.2.1]
              - {address: 127.0.0.1:0}
            admin: {address: 0.0.0.0:9191, tokenFile: secrets/admin-token}
            store:
              locationFile: secrets/store
              encryptionKeys: [{number: 2, file: secrets/outcomes-2}, {number: 1, file: secrets/outcomes-1}]
              maximumKeys: 23
              maximumBytes: 24KiB
            accessLog: {path: log, sample: 12.5%, begins: keyed}
            threads: 9
            limits:
              connections: 11
              connectionsPerClient: 18
              bodyRate: 19KiB
              bodyGrace: 20ms
              keptBytes: 21MiB
              headerBytes: 12KiB
              fields: 28
              headerTimeout: 13s
              idleTimeout: 14s
              clientTimeout: 22s
              webSocketTimeout: 2h
              drainDelay: 14s
              drainTimeout: 15s
              keysPerCaller: 16
              bytesPerCaller: 17MiB
              keysPerAddress: 25
              bytesPerAddress: 26KiB
              refusedRetention: 27m

            """ + ConfigurationFolder.least)
        var expected = GatewayConfiguration(
            listeners: [
                .init(address: .init(host: "::1", port: 8443)), .init(address: .init(host: "127.0.0.1", port: 0)),
            ], services: file.configuration.services, routes: file.configuration.routes, threads: 9)
        expected.listeners[0].tls = .init(
            certificate: folder.path("secrets/certificate.pem"), key: folder.path("secrets/key.pem"))
        expected.listeners[0].http2 = false
        expected.listeners[0].streams = 7
        expected.listeners[0].trusted = [try AddressRange("10.0.0.0/8"), try AddressRange("2001:db8::/32")]
        expected.listeners[0].trustedFields = .forwarded
        expected.listeners[0].proxyProtocol = .required
        expected.listeners[0].lineageFrom = [try AddressRange("192.0.2.1/32")]
        expected.admin.address = .init(host: "0.0.0.0", port: 9191)
        expected.admin.token = "a-token-of-twenty-eight-bytes"
        expected.store.location = .postgres(url: "postgres://ada:hush@db/keys")
        expected.store.encryptionKeys = [
            .init(number: 2, file: folder.path("secrets/outcomes-2")),
            .init(number: 1, file: folder.path("secrets/outcomes-1")),
        ]
        expected.accessLog = AccessLogConfiguration()
        expected.accessLog?.path = "log"
        expected.accessLog?.sample = 0.125
        expected.accessLog?.begins = .keyed
        expected.connections = 11
        expected.connectionsPerClient = 18
        expected.bodyRate = 19 << 10
        expected.bodyGrace = .milliseconds(20)
        expected.keptBytes = 21 << 20
        expected.headerLimit = 12 << 10
        expected.fieldLimit = 28
        expected.headerTimeout = .seconds(13)
        expected.idleTimeout = .seconds(14)
        expected.clientTimeout = .seconds(22)
        expected.webSocketTimeout = .seconds(7_200)
        expected.drainDelay = .seconds(14)
        expected.drainTimeout = .seconds(15)
        expected.keysPerCaller = 16
        expected.bytesPerCaller = 17 << 20
        (expected.store.maximumKeys, expected.store.maximumBytes) = (23, 24 << 10)
        (expected.keysPerAddress, expected.bytesPerAddress) = (25, 26 << 10)
        expected.refusedRetention = .seconds(27 * 60)
        #expect(file.configuration == expected)
        #expect(file.sealing != nil)
        #expect(
            Set(file.files.map { URL(filePath: $0).lastPathComponent }) == [
                "holdfast.yaml", "certificate.pem", "key.pem", "admin-token", "store", "outcomes-1", "outcomes-2",
            ])
        #expect("\(file.configuration.store)".contains("hush") == false)
    }

    @Test func `a service is as the file says`() throws {
        let configuration = try read(
            """
            services:
              payments:
                endpoints: [https://a.example, "http://[::1]:81"]
                tls: {name: pay.example, verify: false}
                breaker:
                  consecutiveFailures: 7
                  failureRate: {share: 40%, ofLast: 50, atLeast: 10}
                  slowCalls: {share: 0.9, slowerThan: 2s, over: 1m, atLeast: 30}
                  cooldown: {from: 1s, cap: 1m, factor: 3, jitter: 20%}
                  probes: 2
                  successesToClose: 3
                  probeHold: 4s
                  ramp: 5s
                serviceBreaker: off
                maximumEjected: 25%
                healthCheck: {path: /up, interval: 6s, timeout: 7s, unhealthyAfter: 8, healthyAfter: 9}
                evidence: callers
                resolveInterval: 10s
                connections: 11
                connectTimeout: 12s
                budget: {ratio: 13%, reservePerSecond: 14, window: 15s}
                forwarded: true
                via: false
              other:
                endpoints: [http://b]
                breaker: {cooldown: 9s}
                serviceBreaker: {consecutiveFailures: 3}
                budget: {tokens: {capacity: 1, retryCost: 2, throttleCost: 3, refund: 4}}
            routes: [{name: everything, service: payments}]
            """)
        var expected = ServiceConfiguration(
            name: "payments",
            endpoints: [
                .init(address: .init(host: "a.example", port: 443), usesTLS: true),
                .init(address: .init(host: "::1", port: 81)),
            ])
        expected.tls.name = "pay.example"
        expected.tls.verifies = false
        expected.breaker.trip = .any(
            .consecutiveFailures(7), .failureRate(0.4, ofLast: 50, atLeast: 10),
            .slowCallRate(0.9, slowerThan: .seconds(2), over: .seconds(60), atLeast: 30))
        expected.breaker.cooldown = .growing(from: .seconds(1), cap: .seconds(60), factor: 3, jitter: 0.2)
        expected.breaker.probes = 2
        expected.breaker.successesToClose = 3
        expected.breaker.probeHold = .seconds(4)
        expected.breaker.ramp = .seconds(5)
        expected.serviceBreaker = nil
        expected.maximumEjected = 0.25
        expected.healthCheck = .init()
        expected.healthCheck?.path = "/up"
        expected.healthCheck?.interval = .seconds(6)
        expected.healthCheck?.timeout = .seconds(7)
        expected.healthCheck?.unhealthyAfter = 8
        expected.healthCheck?.healthyAfter = 9
        expected.evidence = .callers
        expected.resolveInterval = .seconds(10)
        expected.connections = 11
        expected.connectTimeout = .seconds(12)
        expected.budget = .ratio(0.13, reservePerSecond: 14, over: .seconds(15))
        expected.forwarded = true
        expected.via = false
        #expect(configuration.services[0] == expected)

        var other = ServiceConfiguration(name: "other", endpoints: [.init(address: .init(host: "b", port: 80))])
        other.breaker.cooldown = .fixed(.seconds(9), jitter: 0.1)
        other.serviceBreaker?.trip = .consecutiveFailures(3)
        var tokens = RetryBudgetConfiguration.Tokens()
        (tokens.capacity, tokens.retryCost, tokens.throttleCost, tokens.refund) = (1, 2, 3, 4)
        other.budget = .tokens(tokens)
        #expect(configuration.services[1] == other)
    }

    @Test(arguments: [
        ("", ServiceConfiguration.Evidence.callers), ("breaker: {cooldown: 9s}", .callers),
        ("breaker: {failureRate: {share: 50%}}", .callers), ("breaker: {consecutiveFailures: 3}", .each),
        ("breaker: {consecutiveFailures: 5}", .each), ("serviceBreaker: {consecutiveFailures: 3}", .each),
        ("serviceBreaker: \"off\"", .callers), ("evidence: each", .each),
        ("breaker: {consecutiveFailures: 3}, evidence: callers", .callers),
    ])
    func `who says how many failures in a row trip has each of them count`(
        options: String, evidence: ServiceConfiguration.Evidence
    ) throws {
        let configuration = try read(
            """
            services: {payments: {endpoints: [http://b], \(options)}}
            routes: [{name: everything, service: payments}]
            """)
        #expect(configuration.services[0].countedEvidence == evidence)
    }

    @Test func `a route is as the file says`() throws {
        let configuration = try read(
            """
            services: {payments: {endpoints: [http://b]}}
            routes:
              - name: charge
                match:
                  host: "*.Example.com"
                  path: /charges/{id}
                  methods: [POST, PATCH]
                  fields: {x-tier: gold, x-debug: }
                service: payments
                shadow: true
                caller: address
                rateLimit: {requests: 2, per: 3s, burst: 4, byCaller: false, callers: 5}
                concurrency: 6
                adaptiveLimit: {algorithm: aimd, threshold: 7ms, initial: 8, minimum: 7, maximum: 9}
                idempotency:
                  keys: required
                  profile: iceberg
                  form: word
                  length: 10-20
                  methods: [POST, PUT]
                  keptStatuses: [202, 502]
                  releasedStatuses: [503]
                  fingerprintFields: [Stripe-Version]
                  scopeFields: [Stripe-Account]
                  replayFields: [X-Shop]
                  retention: 11m
                  unknown: rerun
                  honouredByService: true
                deadline: 12s
                retry:
                  attempts: 13
                  backoff: {kind: linear, from: 14ms, step: 15ms, cap: 16s, jitter: equal}
                  statuses: [429, 503]
                  retryAfterLimit: 17s
                  nesting: eachLayer
                hedge: {quantile: 90%, atLeast: 18, until: 19s, hedges: 2}
                budget: {ratio: 20%}
                attemptTimeout: 21s
                streamTimeout: 23s
                bodyLimit: 22KiB
                keptBytes: 23KiB
                webSockets: false
              - {name: read, service: payments, caller: field X-Tenant X-Api-Key, callerName: [X-Tenant], hedge: {after: 24ms}}
              - name: refund
                service: payments
                match: {path: "/charges/{id}/refunds"}
                idempotency:
                  unknown: probe
                  probe: {path: "/refunds/{id}?key={key}", replayAnswer: false, status: 201, settle: 25s}
            """)
        var expected = RouteConfiguration(name: "charge", service: "payments")
        expected.match.host = "*.example.com"
        expected.match.path = try PathPattern("/charges/{id}")
        expected.match.methods = ["POST", "PATCH"]
        expected.match.fields = ["x-tier": "gold", "x-debug": nil]
        expected.isShadow = true
        expected.caller = .address
        expected.rateLimit = .init(requests: 2)
        expected.rateLimit?.per = .seconds(3)
        expected.rateLimit?.burst = 4
        expected.rateLimit?.byCaller = false
        expected.rateLimit?.callers = 5
        expected.concurrency = 6
        var limit = AdaptiveLimitConfiguration()
        limit.algorithm = .aimd(threshold: .milliseconds(7))
        (limit.initial, limit.minimum, limit.maximum) = (8, 7, 9)
        expected.adaptiveLimit = limit
        expected.idempotency.keys = .required
        expected.idempotency.profile = .iceberg
        expected.idempotency.rules = KeyRules(form: .word, length: 10...20)
        expected.idempotency.methods = ["POST", "PUT"]
        expected.idempotency.keptStatuses = [202, 502]
        expected.idempotency.releasedStatuses = [503]
        expected.idempotency.fingerprintFields = ["stripe-version"]
        expected.idempotency.scopeFields = ["stripe-account"]
        expected.idempotency.replayFields = ["x-shop"]
        expected.idempotency.retention = .seconds(660)
        expected.idempotency.unknown = .rerun
        expected.idempotency.isHonouredByService = true
        expected.deadline = .seconds(12)
        expected.retry.attempts = 13
        expected.retry.backoff = .linear(
            from: .milliseconds(14), step: .milliseconds(15), cap: .seconds(16), jitter: .equal)
        expected.retryStatuses = [429, 503]
        expected.retry.retryAfterLimit = .seconds(17)
        expected.retry.nesting = .eachLayer
        var hedge = HedgeConfiguration()
        hedge.delay = .observed(quantile: 0.9, atLeast: 18, until: .seconds(19))
        hedge.hedges = 2
        expected.hedge = hedge
        expected.budget = .ratio(0.2)
        expected.attemptTimeout = .seconds(21)
        expected.streamTimeout = .seconds(23)
        expected.bodyLimit = 22 << 10
        expected.keptBytes = 23 << 10
        expected.webSockets = false
        #expect(configuration.routes[0] == expected)
        #expect(configuration.routes[1].caller == .fields(["x-tenant", "x-api-key"]))
        #expect(configuration.routes[1].callerName == ["x-tenant"])
        #expect(configuration.routes[1].hedge?.delay == .fixed(.milliseconds(24)))
        var probe = RouteConfiguration.Idempotency.Probe(path: try ProbePath("/refunds/{id}?key={key}"))
        (probe.replaysAnswer, probe.status, probe.settle) = (false, 201, .seconds(25))
        #expect(configuration.routes[2].idempotency.unknown == .probe)
        #expect(configuration.routes[2].idempotency.probe == probe)
    }

    @Test(arguments: [
        ("{}", "{path: /a}", true), ("{path: /a/*}", "{path: /a}", true),
        ("{path: /a/*}", "{path: \"/a/{b}/c\"}", true),
        ("{path: \"/a/{b}\"}", "{path: /a/b}", true), ("{path: \"/a/{b}\"}", "{path: /a/*}", false),
        ("{path: /a/b}", "{path: \"/a/{b}\"}", false), ("{path: /a}", "{path: /b}", false),
        ("{methods: [GET, HEAD]}", "{methods: [GET]}", true), ("{methods: [GET]}", "{}", false),
        ("{host: a.b}", "{host: a.b, path: /x}", true), ("{host: \"*.b\"}", "{host: a.b}", true),
        ("{host: a.b}", "{}", false), ("{fields: {x: }}", "{fields: {X: y}}", true),
        ("{fields: {x: y}}", "{fields: {x: }}", false),
    ])
    func `a route that an earlier one hides is warned of`(first: String, second: String, isHidden: Bool) throws {
        let text = """
            services: {payments: {endpoints: [http://b]}}
            routes:
              - {name: one, service: payments, match: \(first)}
              - {name: two, service: payments, match: \(second)}
            """
        let warnings = try ConfigurationFile(Array(text.utf8), path: "holdfast.yaml").warnings.map(\.description)
        let expected = "holdfast.yaml:4:5: route two is never reached: one (line 3) takes all that it matches"
        #expect(warnings == (isHidden ? [expected] : []))
    }

    @Test func `a service that no route goes to is warned of`() throws {
        let text = "services: {a: {endpoints: [http://a]}, b: {endpoints: [http://b]}}\nroutes: [{name: r, service: a}]"
        let warnings = try ConfigurationFile(Array(text.utf8), path: "x").warnings.map(\.message)
        #expect(warnings == ["no route goes to service b"])
    }

    @Test(arguments: [
        ("trusted: [0.0.0.0/0]", "listeners[0].trusted has 0.0.0.0/0: whoever can connect is believed"),
        ("lineageFrom: [10.0.0.0/8, \"::/0\"]", "listeners[0].lineageFrom has ::/0: whoever can connect is believed"),
        ("trusted: [10.0.0.0/8]", nil),
    ])
    func `a listener that believes everybody is warned of`(option: String, warning: String?) throws {
        let text = "listeners: [{address: 127.0.0.1:1, \(option)}]\n" + ConfigurationFolder.least
        let warnings = try ConfigurationFile(Array(text.utf8), path: "x").warnings.map(\.message)
        #expect(warnings == (warning.map { [$0] } ?? []))
    }

    @Test func `the plan tells whom a listener believes`() throws {
        var listener = ListenerConfiguration(address: .init(host: "127.0.0.1", port: 1))
        #expect(
            listener.trustWords == [
                "where requests come from: believes nobody, and replaces what they say", "lineage: believes nobody",
            ])
        listener.trusted = [try AddressRange("10.0.0.0/8"), try AddressRange("::1")]
        listener.lineageFrom = [try AddressRange("192.0.2.1")]
        #expect(
            listener.trustWords == [
                "where requests come from: believes X-Forwarded-For, -Proto and -Host of 10.0.0.0/8, ::1",
                "lineage: believes 192.0.2.1",
            ])
        listener.trustedFields = .forwarded
        listener.proxyProtocol = .required
        #expect(listener.trustWords[0].contains("believes the PROXY protocol and Forwarded of"))
    }

    @Test(arguments: [
        ("deadline: 5s, attemptTimeout: 6s", "routes[0].attemptTimeout is 6s, longer than the deadline, 5s"),
        ("deadline: 5s, attemptTimeout: 5s", nil), ("deadline: 5s", nil),
        ("idempotency: {unknown: rerun}", "routes[0].idempotency.unknown is rerun without honouredByService: true"),
        ("idempotency: {unknown: rerun, honouredByService: true}", nil),
    ])
    func `what is allowed and hardly meant is warned of`(options: String, warning: String?) throws {
        let text = "services: {a: {endpoints: [http://a]}}\nroutes: [{name: r, service: a, \(options)}]"
        let warnings = try ConfigurationFile(Array(text.utf8), path: "x").warnings.map(\.message)
        #expect(warnings.count == (warning == nil ? 0 : 1), "\(warnings)")
        if let warning { #expect(warnings.first?.hasPrefix(warning) == true, "\(warnings)") }
    }

    @Test(arguments: [
        ("idempotency: {wait: 3s}", "; a duplicate waits 3s; "),
        ("retry: {retryAfterLimit: 7s}", "; Retry-After lengthens a wait by 7s at the most"),
        ("retry: {nesting: eachLayer}", "; whether or not other layers retry"),
        ("bodyLimit: 10", "body: at most 10 bytes"), ("bodyLimit: 64KiB", "body: at most 64KiB"),
        ("hedge: {until: 4s, atLeast: 18}", ", and after 4s until 18 were seen"),
    ])
    func `the plan tells what decides whether and when a caller is answered`(options: String, words: String) throws {
        let text = "services: {a: {endpoints: [http://a]}}\nroutes: [{name: r, service: a, \(options)}]"
        let route = try ConfigurationFile(Array(text.utf8), path: "x").configuration.routes[0]
        #expect(route.policyWords.contains { $0.contains(words) }, "\(route.policyWords)")
    }

    @Test(arguments: [
        ("1ms", 1), ("90s", 90_000), ("2m", 120_000), ("24h", 86_400_000), ("7d", 604_800_000), ("0s", 0),
    ])
    func `durations are read and written in one spelling`(words: String, milliseconds: Int) {
        #expect(Duration(words: words) == .milliseconds(milliseconds))
        #expect(Duration(words: Duration.milliseconds(milliseconds).words) == .milliseconds(milliseconds))
    }

    @Test(arguments: ["", "s", "5", "5 s", "-5s", "+5s", "1.5s", "05s", "5S", "1e3s", "1m30s", "9999999999s", "٣s"])
    func `what is no duration is none`(words: String) {
        #expect(Duration(words: words) == nil)
    }
}
#endif
