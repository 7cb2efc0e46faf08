#if Gateway
import Holdfast
import HoldfastHTTP

/// What makes one caller of many: then a key of one is a key of all, and whoever sends it reads another's replay.
///
/// A route names callers by what a request says, and each listener takes away what it does not believe. So the two have to
/// be looked at together: what no listener lets through names nobody.
struct CallerFault: Hashable {
    /// The route's place in the configuration.
    let route: Int
    /// The option that has it.
    let option: String
    /// Whether it is so of every request. Otherwise it is so of those that come in one way.
    let isOfAll: Bool
    let words: String
}

extension GatewayConfiguration {
    /// In the routes' order. Where neither keys nor a rate depend on the caller, nobody has to be told apart.
    var callerFaults: [CallerFault] {
        routes.enumerated().flatMap { place, route in
            let hasKeys = route.idempotency.keys != .off
            var faults: [CallerFault] = []
            if hasKeys || route.rateLimit?.byCaller == true { faults += ofCaller(route, place) }
            if hasKeys {
                for (option, names) in [
                    ("idempotency.scopeFields", route.idempotency.scopeFields),
                    ("idempotency.fingerprintFields", route.idempotency.fingerprintFields),
                ] {
                    faults += ofTaken(names.sorted(), route, place, option: option, "compares", "none of them has any")
                }
            }
            faults += ofTaken(
                route.match.fields.keys.sorted(), route, place, option: "match.fields", "matches by",
                "none of them matches"
            ).map { CallerFault(route: $0.route, option: $0.option, isOfAll: false, words: $0.words) }
            return faults
        }
    }

    private func ofCaller(_ route: RouteConfiguration, _ place: Int) -> [CallerFault] {
        switch route.caller {
        case .fields(let names): ofFields(names, route, place)
        case .jwt(let token):
            ofTaken(
                [token.field], route, place, option: "caller", "reads tokens in",
                token.without == .refuse ? "all are refused" : Self.asOne)
        case .certificate: ofCertificate(route, place)
        case .address: ofAddress(route, place)
        }
    }

    private static let asOne = "all of them are one caller, and read one another's replays"

    private func ofFields(_ names: [String], _ route: RouteConfiguration, _ place: Int) -> [CallerFault] {
        let names = names.map { $0.lowercased() }
        let taken = ofTaken(names, route, place, option: "caller", "names callers by", Self.asOne)
        guard taken.isEmpty else { return taken }
        func fault(_ isOfAll: Bool, _ words: String) -> [CallerFault] {
            [
                CallerFault(
                    route: place, option: "caller", isOfAll: isOfAll,
                    words: "route \(shown(route.name)) names callers by \(listed(names)), \(words)")
            ]
        }
        if names.allSatisfy(Self.saysNothingOfCallers) {
            return fault(true, "which says nothing of who calls: many callers are one, and read one another's replays")
        }
        if names.allSatisfy(Self.describesRequests) {
            return fault(false, "which many callers send alike: those are one caller, and read one another's replays")
        }
        if names.contains("cookie") {
            return fault(
                false,
                "of which a client sends as many as it likes beside the one that says who it is: each of its choices is another caller. Have an authenticator in front set a field, or take a token"
            )
        }
        if names.allSatisfy(Self.namesSomebody), listeners.contains(where: \.trusted.isEmpty) {
            return fault(
                false,
                "which a client can choose, and no proxy is said to be in front: one who chooses another's name reads that one's replays. See that whatever sets it is the only way in, and list it as trusted"
            )
        }
        return []
    }

