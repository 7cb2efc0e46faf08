#if Gateway
import Holdfast
import HoldfastIdempotency
import HoldfastHTTP
import HoldfastTelemetry
import Logging

/// What `GET /metrics` answers. Every family is told at every time, with zeros, so that a rate is known from the first
/// event on; how many series there are depends on the configuration alone.
enum GatewayMetrics {
    static func text(_ snapshot: MetricsSnapshot) -> String {
        var text = PrometheusText()
        text.family("holdfast_build_info", "The version that runs; always 1.", .gauge)
        text.sample(["version": GatewayVersion.current], 1)
        configuration(snapshot, into: &text)
        requests(snapshot, into: &text)
        routes(snapshot.routes, into: &text)
        endpoints(snapshot.services, into: &text)
        breakers(snapshot.services, into: &text)
        budgets(snapshot, into: &text)
        store(snapshot, into: &text)
        observation(snapshot, into: &text)
        operators(snapshot, into: &text)
        process(snapshot.process, into: &text)
        return text.description
    }

    private static func configuration(_ snapshot: MetricsSnapshot, into text: inout PrometheusText) {
        text.gauge(
            "holdfast_ready", "1 while requests are wanted, as /ready says; 0 while the gateway starts or drains.",
            snapshot.isReady ? 1 : 0)
        text.gauge(
            "holdfast_config_last_reload_successful",
            "1 if the configuration that was read last is the one that runs; 0 if it was refused.",
            snapshot.reloads.lastSucceeded ? 1 : 0)
        text.gauge(
            "holdfast_config_last_reload_success_timestamp_seconds",
            "When the configuration that runs was read, in seconds since 1970.", snapshot.reloads.lastSuccess)
        text.family("holdfast_config_reloads_total", "Readings of the configuration after the start.", .counter)
        text.sample(["result": "succeeded"], snapshot.reloads.succeeded)
        text.sample(["result": "refused"], snapshot.reloads.refused)
        text.family(
            "holdfast_certificate_expiry_timestamp_seconds",
            "When the certificates of a file that is in use expire, in seconds since 1970: of those that are shown the first, of those that are trusted the last.",
            .gauge)
        for certificate in snapshot.certificates {
            text.sample(
                [
                    "owner": certificate.owner, "name": certificate.name, "use": certificate.times.use.rawValue,
                    "file": certificate.times.file,
                ], certificate.times.notAfter)
        }
    }

    private static func requests(_ snapshot: MetricsSnapshot, into text: inout PrometheusText) {
        text.gauge("holdfast_requests_in_flight", "Requests that are not yet answered.", snapshot.requestsInFlight)
        text.gauge("holdfast_connections", "Client connections.", snapshot.connections)
        text.gauge(
            "holdfast_connections_limit", "The most client connections, as configured and as descriptors allow.",
            snapshot.connectionsBound)
        text.family("holdfast_connections_refused_total", "Client connections that were closed as they came.", .counter)
        text.sample(["reason": "connections"], snapshot.refusedByConnections)
        text.sample(["reason": "connections-per-client"], snapshot.refusedByClient)
        text.sample(["reason": "proxy-protocol"], snapshot.refusedByProxyProtocol)
        text.counter(
            "holdfast_accept_pauses_total",
            "How often no connection was accepted for a moment, for want of descriptors or of memory.",
            snapshot.acceptPauses)
        text.counter(
            "holdfast_impossible_events_total",
            "Events that cannot happen in the phase of their request: faults of the gateway's own.",
            snapshot.impossibleEvents)
        text.counter(
            "holdfast_handshake_failures_total", "TLS handshakes with clients that failed.", snapshot.handshakeFailures)
        text.gauge("holdfast_kept_bytes", "Bodies that are kept in memory.", snapshot.keptBytes)
        text.gauge(
            "holdfast_kept_bytes_limit", "The most bytes of bodies that may be kept; requests get half of them.",
            snapshot.keptBytesBound)
        text.gauge("holdfast_streams", "HTTP/2 streams that clients have open.", snapshot.streams)
        text.family("holdfast_requests_total", "Requests that ended, by route and class of status.", .counter)
        for route in snapshot.routes {
            for (status, count) in route.requests { text.sample(["route": route.route, "status": status], count) }
        }
        text.family(
            "holdfast_request_duration_seconds", "From a request's head to the end of its answer, by route.", .histogram
        )
        for route in snapshot.routes { text.latency(["route": route.route], route.latency.values) }
    }

