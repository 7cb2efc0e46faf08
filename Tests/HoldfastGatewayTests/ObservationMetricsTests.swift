#if Gateway
import Foundation
import Holdfast
import HoldfastHTTP
import HoldfastIdempotency
import HoldfastSQLite
import HoldfastTelemetry
import NIOHTTP1
import TestSupport
import Testing

@testable import HoldfastGateway

@Suite struct ObservationMetricsTests {
    @Test func `a duration is counted in the bucket whose bound it does not pass`() {
        let latency = LatencyHistogram()
        let bounds = LatencyHistogram.ofRequests
        #expect(bounds.first == 500 && bounds.last == 60_000_000)
        #expect(bounds == bounds.sorted() && LatencyHistogram.ofCommits == LatencyHistogram.ofCommits.sorted())
        for bound in bounds {
            latency.record(.microseconds(bound))
            latency.record(.microseconds(bound + 1))
        }
        latency.record(.seconds(-1))
        // A sum that passes its end ends nothing.
        for _ in 0..<2_000 { latency.record(.seconds(Int64.max)) }
        #expect(latency.values.buckets == [2] + Array(repeating: 2, count: bounds.count - 1) + [2_001])
        #expect(latency.values.buckets.count == bounds.count + 1)
    }

    @Test func `what threads count together is the sum`() async {
        let route = RouteMetrics(route: "r")
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask { for status in 100..<600 { route.ended(status: status, duration: .milliseconds(1)) } }
            }
        }
        #expect(route.requests.map(\.count) == [0, 400, 400, 400, 400, 400])
        #expect(route.latency.values.buckets.reduce(0, +) == 2_000)
        #expect(route.latency.values.sum == 2_000 * 1_000)
    }

    @Test func `each reason and each decision has a counter of its own`() {
        let route = RouteMetrics(route: "r")
        for (place, kind) in Problem.Kind.allCases.enumerated() {
            for _ in 0...place { route.rejected(kind) }
        }
        #expect(route.rejectionCounts.map(\.count) == Array(1...Problem.Kind.allCases.count))
        #expect(route.rejectionCounts.map(\.reason) == Problem.Kind.allCases)
        route.wouldHave(.rejected, succeeded: true)
        route.wouldHave(.deduplicated, succeeded: false)
        let counted = route.shadowCounts.filter { $0.count > 0 }
        #expect(counted.map(\.decision) == [.rejected, .deduplicated])
        #expect(counted.map(\.succeeded) == [true, false])
    }

    @Test func `requests make no series`() {
        let (before, after) = (RouteMetrics(route: "r"), RouteMetrics(route: "r"))
        for status in -1...1_000 { after.ended(status: status, duration: .milliseconds(status)) }
        for kind in Problem.Kind.allCases { after.rejected(kind) }
        func series(_ route: RouteMetrics) -> Set<String> {
            var snapshot = MetricsSnapshot()
            snapshot.routes = [route]
            let lines = GatewayMetrics.text(snapshot).split(separator: "\n").filter { !$0.hasPrefix("#") }
            return Set(lines.map { $0.split(separator: " ").dropLast().joined(separator: " ") })
        }
        #expect(series(before) == series(after))
    }

    @Test func `a label's value may hold anything`() {
        var text = PrometheusText()
        text.family("m", "a\\b\nc", .gauge)
        text.sample(["l": "\"quoted\"\\\nnext"], 1.5)
        #expect(text.description == "# HELP m a\\\\b\\nc\n# TYPE m gauge\nm{l=\"\\\"quoted\\\"\\\\\\nnext\"} 1.5\n")
    }

    @Test func `a histogram is cumulative, and its count is its last bucket`() {
        var text = PrometheusText()
        text.family("h", "help", .histogram)
        text.histogram(["route": "r"], buckets: [1, 2, 3], bounds: [0.0005, 60], sum: 1.25)
        #expect(
            text.description.split(separator: "\n").dropFirst(2) == [
                "h_bucket{route=\"r\",le=\"0.0005\"} 1", "h_bucket{route=\"r\",le=\"60\"} 3",
                "h_bucket{route=\"r\",le=\"+Inf\"} 6", "h_sum{route=\"r\"} 1.25", "h_count{route=\"r\"} 6",
            ])
    }

    @Test func `promtool has nothing to say against the text`() async throws {
        let text = GatewayMetrics.text(try MetricsSnapshot.full())
        let path = FileManager.default.temporaryDirectory.appending(path: "holdfast-metrics-\(UUID())").path
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: path) }
        try await Shell.run("promtool check metrics < \(path)")
    }

    @Test func `Prometheus scrapes a gateway and knows what happened in it`() async throws {
        let service = try await TestService.start { request, _ in
            request.uri == "/broken" ? .status(.badGateway) : .ok("charged")
        }
        let file = FileManager.default.temporaryDirectory.appending(path: "holdfast-scraped-\(UUID()).db").path
        defer { for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: file + suffix) } }
        let store = try SQLiteStore(path: file)
        let full = try MetricsSnapshot.full()
        try await withGateway(to: service, store: store) { running in
            for key in ["a", "a", "b"] { try await expectEqual(running.post(key: key).status, 200) }
            // Three attempts, which open the breaker; the next is rejected.
            try await expectEqual(running.get("/broken").status, 502)
            try await expectEqual(running.get("/broken").status, 503)
            try await withControlPlane(metrics: { full }) { plane in
                let prometheus = try await PrometheusServer.start(
                    scraping: ["gateway": running.admin, "figures": plane.port])
                try await checkGateway(prometheus, endpoint: "127.0.0.1:\(service.port)")
                try await checkFigures(prometheus)
                for expression in try Dashboard.read().expressions {
                    _ = try await prometheus.query(Dashboard.resolved(expression))
                }
                try await prometheus.stop()
            }
        }
        try store.close()
    }

    private func checkGateway(_ prometheus: PrometheusServer, endpoint: String) async throws {
        func value(_ expression: String) async throws -> Double? { try await prometheus.value(expression) }
        let attempts = "holdfast_attempts_total{job='gateway',service='service',endpoint='\(endpoint)'"
        try await expectEqual(value("\(attempts),result='succeeded'}"), 2)
        try await expectEqual(value("\(attempts),result='failed'}"), 3)
        try await expectEqual(value("\(attempts),result='rejected'}"), 1)
        let route = "job='gateway',route='everything'"
        try await expectEqual(value("holdfast_requests_total{\(route),status='2xx'}"), 3)
        try await expectEqual(value("holdfast_requests_total{\(route),status='5xx'}"), 2)
        try await expectEqual(value("holdfast_request_duration_seconds_count{\(route)}"), 5)
        try await expectEqual(value("holdfast_rejections_total{\(route),reason='circuit-open'}"), 1)
        try await expectEqual(value("holdfast_retries_total{\(route)}"), 2)
        try await expectEqual(value("holdfast_claims_total{\(route)}"), 2)
        try await expectEqual(value("holdfast_replays_total{\(route)}"), 1)
        try await expectEqual(value("holdfast_breaker_state{job='gateway',state='open'}"), 1)
        try await expectEqual(value("holdfast_breaker_state{job='gateway',state='closed'}"), 0)
        try await expectEqual(value("holdfast_breaker_changes_total{job='gateway'}"), 1)
        // Two claims and two outcomes, each in a commit of its own; and where the repeat comes late, it asks the store.
        for figure in ["duration_seconds_count", "commands_sum"] {
            let commits = try await value("holdfast_store_commit_\(figure){job='gateway'}")
            #expect(commits == 4 || commits == 5)
        }
        try await expectEqual(value("holdfast_store_commit_failures_total{job='gateway'}"), 0)
        try await expectEqual(value("count(holdfast_retry_budget_balance{job='gateway',owner='service'})"), 1)
        try await expectEqual(value("process_resident_memory_bytes{job='gateway'} > bool 1e6"), 1)
        try await expectEqual(value("process_open_fds{job='gateway'} > bool 3"), 1)
        try await expectEqual(value("process_cpu_seconds_total{job='gateway'} > bool 0"), 1)
        try await expectEqual(value("process_start_time_seconds{job='gateway'} < bool time()"), 1)
        try await expectEqual(value("holdfast_ready{job='gateway'}"), 1)
        try await expectEqual(value("holdfast_config_last_reload_successful{job='gateway'}"), 1)
    }

    private func checkFigures(_ prometheus: PrometheusServer) async throws {
        func value(_ expression: String) async throws -> Double? { try await prometheus.value(expression) }
        try await expectEqual(value("holdfast_requests_total{route='charges',status='2xx'}"), 3)
        try await expectEqual(value("holdfast_requests_total{route='charges',status='none'}"), 1)
        try await expectEqual(value("sum(holdfast_requests_total{route='quote\"d\\\\'})"), 0)
        try await expectEqual(value("holdfast_request_duration_seconds_bucket{route='charges',le='0.01'}"), 3)
        try await expectEqual(value("holdfast_request_duration_seconds_count{route='charges'}"), 4)
        try await expectEqual(value("holdfast_rejections_total{route='charges',reason='circuit-open'}"), 1)
        try await expectEqual(value("holdfast_retries_total{route='charges'}"), 1)
        try await expectEqual(value("holdfast_hedges_total{route='charges'}"), 1)
        try await expectEqual(value("holdfast_replays_total{route='charges'}"), 1)
        try await expectEqual(value("holdfast_claims_total{route='charges'}"), 2)
        try await expectEqual(
            value("holdfast_shadow_decisions_total{route='charges',decision='rejected',result='succeeded'}"), 1)
        try await expectEqual(value("holdfast_endpoint_ejected{endpoint='10.0.0.1:80'}"), 1)
        try await expectEqual(value("holdfast_endpoint_healthy{endpoint='10.0.0.1:80'}"), 0)
        try await expectEqual(value("holdfast_endpoint_connections{endpoint='10.0.0.1:80'}"), 4)
        try await expectEqual(value("holdfast_breaker_state{job='figures',endpoint='',state='closed'}"), 1)
        try await expectEqual(value("holdfast_retry_budget_balance{owner='route',name='charges'} > bool 0"), 1)
        try await expectEqual(value("holdfast_unknown_outcomes_total{job='figures'}"), 1)
        try await expectEqual(value("holdfast_store_commit_failures_total{job='figures'}"), 1)
        try await expectEqual(value("holdfast_streams{job='figures'}"), 7)
        try await expectEqual(value("holdfast_connections_refused_total{job='figures',reason='connections'}"), 0)
        try await expectEqual(
            value("holdfast_connections_refused_total{job='figures',reason='connections-per-client'}"), 8)
        try await expectEqual(value("holdfast_accept_pauses_total{job='figures'}"), 9)
        try await expectEqual(value("holdfast_impossible_events_total{job='figures'}"), 18)
        try await expectEqual(value("holdfast_kept_bytes{job='figures'}"), 10)
        try await expectEqual(value("holdfast_kept_bytes_limit{job='figures'}"), 17)
        try await expectEqual(value("holdfast_connections_limit{job='figures'}"), 16)
        try await expectEqual(value("holdfast_config_reloads_total{job='figures',result='refused'}"), 6)
        try await expectEqual(value("holdfast_certificate_expiry_timestamp_seconds{use='trusted'}"), 2_000_000_001)
    }
}