    /// Fields that some listeners, or all, take from every request.
    private func ofTaken(
        _ names: [String], _ route: RouteConfiguration, _ place: Int, option: String, _ does: String,
        _ consequence: String
    ) -> [CallerFault] {
        names.compactMap { name in
            let isOfTrusted = requestID && name.meansRequestID
            let taking = listeners.filter { !$0.passes(name) || (isOfTrusted && $0.trusted.isEmpty) }
            guard !taking.isEmpty else { return nil }
            let isOfAll = taking.count == listeners.count
            let whence =
                isOfAll
                ? "every request" : "those that come to \(listed(taking.map { "\($0.address)" }))"
            let remedy =
                HopField(name) == .misspelt
                ? "spell it with '-'"
                : "list the proxies that set it in listeners[].trusted\(ForwardedFields.isOwn(name) ? ", with the trustedFields that it is of" : "")"
            return CallerFault(
                route: place, option: option, isOfAll: isOfAll,
                words:
                    "route \(shown(route.name)) \(does) \(name), which is taken from \(whence), because nobody is believed about it there: \(consequence); \(remedy)"
            )
        }
    }

    private func ofCertificate(_ route: RouteConfiguration, _ place: Int) -> [CallerFault] {
        let start = "route \(shown(route.name)) names callers by their certificates, but "
        func fault(_ isOfAll: Bool, _ words: String) -> CallerFault {
            CallerFault(route: place, option: "caller", isOfAll: isOfAll, words: start + words)
        }
        guard listeners.contains(where: \.asksForCertificate) else {
            return [fault(true, "no listener asks for any: all are one caller")]
        }
        return listeners.compactMap { listener in
            switch listener.tls?.clients.verify ?? .off {
            case .required: nil
            case .optional:
                fault(
                    false,
                    "\(listener.address) takes clients without any (verify: optional): all of those are one caller")
            case .off: fault(false, "\(listener.address) asks for none: all who come there are one caller")
            }
        }
    }

    private func ofAddress(_ route: RouteConfiguration, _ place: Int) -> [CallerFault] {
        listeners.filter { $0.address.isLoopback && $0.trusted.isEmpty }.map { listener in
            CallerFault(
                route: place, option: "caller", isOfAll: false,
                words:
                    "route \(shown(route.name)) names callers by their address, but whoever comes to \(listener.address) comes from this machine: all are one caller, unless a proxy in front is listed in listeners[].trusted"
            )
        }
    }

    /// What a client sends for the message's or the connection's sake, or the same to everybody.
    private static func saysNothingOfCallers(_ name: String) -> Bool {
        switch FieldName(name) {
        case .host, .via, .expect, .contentLength, .transferEncoding, .connection, .upgrade, .date, .maxForwards,
            .timeout, .attempt, .requestID, .hopByHop:
            true
        case .forwardedFor, .forwardedProto, .forwardedHost, .forwarded, .traceparent, .tracestate, .other:
            name == "idempotency-key"
        }
    }

    private static func describesRequests(_ name: String) -> Bool {
        saysNothingOfCallers(name) || name.hasPrefix("accept") || name.hasPrefix("content-") || name.hasPrefix("sec-")
            || [
                "user-agent", "origin", "referer", "cache-control", "pragma", "range", "traceparent", "tracestate",
                "x-request-id", "x-correlation-id", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port",
            ].contains(name)
    }

    /// Whether a field sounds like a name, which is no secret, and not like credentials, which are one.
    private static func namesSomebody(_ name: String) -> Bool {
        let words = name.split { !$0.isLetter && !$0.isNumber }.map { $0.lowercased() }
        return words.contains { word in
            [
                "user", "userid", "username", "userinfo", "email", "principal", "subject", "identity", "consumer",
                "tenant", "account", "customer", "client", "login", "member", "organization", "org", "uid",
            ].contains(word)
        } && !words.contains { ["key", "token", "secret", "signature", "assertion", "jwt", "cookie"].contains($0) }
    }
}

extension ListenerConfiguration {
    /// Whether a field that a client sends is there when something is decided, at least if a proxy that is trusted says it.
    func passes(_ name: String) -> Bool { HopField.isKept(name, of: trusted.isEmpty ? nil : trustedFields) }
}

extension GatewayConfiguration {
    /// What makes one caller of some of them, in words. What makes one of all is told wherever it starts.
    package var callerFaultsOfSome: [String] { callerFaults.filter { !$0.isOfAll }.map(\.words) }
}
#endif
