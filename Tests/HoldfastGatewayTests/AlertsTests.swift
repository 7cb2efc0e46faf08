#if Gateway
import Foundation
import Holdfast
import HoldfastHTTP
import HoldfastIdempotency
import NIOHTTP1
import Synchronization
import TestSupport
import Testing

@testable import HoldfastGateway

/// The alerts that are shipped. That each of them fires when it must and not before is shown beside them, by
/// `Scripts/check-alerts`; here, that they are about what the gateway really says.
@Suite struct AlertsTests {
    @Test func `every series that alerts and dashboard ask for is one that the gateway emits`() throws {
        let emitted = Series(GatewayMetrics.text(try MetricsSnapshot.full()))
        let dashboard = try Dashboard.read()
        let alerts = try Alerts.read().expressions
        #expect(alerts.count > 30)
        var asked = 0
        for expression in alerts + dashboard.expressions + dashboard.definitions {
            let names = expression.matches(of: /\b(?:holdfast|process)_[a-z_]+/).map { String($0.output) }
            asked += names.count
            for name in names { #expect(emitted.labels[name] != nil, "\(name) in \(expression)") }
            for match in expression.matches(of: /\b((?:holdfast|process)_[a-z_]+)\{([^}]*)\}/) {
                let name = String(match.output.1)
                for matcher in match.output.2.matches(of: /(\w+)(=~|=)"([^"]*)"/) {
                    let (label, values) = (String(matcher.output.1), String(matcher.output.3))
                    guard !["job", "instance"].contains(label) else { continue }
                    let known = emitted.labels[name]?[label]
                    #expect(known != nil, "\(name) has no label \(label): \(expression)")
                    guard !values.contains("$") else { continue }
                    for value in values.split(separator: "|", omittingEmptySubsequences: false) {
                        #expect(known?.contains(String(value)) == true, "\(name) is never \(label)=\(value)")
                    }
                }
            }
            let labels = Set(names.flatMap { emitted.labels[$0].map { Array($0.keys) } ?? [] })
            for clause in expression.matches(of: /\b(?:by|on) \(([^)]*)\)/) {
                for label in clause.output.1.split(separator: ",").map({ $0.trimmingCharacters(in: .whitespaces) }) {
                    #expect(labels.union(["job", "instance"]).contains(label), "\(label) in \(expression)")
                }
            }
        }
        #expect(asked > 100)
    }

    @Test func `each alert has a section of the guide, and each section an alert`() throws {
        let (alerts, guide) = (try Alerts.read(), try Alerts.guide())
        let sections = guide.matches(of: /(?m)^#+ (Holdfast[A-Z]\w+)$/).map { String($0.output.1) }
        #expect(Set(alerts.names) == Set(sections) && Set(sections).count == sections.count)
        for name in alerts.names {
            #expect(alerts.text.contains("runbook: \"Documentation/Operating.md#\(name.lowercased())\""), "\(name)")
        }
    }

    @Test func `Prometheus fires each alert at a gateway that is ill, and none at one that is well`() async throws {
        let alerts = try Alerts.read()
        let (ill, well) = (try await IllGateway(), WellGateway())
        let fields: HTTPHeaders = ["content-type": "text/plain; version=0.0.4"]
        let illness = try await TestService.start { _, _ in .answer(.ok, fields, Array(ill.text().utf8)) }
        let health = try await TestService.start { _, _ in .answer(.ok, fields, Array(well.text().utf8)) }
        let gone = HeldPort(illness.port + 1)
        defer { withExtendedLifetime(gone) {} }
        let prometheus = try await PrometheusServer.start(
            scraping: ["ill": illness.port, "well": health.port], absent: ["holdfast-gone": illness.port + 1],
            rules: alerts.atOnce)
        let expected = Set(alerts.names)
        var firing: Set<String> = []
        for _ in 0..<90 where firing != expected {
            try await Shell.run("sleep 0.5")
            let found = try await prometheus.query("ALERTS{alertstate='firing',job!='well'}")
            firing = Set(found.compactMap { $0.labels["alertname"] })
        }
        #expect(firing == expected, "\(expected.subtracting(firing).sorted()) do not fire")
        let healthy = try await prometheus.query("ALERTS{job='well'}")
        #expect(healthy.map { $0.labels["alertname"] ?? "" } == [])
        try await prometheus.stop()
        await illness.stop()
        await health.stop()
    }
}

/// The labels of each metric, with the values that they have.
private struct Series {
    var labels: [String: [String: Set<String>]] = [:]

    init(_ text: String) {
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let name = String(line.prefix { $0 != "{" && $0 != " " })
            var found = labels[name] ?? [:]
            for label in line.matches(of: /(\w+)="((?:[^"\\]|\\.)*)"/) {
                found[String(label.output.1), default: []].insert(String(label.output.2))
            }
            labels[name] = found
        }
    }
}