    private static func routes(_ routes: [RouteMetrics], into text: inout PrometheusText) {
        let counters: [(String, String, (RouteMetrics) -> Int)] = [
            ("holdfast_retries_total", "Attempts after the first, by route.", \.retries),
            ("holdfast_hedges_total", "Attempts beside another, by route.", \.hedges),
            ("holdfast_claims_total", "Keys that were claimed for execution, by route.", \.claims),
            ("holdfast_replays_total", "Repeats answered from a stored outcome, by route.", \.replays),
            (
                "holdfast_route_unknown_outcomes_total",
                "Executions that ended so that nobody knows their effect, by route; those that ended with the process are not among them.",
                \.unknownOutcomes
            ),
            (
                "holdfast_other_callers_total",
                "Requests with a key that came before under another caller, by route: tokens that were renewed, if any.",
                \.otherCallers
            ),
        ]
        for (name, help, count) in counters {
            text.family(name, help, .counter)
            for route in routes { text.sample(["route": route.route], count(route)) }
        }
        text.family(
            "holdfast_probes_total", "Questions to the service about keys whose outcome was unknown, by route.",
            .counter)
        for route in routes {
            for (finding, count) in route.probeCounts {
                text.sample(["route": route.route, "found": finding.rawValue], count)
            }
        }
        text.family("holdfast_rejections_total", "Answers of the gateway's own, by route and problem.", .counter)
        for route in routes {
            for (reason, count) in route.rejectionCounts {
                text.sample(["route": route.route, "reason": reason.rawValue], count)
            }
        }
        text.family(
            "holdfast_shadow_decisions_total",
            "What policies that only watch would have done, and whether the request succeeded all the same.", .counter)
        for route in routes {
            for (decision, succeeded, count) in route.shadowCounts {
                text.sample(
                    [
                        "route": route.route, "decision": decision.rawValue,
                        "result": succeeded ? "succeeded" : "failed",
                    ], count)
            }
        }
    }

    private static func endpoints(_ services: [MetricsSnapshot.ServiceFigures], into text: inout PrometheusText) {
        text.family("holdfast_attempts_total", "Attempts by endpoint and result.", .counter)
        for service in services {
            for endpoint in service.endpoints {
                for result in MetricsSnapshot.AttemptResult.allCases {
                    text.sample(
                        ["service": service.name, "endpoint": endpoint.name, "result": result.rawValue],
                        endpoint.attempts[result] ?? 0)
                }
            }
        }
        let gauges: [(String, String, (MetricsSnapshot.EndpointFigures) -> Int)] = [
            ("holdfast_endpoint_ejected", "1 while the endpoint is left out.", { $0.isEjected ? 1 : 0 }),
            ("holdfast_endpoint_healthy", "1 while the endpoint's checks succeed.", { $0.isHealthy ? 1 : 0 }),
            ("holdfast_endpoint_connections", "Connections to the endpoint.", \.connections),
            ("holdfast_endpoint_drained", "1 while an operator has drained the endpoint.", { $0.isDrained ? 1 : 0 }),
            ("holdfast_endpoint_disabled", "1 while an operator has disabled the endpoint.", { $0.isDisabled ? 1 : 0 }),
            ("holdfast_endpoint_weight", "The endpoint's weight, in percent of an equal share.", \.weight),
        ]
        for (name, help, value) in gauges {
            text.family(name, help, .gauge)
            for service in services {
                for endpoint in service.endpoints {
                    text.sample(["service": service.name, "endpoint": endpoint.name], value(endpoint))
                }
            }
        }
    }

    /// A service's own breaker has the empty endpoint.
    private static func breakers(_ services: [MetricsSnapshot.ServiceFigures], into text: inout PrometheusText) {
        let all = services.flatMap { service in
            (service.breaker.map { [(service.name, "", $0)] } ?? [])
                + service.endpoints.map { (service.name, $0.name, $0.breaker) }
        }
        text.family(
            "holdfast_breaker_state",
            "1 for the state that the breaker is in; a service's own breaker has an empty endpoint.", .gauge)
        for (service, endpoint, breaker) in all {
            for state in CircuitBreaker.State.allCases {
                text.sample(
                    ["service": service, "endpoint": endpoint, "state": state.rawValue],
                    breaker.state == state ? 1 : 0)
            }
        }
        text.family("holdfast_breaker_changes_total", "The breaker's changes of state.", .counter)
        for (service, endpoint, breaker) in all {
            text.sample(["service": service, "endpoint": endpoint], Int(breaker.generation))
        }
    }

    private static func budgets(_ snapshot: MetricsSnapshot, into text: inout PrometheusText) {
        let all =
            snapshot.services.map { ("service", $0.name, $0.budget) }
            + snapshot.routeBudgets.map { ("route", $0.route, $0.budget) }
        text.family("holdfast_retry_budget_balance", "Retries that the budget would allow now.", .gauge)
        for (owner, name, budget) in all { text.sample(["owner": owner, "name": name], budget.balance) }
        text.family("holdfast_retry_budget_refused_total", "Retries and hedges that the budget refused.", .counter)
        for (owner, name, budget) in all { text.sample(["owner": owner, "name": name], budget.refused) }
    }

