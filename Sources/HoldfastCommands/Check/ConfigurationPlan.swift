#if Gateway
import Holdfast
import HoldfastGateway
import HoldfastHTTP

/// What a configuration means, in words, for whoever is about to run it. Secrets are not among them.
struct ConfigurationPlan {
    private let file: ConfigurationFile
    private var configuration: GatewayConfiguration { file.configuration }

    init(_ file: ConfigurationFile) {
        self.file = file
    }

    var text: String {
        let whole =
            listeners + [""] + configuration.services.flatMap { service($0) + [""] }
            + ["Routes, of which the first that matches counts", ""]
            + configuration.routes.enumerated().flatMap { route($1, place: $0 + 1) + [""] } + limits
        return whole.joined(separator: "\n")
    }

    private var listeners: [String] {
        var lines = configuration.listeners.map { listener in
            let tls = listener.tls.map { "TLS with \($0.certificate)" } ?? "no TLS"
            let http2 = listener.http2 ? "HTTP/1.1 and HTTP/2, \(listener.streams) streams a client" : "HTTP/1.1"
            return "Listens on \(listener.address): \(tls); \(http2)"
        }
        let admin = configuration.admin
        lines.append("Control plane on \(admin.address): \(admin.token == nil ? "no token" : "with a token")")
        let numbers = configuration.store.encryptionKeys.map { "\($0.number)" }
        let sealing =
            numbers.first.map {
                "outcomes are encrypted under key \($0), and read under \(numbers.joined(separator: ", "))"
            }
            ?? "outcomes are not encrypted"
        lines.append("Store: \(configuration.store.location); \(sealing)")
        if let log = configuration.accessLog {
            lines.append(
                "Access log: \(shareWords(log.sample)) of the requests, to \(log.path ?? "the standard output")")
        }
        return lines
    }

    private func service(_ service: ServiceConfiguration) -> [String] {
        var lines = ["Service \(service.name)"]
        lines += service.endpoints.map { "  \($0)" }
        if service.endpoints.contains(where: \.usesTLS) {
            let trust = service.tls.trust.map { "those of \($0)" } ?? "the system's certificates"
            lines.append(service.tls.verifies ? "  TLS: trusts \(trust)" : "  TLS: certificates are NOT checked")
        }
        lines.append("  breaker of the service: \(service.serviceBreaker.map { "\($0)" } ?? "off")")
        lines.append("  breaker of each endpoint: \(service.breaker)")
        if let check = service.healthCheck {
            lines.append(
                "  health check: GET \(check.path) every \(check.interval.words), within \(check.timeout.words); "
                    + "out after \(check.unhealthyAfter), in after \(check.healthyAfter)")
        } else {
            lines.append("  health check: none")
        }
        lines.append("  left out at the most: \(shareWords(service.maximumEjected)) of the endpoints, but at least one")
        lines.append(
            "  connections: \(service.connections) an endpoint, made within \(service.connectTimeout.words); "
                + "names looked up every \(service.resolveInterval.words)")
        lines.append("  budget: \(service.budget)")
        return lines
    }

    private func route(_ route: RouteConfiguration, place: Int) -> [String] {
        var lines = ["\(place). \(route.name): \(words(route.match)) → \(route.service)"]
        if route.isShadow { lines.append("   SHADOW: the policies only watch, and reject, retry and replay nothing") }
        lines += policies(route).map { "   \($0)" }
        return lines
    }

    /// From the outermost in.
    private func policies(_ route: RouteConfiguration) -> [String] {
        var lines: [String] = []
        let caller =
            switch route.caller {
            case .address: "its address"
            case .fields(let names): "its \(names.joined(separator: " and "))"
            }
        if let limit = route.rateLimit {
            let who =
                limit.byCaller ? "each caller (\(caller)), \(limit.callers) of them told apart" : "all callers together"
            lines.append("rate limit: \(limit.requests) in \(limit.per.words), \(limit.burst) at once, for \(who)")
        }
        if let concurrency = route.concurrency { lines.append("concurrency: \(concurrency) in flight") }
        if let limit = route.adaptiveLimit { lines.append("adaptive limit: \(limit)") }
        if let limit = route.bodyLimit { lines.append("body: at most \(sizeWords(limit))") }
        lines.append(words(route.idempotency, caller: caller))
        lines.append("deadline: \(route.deadline.words)")
        let statuses = route.retryStatuses.sorted().map { "\($0)" }.joined(separator: ", ")
        lines.append(
            route.retry.attempts == 1
                ? "retry: none"
                : "retry: \(route.retry); after \(statuses.isEmpty ? "no status" : statuses), and what was not sent")
        if let hedge = route.hedge { lines.append("hedge: \(hedge)") }
        lines.append("budget: \(route.budget.map { "\($0)" } ?? "the service's")")
        lines.append("attempt timeout: \(route.attemptTimeout.words)")
        lines.append(
            "kept of a body: \(sizeWords(route.keptBytes)); WebSocket \(route.webSockets ? "passed on" : "refused")")
        return lines
    }

    private func words(_ match: RouteConfiguration.Match) -> String {
        let methods = match.methods.isEmpty ? "any method" : match.methods.sorted().joined(separator: ", ")
        var text = "\(methods) \(match.host ?? "")\(match.path)"
        for (name, value) in match.fields.sorted(by: { $0.key < $1.key }) {
            text += value.map { ", with \(name): \($0)" } ?? ", with \(name)"
        }
        return text
    }

    private func words(_ idempotency: RouteConfiguration.Idempotency, caller: String) -> String {
        guard idempotency.keys != .off else { return "idempotency: keys are passed on" }
        let rules = idempotency.rules ?? idempotency.profile.keys
        let honoured = idempotency.isHonouredByService ? "; the service recognises keys, so they may be retried" : ""
        return "idempotency: keys \(idempotency.keys.rawValue) for POST and PATCH, \(rules.form.rawValue) of "
            + "\(rules.length.lowerBound) to \(rules.length.upperBound), each caller's (\(caller)) its own; "
            + "outcomes as \(idempotency.profile.name), kept \(idempotency.retention.words); "
            + "the unknown: \(words(unknown: idempotency))\(honoured)"
    }

    private func words(unknown idempotency: RouteConfiguration.Idempotency) -> String {
        guard let probe = idempotency.probe else { return idempotency.unknown.rawValue }
        let replay =
            probe.replaysAnswer
            ? "its 2xx is replayed\(probe.status.map { " as \($0)" } ?? "")" : "its 2xx is not replayed"
        let settle = probe.settle.map { "after \($0.words)" } ?? "after the deadline"
        return "asked for by GET \(probe.path); \(replay), its 404 believed \(settle)"
    }

    private var limits: [String] {
        var lines = [
            "Limits",
            "  \(configuration.threads) event loops; \(configuration.connections) client connections, "
                + "idle \(configuration.idleTimeout.words)",
            "  header fields: \(sizeWords(configuration.headerLimit)), within \(configuration.headerTimeout.words)",
            "  draining: \(configuration.drainTimeout.words)",
        ]
        if let keys = configuration.keysPerCaller { lines.append("  keys of a caller: \(keys)") }
        if let bytes = configuration.bytesPerCaller { lines.append("  bytes of a caller: \(sizeWords(bytes))") }
        return lines
    }

}
#endif