/// Everything goes wrong in it, and more so each time that it is asked.
private final class IllGateway: Sendable {
    private let scrapes = Atomic<Int>(0)
    private let route = RouteMetrics(route: "charges")
    private let store = StoreMetrics()
    private let budget: RetryBudget
    private let whole: CircuitBreaker
    private let endpoint: CircuitBreaker
    private let isolation: CircuitBreaker.Isolation
    private let record: RecordID

    init() async throws {
        var none = RetryBudgetConfiguration.Ratio()
        (none.ratio, none.reservePerSecond) = (0, 0)
        var nothing = RetryBudgetConfiguration()
        nothing.rule = .ratio(none)
        budget = try RetryBudget(configuration: nothing)
        whole = try CircuitBreaker("payments", trip: .consecutiveFailures(1), cooldown: .seconds(3_600))
        endpoint = try CircuitBreaker("10.0.0.1:80")
        isolation = endpoint.isolate()
        record = try #require(RecordID(String(repeating: "a", count: 64)))
        struct Failure: Error {}
        _ = try? await whole.run { throw Failure() }
    }

    func text() -> String {
        let scrape = scrapes.add(1, ordering: .relaxed).newValue
        for _ in 0..<50 {
            route.ended(status: 500, duration: .seconds(30))
            route.retried()
            for kind in Problem.Kind.allCases { route.rejected(kind) }
            for finding in OutcomeProbe.Finding.allCases { route.probed(finding) }
            store.committed(.init(commands: 1, duration: .seconds(1), succeeded: false))
            _ = budget.withdraw()
        }
        let error = ClaimStoreError(.failed, "ill")
        store.heard(.becameUnknown(record, fence: 1))
        store.heard(.recordingFailed(record, attempt: 1, error))
        store.heard(.renewalFailed(record, fence: 1, error))
        var snapshot = MetricsSnapshot()
        snapshot.isReady = false
        snapshot.reloads.lastSucceeded = false
        let now = Int(Date().timeIntervalSince1970)
        snapshot.certificates = [(1, 3_600), (2, 5 * 86_400)].map { number, left in
            .init(
                owner: "listener", name: "0.0.0.0:44\(number)",
                times: CertificateTimes(file: "/c.pem", use: .shown, notAfter: now + left))
        }
        snapshot.routes = [route]
        var figures = MetricsSnapshot.EndpointFigures(name: "10.0.0.1:80", breaker: endpoint.snapshot())
        figures.isEjected = true
        snapshot.services = [
            .init(name: "payments", breaker: whole.snapshot(), endpoints: [figures], budget: budget.snapshot())
        ]
        snapshot.store = store
        (snapshot.storeUsage, snapshot.storeBound) = (
            ClaimUsage(keys: 9, bytes: 1, unknown: 3), ClaimUsage(keys: 10, bytes: 10)
        )
        (snapshot.connections, snapshot.connectionsBound) = (9, 10)
        (snapshot.keptBytes, snapshot.keptBytesBound) = (5, 10)
        (snapshot.process.openFiles, snapshot.process.maximumFiles) = (9, 10)
        snapshot.process.startSeconds = Double(scrape)
        (snapshot.refusedByConnections, snapshot.acceptPauses) = (scrape * 10, scrape * 10)
        (snapshot.handshakeFailures, snapshot.adminRefusals) = (scrape * 100, scrape * 30)
        snapshot.accessLog.droppedFull = scrape
        snapshot.overrides = ["drained": 1]
        // As while half of a fleet runs another version.
        let version = "holdfast_build_info{version=\"\(GatewayVersion.current)\"} 1\n"
        return GatewayMetrics.text(snapshot)
            .replacing(version, with: version + "holdfast_build_info{version=\"0\"} 1\n")
    }
}

/// Requests come and are answered, and nothing else happens.
private final class WellGateway: Sendable {
    private let route = RouteMetrics(route: "charges")
    private let store = StoreMetrics()

    func text() -> String {
        for _ in 0..<50 {
            route.ended(status: 200, duration: .milliseconds(3))
            route.claimed()
            store.committed(.init(commands: 1, duration: .milliseconds(1), succeeded: true))
        }
        // A few of a thousand fail, as they always do.
        route.ended(status: 500, duration: .milliseconds(3))
        var snapshot = MetricsSnapshot()
        snapshot.routes = [route]
        snapshot.store = store
        (snapshot.storeUsage, snapshot.storeBound) = (ClaimUsage(keys: 5, bytes: 5), ClaimUsage(keys: 10, bytes: 10))
        (snapshot.connections, snapshot.connectionsBound) = (5, 10)
        (snapshot.keptBytes, snapshot.keptBytesBound) = (1, 10)
        (snapshot.process.openFiles, snapshot.process.maximumFiles) = (5, 10)
        snapshot.process.startSeconds = 1
        snapshot.certificates = [
            .init(
                owner: "listener", name: "0.0.0.0:443",
                times: CertificateTimes(
                    file: "/c.pem", use: .shown, notAfter: Int(Date().timeIntervalSince1970) + 60 * 86_400))
        ]
        return GatewayMetrics.text(snapshot)
    }
}
#endif