    private static func store(_ snapshot: MetricsSnapshot, into text: inout PrometheusText) {
        let store = snapshot.store
        for (name, what, held, bound) in [
            ("keys", "Keys", snapshot.storeUsage?.keys, snapshot.storeBound.keys),
            ("bytes", "Bytes of outcomes", snapshot.storeUsage?.bytes, snapshot.storeBound.bytes),
        ] {
            let help = "\(what) that the store holds, of all who share it; NaN where it cannot tell."
            text.family("holdfast_store_\(name)", help, .gauge)
            text.sample([:], held.map(Double.init) ?? .nan)
            text.gauge("holdfast_store_\(name)_limit", "\(what) that the store may hold.", bound)
        }
        text.family(
            "holdfast_store_unknown_keys",
            "Keys in the store that began and of which nobody knows how they ended, of all who share it.", .gauge)
        text.sample([:], snapshot.storeUsage.map { Double($0.unknown) } ?? .nan)
        text.gauge("holdfast_claims_in_flight", "Keys that are being executed.", snapshot.claimsInFlight)
        text.gauge("holdfast_claims_waiting", "Duplicates that wait for an outcome.", snapshot.claimsWaiting)
        text.counter(
            "holdfast_unknown_outcomes_total", "Executions that ended so that nobody knows their effect.",
            store.count(of: .becameUnknown) + store.count(of: .outcomeLost))
        text.counter(
            "holdfast_recording_failures_total", "Failed attempts at recording an outcome.",
            store.count(of: .recordingFailed) + store.count(of: .outcomeLost))
        text.counter(
            "holdfast_renewal_failures_total", "Leases of work in progress that could not be prolonged.",
            store.count(of: .renewalFailed))
        text.family(
            "holdfast_operator_decisions_total",
            "Records that were settled, by hand or by a probe, or forgotten by hand.", .counter)
        for event in [StoreMetrics.Event.resolved, .purged] {
            text.sample(["decision": event.rawValue], store.count(of: event))
        }
        text.family(
            "holdfast_store_commit_duration_seconds", "How long the store took for a commit of several commands.",
            .histogram)
        text.latency([:], store.latency.values)
        text.family("holdfast_store_commit_commands", "How many commands shared a commit.", .histogram)
        let commands = store.commands.values
        text.histogram(
            [:], buckets: commands.buckets, bounds: commands.bounds.map { Double($0) }, sum: Double(commands.sum))
        text.counter("holdfast_store_commit_failures_total", "Commits that the store failed.", store.failures)
    }

    private static func observation(_ snapshot: MetricsSnapshot, into text: inout PrometheusText) {
        text.counter("holdfast_access_log_lines_total", "Lines of the access log.", snapshot.accessLog.written)
        text.family("holdfast_access_log_dropped_total", "Lines of the access log that were dropped.", .counter)
        text.sample(["reason": "too-slow"], snapshot.accessLog.droppedFull)
        text.sample(["reason": "cannot-write"], snapshot.accessLog.droppedFailed)
        text.counter(
            "holdfast_admin_refusals_total", "Requests that the control plane refused for want of its token.",
            snapshot.adminRefusals)
        text.gauge("holdfast_admin_connections", "Connections to the control plane.", snapshot.adminConnections)
        text.counter(
            "holdfast_admin_evictions_total",
            "Connections to the control plane without a token that were closed for others.", snapshot.adminEvictions)
    }

    private static func operators(_ snapshot: MetricsSnapshot, into text: inout PrometheusText) {
        text.family("holdfast_overrides", "What operators have set at run time and not taken back.", .gauge)
        for name in OverridesMachine.Value.names { text.sample(["what": name], snapshot.overrides[name] ?? 0) }
        text.family("holdfast_operator_actions_total", "What operators have set at run time, or taken back.", .counter)
        for word in OverridesMachine.Action.words { text.sample(["action": word], snapshot.operatorActions[word] ?? 0) }
        text.family("holdfast_log_level", "1 for the level that is logged.", .gauge)
        for level in Logger.Level.allCases {
            text.sample(["level": level.rawValue], level == snapshot.logLevel ? 1 : 0)
        }
    }

    /// As every exporter names them.
    private static func process(_ process: ProcessFigures, into text: inout PrometheusText) {
        if let seconds = process.cpuSeconds {
            text.family("process_cpu_seconds_total", "Time of the processor, user and system.", .counter)
            text.sample([:], seconds)
        }
        if let seconds = process.startSeconds {
            text.family("process_start_time_seconds", "When the process started, in seconds since 1970.", .gauge)
            text.sample([:], seconds)
        }
        let gauges: [(String, String, Int?)] = [
            ("process_resident_memory_bytes", "Resident memory.", process.residentBytes),
            ("process_virtual_memory_bytes", "Virtual memory.", process.virtualBytes),
            ("process_open_fds", "Open files and sockets.", process.openFiles),
            ("process_max_fds", "The most files and sockets that may be open.", process.maximumFiles),
        ]
        for (name, help, value) in gauges {
            if let value { text.gauge(name, help, value) }
        }
    }
}

extension PrometheusText {
    /// A histogram of microseconds, in seconds.
    fileprivate mutating func latency(_ labels: KeyValuePairs<String, String>, _ values: Histogram.Values) {
        histogram(
            labels, buckets: values.buckets, bounds: values.bounds.map { Double($0) / 1e6 },
            sum: Double(values.sum) / 1e6)
    }
}
#endif
