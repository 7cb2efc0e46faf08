#if Gateway
import Holdfast
import HoldfastGateway
import HoldfastIdempotency
import HoldfastHTTP
import Logging

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
            + configuration.callerWarnings.flatMap { ["", "Note: \($0)"] }
        return whole.joined(separator: "\n")
    }

    private var listeners: [String] {
        var lines = configuration.listeners.flatMap { listener in
            let tls = listener.tls.map { "TLS with \($0.certificate)\(words(for: $0.clients))" } ?? "no TLS"
            let http2 = listener.http2 ? "HTTP/1.1 and HTTP/2, \(listener.streams) streams a client" : "HTTP/1.1"
            return ["Listens on \(listener.address): \(tls); \(http2)"] + listener.trustWords.map { "  \($0)" }
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
        if configuration.logLevel != .info || configuration.logFormat != .text {
            lines.append("Log: level \(configuration.logLevel.rawValue), as \(configuration.logFormat.rawValue)")
        }
        if let log = configuration.accessLog {
            let kinds = [(log.rejections, "rejections of a kind"), (log.replays, "replays")]
            let fewer = kinds.filter { $0.0 > 1 }.map { ", one of \($0.0) \($0.1)" }.joined()
            lines.append(
                "Access log: \(shareWords(log.sample)) of the requests\(fewer), to \(log.path ?? "the standard output")\(log.begins == .keyed ? "; those with keys when they begin, too" : "")"
            )
        }
        return lines
    }

    private func words(for clients: ListenerConfiguration.TLS.Clients) -> String {
        let trust = clients.trust ?? "nobody"
        return switch clients.verify {
        case .off: ""
        case .required: ", clients must show a certificate that \(trust) vouches for"
        case .optional: ", clients may show a certificate, which \(trust) must vouch for"
        }
    }

    private func service(_ service: ServiceConfiguration) -> [String] {
        var lines = ["Service \(service.name)"]
        lines += service.endpoints.map { "  \($0)" }
        if service.endpoints.contains(where: \.usesTLS) {
            let trust = service.tls.trust.map { "those of \($0)" } ?? "the system's certificates"
            let name = service.tls.name.map { ", for \($0)" } ?? ""
            let shown = service.tls.certificate.map { "; shows \($0)" } ?? ""
            let ciphers = service.tls.ciphers == .compatible ? "; WITH ciphers that keep no secret for long" : ""
            let trusted = service.tls.verifies ? "trusts \(trust)\(name)" : "certificates are NOT checked"
            lines.append("  TLS: \(trusted)\(shown)\(ciphers)")
        }
        if service.forwarded { lines.append("  told in Forwarded too where requests come from") }
        if !service.via { lines.append("  NOT told in Via who has passed a request on") }
        lines += service.policyWords.map { "  \($0)" }
        return lines
    }

    private func route(_ route: RouteConfiguration, place: Int) -> [String] {
        var lines = ["\(place). \(route.name): \(route.match.words(showsValues: true)) → \(route.service)"]
        if route.isShadow { lines.append("   SHADOW: the policies only watch, and reject, retry and replay nothing") }
        lines += route.policyWords.map { "   \($0)" }
        let idempotency = route.idempotency
        if idempotency.keys != .off, idempotency.profile.name == OutcomeProfile.stripe.name,
            !idempotency.scopeFields.union(idempotency.fingerprintFields).contains("stripe-account")
        {
            lines.append(
                "   hint: stripe-account is in neither scopeFields nor fingerprintFields; where clients send it, a key is one for all accounts"
            )
        }
        return lines
    }

    private var limits: [String] {
        var lines = [
            "Limits",
            "  \(configuration.threads) event loops; \(configuration.connections) client connections, "
                + (configuration.connectionsPerClient.map { "\($0) of one client, " } ?? "")
                + "idle \(configuration.idleTimeout.words)",
            "  answers: the client takes something within \(configuration.clientTimeout.words); "
                + "a WebSocket may be silent for \(configuration.webSocketTimeout.words)",
            "  header fields: \(sizeWords(configuration.headerLimit)), within \(configuration.headerTimeout.words)",
            "  bodies: " + bodyRate + "; \(sizeWords(configuration.keptBytes)) kept of all together",
            "  draining: "
                + (configuration.drainDelay > .zero
                    ? "not ready, and still serving, for \(configuration.drainDelay.words); then " : "")
                + configuration.drainTimeout.words,
        ]
        let bound = configuration.store.bound
        lines.append("  keys in the store: \(bound.keys), with \(sizeWords(bound.bytes)) of outcomes")
        lines.append(
            "  keys of an address: "
                + (configuration.keysPerAddress.map { "\($0)" } ?? "a tenth of those") + ", with "
                + (configuration.bytesPerAddress.map { sizeWords($0) } ?? "a tenth of the bytes"))
        lines.append("  a 4xx, for who has not succeeded: kept \(configuration.refusedRetention.words)")
        if let keys = configuration.keysPerCaller { lines.append("  keys of a caller: \(keys)") }
        if let bytes = configuration.bytesPerCaller { lines.append("  bytes of a caller: \(sizeWords(bytes))") }
        return lines
    }

    private var bodyRate: String {
        guard configuration.bodyRate > 0 else { return "as slow as they like" }
        return "at least \(bytesWords(configuration.bodyRate)) a second, over each \(configuration.bodyGrace.words)"
    }
}
#endif
