#if Gateway
import Holdfast
import Synchronization

/// Takes the samples of the trends, by the gateway's clock, whether or not somebody looks: who is called at night wants to
/// see what was before.
final class TrendKeeper: Sendable {
    private let clock: any TimeSource
    private let trends: Mutex<Trends>

    init(clock: any TimeSource) {
        self.clock = clock
        trends = Mutex(Trends(from: clock.now))
    }

    var number: Int { trends.withLock { $0.number } }

    /// The samples after this one.
    func report(after number: Int) -> Trends.Report { trends.withLock { $0 }.report(after: number) }

    /// A copy, to be asked for one thing after another.
    var current: Trends { trends.withLock { $0 } }

    /// Takes a sample at each interval, until it is cancelled.
    func keepSampling(_ read: @Sendable () -> [Trends.Reading]) async {
        while !Task.isCancelled {
            let due = trends.withLock { $0.due }
            guard (try? await clock.sleep(until: due, tolerance: .milliseconds(100))) != nil else { return }
            let readings = read()
            trends.withLock { $0.take(readings, at: clock.now) }
        }
    }
}

extension [Trends.Reading] {
    /// What a plan's routes have counted: each route alone, each service as the sum of its routes, and all together, with
    /// what no route took. Only rows of the page have lines.
    init(_ plan: Plan, unrouted: RouteMetrics) {
        var (all, services) = (TrendFigures(), [String: TrendFigures]())
        all.add(TrendFigures(unrouted, budget: 0))
        for service in plan.services {
            services[service.name] = TrendFigures()
            services[service.name]?.budget = service.budget.snapshot().balance
        }
        all.budget = plan.budgets.reduce(0) { $0 + $1.balance }
        var routes: [Trends.Reading] = []
        for (place, route) in plan.routes.enumerated() {
            let figures = TrendFigures(route.metrics, budget: route.budget.snapshot().balance)
            all.add(figures)
            services[route.service.name]?.add(figures)
            if place < GatewayState.rowBound { routes.append((.route(route.name), figures)) }
        }
        self = [(.all, all)]
        for service in plan.services.prefix(GatewayState.rowBound) {
            if let figures = services[service.name] { append((.service(service.name), figures)) }
        }
        self += routes
    }
}
#endif