extension MetricsSnapshot {
    /// One in which each family has something.
    static func full() throws -> MetricsSnapshot {
        let route = RouteMetrics(route: "charges")
        for milliseconds in [1, 5, 10] { route.ended(status: 200, duration: .milliseconds(milliseconds)) }
        route.ended(status: 0, duration: .seconds(90))
        route.retried()
        route.hedged()
        route.replayed()
        route.claimed()
        route.claimed()
        route.probed(.nothing)
        route.rejected(.circuitOpen)
        route.wouldHave(.rejected, succeeded: true)
        var snapshot = MetricsSnapshot()
        snapshot.routes = [route, RouteMetrics(route: "quote\"d\\")]
        let breaker = try CircuitBreaker("10.0.0.1:80")
        var endpoint = EndpointFigures(name: "10.0.0.1:80", breaker: breaker.snapshot())
        endpoint.attempts = [.succeeded: 5, .abandoned: 1]
        endpoint.isEjected = true
        endpoint.isHealthy = false
        endpoint.connections = 4
        let budget = try RetryBudget().snapshot()
        snapshot.services = [
            ServiceFigures(
                name: "payments", breaker: try CircuitBreaker("payments").snapshot(), endpoints: [endpoint],
                budget: budget)
        ]
        snapshot.routeBudgets = [("charges", budget)]
        snapshot.store.committed(.init(commands: 3, duration: .milliseconds(2), succeeded: true))
        snapshot.store.committed(.init(commands: 1, duration: .seconds(20), succeeded: false))
        snapshot.store.heard(.becameUnknown(try RecordID.ofTests(), fence: 1))
        snapshot.storeUsage = ClaimUsage(keys: 11, bytes: 12, unknown: 13)
        snapshot.storeBound = ClaimUsage(keys: 14, bytes: 15)
        snapshot.certificates = [
            .init(
                owner: "listener", name: "0.0.0.0:443",
                times: CertificateTimes(file: "/etc/certificate.pem", use: .shown, notAfter: 2_000_000_000)),
            .init(
                owner: "service", name: "payments",
                times: CertificateTimes(file: "/etc/trust.pem", use: .trusted, notAfter: 2_000_000_001)),
        ]
        snapshot.reloads.refused = 6
        snapshot.connectionsBound = 16
        snapshot.keptBytesBound = 17
        snapshot.streams = 7
        snapshot.refusedByClient = 8
        snapshot.acceptPauses = 9
        snapshot.impossibleEvents = 18
        snapshot.keptBytes = 10
        snapshot.process = .now()
        return snapshot
    }
}

extension RecordID {
    fileprivate static func ofTests() throws -> RecordID { try #require(RecordID(String(repeating: "a", count: 64))) }
}
#endif
