#if Gateway
import Holdfast
import HoldfastHTTP
import HoldfastIdempotency
import HoldfastTelemetry
import Synchronization

/// What `GET /metrics` answers.
enum GatewayMetrics {
    static func text(_ shared: DataPlaneContext) -> String {
        let counters = shared.counters
        let budget = shared.budget.snapshot()
        let claims = shared.engine.snapshot()
        var text = PrometheusText()
        text.counter("holdfast_requests_total", "Requests taken.", counters.requests.load(ordering: .relaxed))
        text.gauge(
            "holdfast_requests_in_flight", "Requests not yet answered.", counters.inFlight.load(ordering: .relaxed))
        text.gauge("holdfast_connections", "Client connections.", counters.connections.load(ordering: .relaxed))
        text.counter("holdfast_retries_total", "Attempts after the first.", counters.retries.load(ordering: .relaxed))
        text.family("holdfast_problems_total", "Answers of the gateway's own, by kind.", .counter)
        for (kind, count) in counters.problemCounts.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            text.sample("holdfast_problems_total", ["kind": kind.rawValue], count)
        }
        text.counter(
            "holdfast_replays_total", "Repeats answered from a stored outcome.",
            counters.replays.load(ordering: .relaxed))
        text.counter(
            "holdfast_recording_failures_total", "Outcomes that the store did not record.",
            counters.recordingFailures.load(ordering: .relaxed))
        text.gauge("holdfast_claims_in_flight", "Keys being executed.", claims.inFlight)
        text.gauge("holdfast_claims_waiting", "Duplicates that wait for an outcome.", claims.waiting)
        text.gauge("holdfast_retry_budget_balance", "Retries that could be made now.", budget.balance)
        text.counter("holdfast_retry_budget_refused_total", "Retries that the budget refused.", budget.refused)
        endpoints(shared.endpoints, into: &text)
        return text.description
    }

    private static func endpoints(_ endpoints: [Endpoint], into text: inout PrometheusText) {
        text.family("holdfast_breaker_state", "1 for the state that the breaker is in.", .gauge)
        for endpoint in endpoints {
            let snapshot = endpoint.breaker.snapshot()
            for state in [CircuitBreaker.State.closed, .open, .halfOpen] {
                text.sample(
                    "holdfast_breaker_state", ["breaker": snapshot.name, "state": state.rawValue],
                    snapshot.state == state ? 1 : 0)
            }
        }
        text.family("holdfast_breaker_generation", "State changes of the breaker.", .counter)
        for endpoint in endpoints {
            let snapshot = endpoint.breaker.snapshot()
            text.sample("holdfast_breaker_generation", ["breaker": snapshot.name], Int(snapshot.generation))
        }
        text.family("holdfast_attempts_total", "Attempts by endpoint and result.", .counter)
        for endpoint in endpoints {
            let results = [
                ("succeeded", endpoint.succeeded.load(ordering: .relaxed)),
                ("failed", endpoint.failed.load(ordering: .relaxed)),
                ("rejected", endpoint.rejected.load(ordering: .relaxed)),
            ]
            for (result, count) in results {
                text.sample("holdfast_attempts_total", ["endpoint": endpoint.breaker.name, "result": result], count)
            }
        }
    }
}
#endif
