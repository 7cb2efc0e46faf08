#if Gateway
import Holdfast
import HoldfastHTTP
import HoldfastTesting
import NIOHTTP1
import TestSupport
import Testing

@testable import HoldfastGateway

@Suite struct TrendsTests {
    private let start = MonotonicInstant(nanoseconds: 7)

    private func at(_ sample: Int, plus extra: Duration = .zero) -> MonotonicInstant {
        start.advanced(by: Trends.interval * sample + extra)
    }

    private func figures(ok: Int = 0, retries: Int = 0, budget: Int = 0) -> TrendFigures {
        var figures = TrendFigures()
        figures.statuses[2] = ok
        (figures.retries, figures.budget) = (retries, budget)
        return figures
    }

    @Test func `a sample holds what was added since the one before, and a budget as it is`() {
        var trends = Trends(from: start)
        trends.take([(.route("a"), figures(ok: 5, budget: 90))], at: at(1))
        trends.take([(.route("a"), figures(ok: 12, retries: 2, budget: 80))], at: at(2, plus: .milliseconds(30)))
        trends.take([(.route("a"), figures(ok: 12, retries: 2, budget: 80))], at: at(3))
        let report = trends.report()
        #expect(report.number == 3 && report.count == 3 && report.missing.isEmpty)
        #expect(report.routes == ["a": ["2xx": [5, 7, 0], "retries": [0, 2, 0], "budget": [90, 80, 80]]])
        #expect(trends.report(after: 2).routes == ["a": ["budget": [80]]])
        #expect(trends.report(after: 3).count == 0)
        #expect(trends.latest(of: .route("a"))?.map(\.series) == ["budget"])
    }

    @Test func `a second reading within an interval is no sample`() {
        var trends = Trends(from: start)
        trends.take([(.all, figures(ok: 1))], at: at(1))
        trends.take([(.all, figures(ok: 9))], at: at(1, plus: .seconds(4)))
        #expect(trends.report().all == ["2xx": [1]])
        #expect(trends.due == at(2))
    }

    @Test func `there are as many samples as ten minutes have, and the oldest goes`() {
        var trends = Trends(from: start)
        for sample in 1...Trends.samples + 3 {
            trends.take([(.service("s"), figures(ok: sample * (sample + 1) / 2))], at: at(sample))
        }
        let report = trends.report()
        #expect(report.count == Trends.samples && report.missing.isEmpty)
        #expect(report.services["s"]?["2xx"] == (4...UInt32(Trends.samples + 3)).map { $0 })
        #expect(Trends.interval * Trends.samples == .seconds(600))
    }

    @Test(arguments: [2, 3, Trends.samples, Trends.samples + 1, 1_000_000])
    func `after a pause it is not said when something was counted`(pause: Int) {
        var trends = Trends(from: start)
        trends.take([(.all, figures(ok: 5))], at: at(1))
        trends.take([(.all, figures(ok: 500))], at: at(1 + pause))
        trends.take([(.all, figures(ok: 503))], at: at(2 + pause))
        let report = trends.report()
        #expect(report.number == 2 + pause)
        #expect(report.count == min(2 + pause, Trends.samples))
        #expect(report.missing.count == min(pause, report.count - 1))
        #expect(report.all["2xx"]?.last == 3)
        #expect(report.all["2xx"]?.reduce(0, +) == (pause < Trends.samples - 1 ? 8 : 3))
    }

    @Test func `what is gone is forgotten, what comes begins with nothing, and lines have a bound`() {
        var trends = Trends(from: start)
        trends.take([(.route("old"), figures(ok: 5))], at: at(1))
        trends.take([(.route("new"), figures(ok: 3))], at: at(2))
        #expect(trends.report().routes == ["new": ["2xx": [0, 3]]])
        trends.take((0..<1_000).map { (.route("r\($0)"), figures(ok: 1)) }, at: at(3))
        #expect(trends.report().routes.count == Trends.lineBound)
    }

    @Test func `a counter that begins anew is not taken for less than nothing`() {
        var trends = Trends(from: start)
        trends.take([(.all, figures(ok: 50))], at: at(1))
        trends.take([(.all, figures(ok: 2))], at: at(2))
        #expect(trends.report().all == ["2xx": [50, 0]])
    }

    /// As Prometheus' `histogram_quantile` has them.
    @Test(arguments: [
        ([0, 0, 0, 0], 0.5, nil), ([4, 0, 0, 0], 0.5, 5), ([0, 4, 0, 0], 0.5, 15), ([2, 2, 0, 0], 0.5, 10),
        ([2, 2, 0, 0], 0.75, 15), ([1, 0, 1, 0], 0.99, 39.6), ([0, 0, 0, 7], 0.5, 40), ([1, 1, 1, 1], 1, 40),
        ([0, 10, 0, 0], 0, 10),
    ])
    func `a quantile is the one that an alert would see`(buckets: [Int], share: Double, expected: Double?) {
        let found = Histogram.Values(bounds: [10, 20, 40], buckets: buckets, sum: 0).quantile(share)
        #expect(found.map { ($0 * 1e6).rounded() } == expected.map { ($0 * 1e6).rounded() })
    }

    @Test func `latency is that of the sample's own requests`() {
        let route = RouteMetrics(route: "a")
        var trends = Trends(from: start)
        for _ in 0..<100 { route.ended(status: 200, duration: .seconds(20)) }
        trends.take([(.route("a"), TrendFigures(route, budget: 0))], at: at(1))
        for _ in 0..<100 { route.ended(status: 200, duration: .microseconds(600)) }
        trends.take([(.route("a"), TrendFigures(route, budget: 0))], at: at(2))
        #expect(trends.report().routes["a"]?["p50"] == [20_000_000, 750])
        #expect(trends.report().routes["a"]?["p99"]?.last == 995)
    }

    @Test func `the gateway's own clock samples routes, services and all, by class and by reason`() async throws {
        let service = try await TestService.start { request, _ in
            request.uri == "/broken" ? .status(.internalServerError) : request.uri == "/cut" ? .reset : .ok()
        }
        try await withGateway(
            to: service,
            configure: { configuration in
                configuration.services[0].name = "payments"
                configuration.routes[0].service = "payments"
                configuration.routes[0].name = "charges"
                configuration.routes[0].retry.attempts = 1
                configuration.services[0].breaker.trip = .consecutiveFailures(2)
            }
        ) { running in
            try await expectEqual(running.get("/").status, 200)
            try await expectEqual(running.post(key: "k").status, 200)
            try await expectEqual(running.post(key: "k").isReplay, true)
            _ = try await running.post("/cut", key: "lost")
            _ = try await running.get("/broken")
            try await expectEqual(running.get("/").problem, "circuit-open")
            running.clock.advance(by: Trends.interval)
            var told: [String: Any] = [:]
            repeat {
                told = try object(try await TestClient.send(.GET, "/api/trends", to: running.admin).body)
            } while told["number"] as? Int != 1
            for (kind, name) in [("routes", "charges"), ("services", "payments")] {
                let rows = try #require(told[kind] as? [String: [String: [Int]]])
                let line = try #require(rows[name])
                #expect(line["2xx"] == [3] && line["5xx"] == [3], "\(kind)")
                #expect(line["claims"] == [2] && line["replays"] == [1] && line["unknown"] == [1], "\(kind)")
                #expect(line["circuit-open"] == [1] && line["upstream-reset"] == [1], "\(kind)")
                #expect((line["p99"]?.first ?? 0) > 0 && (line["budget"]?.first ?? 0) > 0, "\(kind)")
            }
            #expect((told["all"] as? [String: [Int]])?["2xx"] == [3])
            let metrics = try await TestClient.send(.GET, "/metrics", to: running.admin).text
            #expect(metrics.contains("holdfast_route_unknown_outcomes_total{route=\"charges\"} 1\n"))
            // What the page calls unknown are keys, and not answers: a repeat makes no second one.
            try await expectEqual(running.post("/cut", key: "lost").problem, "outcome-unknown")
            let state = try object(try await TestClient.send(.GET, "/api/state", to: running.admin).body)
            #expect((state["store"] as? [String: Int])?["unknownKeys"] == 1)
            let refused = try await TestClient.send(.GET, "/api/trends?after=x", to: running.admin)
            #expect(refused.status == 400 && refused.text.contains("'x'"))
        }
    }
}
#endif
