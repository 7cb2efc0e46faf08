#if Gateway
import Holdfast
import HoldfastHTTP

extension RouteConfiguration {
    static func read(_ section: SectionReader) -> Placed<RouteConfiguration> {
        let name = section.text(
            "name", "name", allowed: ServiceConfiguration.nameAllowed, unset: "required",
            "What it is called in logs and metrics. Each route has another."
        ) { ServiceConfiguration.isName($0) ? $0 : nil }
        let match = section.section(
            "match", unset: "everything", "What a request must be. Everything that is given must hold.", Match.read)
        let service = section.text(
            "service", "name", allowed: "the name of one of the services", unset: "required", "Where requests go."
        ) { $0.isEmpty ? nil : $0 }
        var route = RouteConfiguration(name: name ?? "", service: service ?? "")
        route.match = match ?? route.match
        route.isShadow = section.flag(
            "shadow", default: route.isShadow,
            "Whether the policies only watch: nothing is rejected, retried or replayed, and what would have been is counted."
        )
        route.caller =
            section.section(
                "caller",
                or: .init(
                    "text", "`address`, `certificate`, or `field NAME`, with 1 to 8 names",
                    allowed: "`address`, `certificate`, or `field NAME`, with 1 to 8 names"),
                unset: "field authorization",
                "Who a caller is: what keys are unique within, and what a rate is counted for. A token that is renewed between two tries, or a signature for each request, is another `authorization`: then a repeat is executed again.",
                value: { Caller(words: $0.text) }, Caller.read) ?? route.caller
        route.readCallerName(section)
        route.readLimits(section)
        route.idempotency =
            section.section("idempotency", unset: "as below", "What is done about idempotency keys.", Idempotency.read)
            ?? route.idempotency
        route.readAttempts(section)
        route.bodyLimit = section.size(
            "bodyLimit", in: 0...(1 << 40), unset: "no bound: bodies stream", "The most bytes of a request's body.")
        route.keptBytes = section.size(
            "keptBytes", default: route.keptBytes, in: 0...(64 << 20),
            "What a retry, a fingerprint or a replay needs of a body is kept up to this.")
        route.webSockets = section.flag(
            "webSockets", default: route.webSockets, "Whether `Upgrade: websocket` is passed on.")
        // The name and the service have been reported by now, if they are missing.
        section.check(route.validate)
        return Placed(value: route, section: section)
    }

    private mutating func readCallerName(_ section: SectionReader) {
        let field = SectionReader.Kind("field", "", allowed: Self.callerNameAllowed)
        callerName = Set(
            section.values(
                "callerName", count: 0...8, of: field, unset: "none",
                "Of the fields in `caller`, those whose values are names and no secrets: operators are told them of a request whose outcome is unknown. None that credentials are in. Callers who are named by tokens, certificates or addresses are told anyway."
            ) { HostName.isToken($0.text) ? $0.text.lowercased() : nil } ?? [])
    }

    private mutating func readLimits(_ section: SectionReader) {
        rateLimit = section.section(
            "rateLimit", unset: "none", "How many requests may come in a stretch of time.", RateLimit.read)
        concurrency = section.integer(
            "concurrency", in: 1...1_000_000, unset: "no bound",
            "The most requests in flight. A WebSocket is one until it ends.")
        adaptiveLimit = section.section(
            "adaptiveLimit", unset: "none", "A bound on requests in flight that is found out from latency.",
            AdaptiveLimitConfiguration.read)
    }

    private mutating func readAttempts(_ section: SectionReader) {
        deadline = section.duration(
            "deadline", default: deadline, in: GatewayConfiguration.times,
            "From the arrival of a request to the response's head, over all attempts; with a key, to the response's end. A caller's own deadline, if it is earlier, counts."
        )
        let retries = section.section(
            "retry", unset: "as below", "Retries of what may be made again, at another endpoint."
        ) { [retry, retryStatuses] in RetryConfiguration.read($0, default: retry, statuses: retryStatuses) }
        if let retries { (retry, retryStatuses) = retries }
        hedge = section.section(
            "hedge", unset: "none", "When a second attempt is sent beside one that is slow.", HedgeConfiguration.read)
        budget = section.section(
            "budget", unset: "the service's", "What retries and hedges draw on.", RetryBudgetConfiguration.read)
        attemptTimeout = section.duration(
            "attemptTimeout", default: attemptTimeout, in: GatewayConfiguration.times,
            "For one attempt, from the request's last byte to the response's head. A long poll needs one that is longer than it waits."
        )
        streamTimeout = section.duration(
            "streamTimeout", default: streamTimeout, in: GatewayConfiguration.times,
            "The longest silence of the service within a response, from its head on, as between two events of a stream."
        )
        // The default gives way to a short deadline without a word: nobody has said that an attempt may take so long.
        if section.has("attemptTimeout"), attemptTimeout > deadline {
            section.report.warning(
                section.mark(of: "attemptTimeout"),
                "\(section.fullName("attemptTimeout")) is \(attemptTimeout.words), longer than the deadline, \(deadline.words): no attempt follows one that hangs"
            )
        }
    }
}

extension RouteConfiguration.Match {
    fileprivate static func read(_ section: SectionReader) -> Self {
        var match = Self()
        match.host = section.text(
            "host", "name", allowed: "a host's name without a port, or \"*.\" and a name", unset: "any",
            "The `Host`, in any case; `*.example.com` is any name below."
        ) { host in
            HostName.isName(host.hasPrefix("*.") ? String(host.dropFirst(2)) : host) ? host.lowercased() : nil
        }
        match.path =
            section.text(
                "path", "path", allowed: "a path that begins with '/'", unset: "any",
                "`/charges` is that path alone, `/charges/{id}` any one segment after it, `/charges/*` everything below and `/charges` itself."
            ) { text throws(ConfigurationError) in try PathPattern(text) } ?? match.path
        let method = SectionReader.Kind("method", "", allowed: "methods, in capital letters")
        match.methods = Set(
            section.values("methods", count: 1...32, of: method, unset: "any", "Its methods.") { method in
                (1...32).contains(method.text.utf8.count) && method.text.isFieldName
                    && !method.text.utf8.contains { (0x61...0x7A).contains($0) } ? method.text : nil
            } ?? [])
        let field = SectionReader.Kind("field", "", allowed: "NAME: VALUE, or NAME: with no value")
        match.fields =
            section.texts(
                "fields", count: 0...16, of: field, unset: "none",
                "Fields that must be there; with a value, that must be it."
            ) { name, value throws(ConfigurationError) -> String?? in
                guard HostName.isToken(name) else { return nil }
                guard value.text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }), value.text.utf8.count <= 1_024 else {
                    return nil
                }
                return .some(value.text.isEmpty ? nil : value.text)
            } ?? [:]
        return match
    }
}

extension RouteConfiguration.Caller {
    /// `address`, `certificate`, or `field NAME`, with one name or several.
    init?(words: String) {
        if words == "address" {
            self = .address
            return
        }
        if words == "certificate" {
            self = .certificate
            return
        }
        let parts = words.split(separator: " ")
        let names = parts.dropFirst().map { $0.lowercased() }
        guard parts.first == "field", (1...8).contains(names.count), names.allSatisfy(HostName.isToken) else {
            return nil
        }
        self = .fields(names)
    }
}

extension RouteConfiguration.RateLimit {
    fileprivate static func read(_ section: SectionReader) -> Self {
        let many = 1...1_000_000_000
        let requests = section.integer("requests", in: many, unset: "required", "How many in each period.")
        var limit = Self(requests: requests ?? 1)
        limit.per = section.duration(
            "per", default: limit.per, in: .milliseconds(1) ... .seconds(86_400), "The period.")
        limit.burst =
            section.integer("burst", in: many, unset: "`requests`", "How many may come at once.") ?? limit.burst
        limit.byCaller = section.flag(
            "byCaller", default: limit.byCaller,
            "Whether each caller is counted alone; with `caller: address`, an IPv6 network of 64 bits is one.")
        limit.callers = section.integer(
            "callers", default: limit.callers, in: 1...1_000_000,
            "How many callers are told apart; those who have been quiet longest are forgotten first.")
        return limit
    }
}

extension RouteConfiguration.Idempotency {
    fileprivate static func read(_ section: SectionReader) -> Self {
        var idempotency = Self()
        idempotency.keys = section.choice(
            "keys", default: idempotency.keys,
            "Whether requests need an `Idempotency-Key`; `off` passes keys on, and does nothing about them.")
        idempotency.profile =
            section.choice(
                "profile", of: OutcomeProfile.all.map { ($0.name, $0) }, unset: idempotency.profile.name,
                "Which responses are the outcome of a key, and what keys look like.") ?? idempotency.profile
        let form = section.choice(
            "form", of: KeyRules.Form.allCases.map { ($0.rawValue, $0) }, unset: "as the profile says",
            "What keys are made of: visible ASCII; letters, digits, '-' and '_'; a UUID; a UUID of version 7.")
        let length = section.text(
            "length", "range", allowed: "a number from 1 to 255, the least, or two, such as 16-64",
            unset: "as the profile says", "How many characters a key has.", Self.length)
        if form != nil || length != nil {
            let usual = idempotency.profile.keys
            idempotency.rules = KeyRules(form: form ?? usual.form, length: length ?? usual.length)
        }
        idempotency.readMeaning(section)
        idempotency.retention = section.duration(
            "retention", default: idempotency.retention, in: .seconds(60) ... .seconds(365 * 86_400),
            "How long an outcome is kept.")
        idempotency.wait = section.duration(
            "wait", default: idempotency.wait, in: .zero ... .seconds(3_600),
            "How long a duplicate waits for the request in progress, here or at another gateway, and never past the deadline. At zero it conflicts at once."
        )
        idempotency.unknown = section.choice(
            "unknown", default: idempotency.unknown,
            "What a repeat gets of a key that began and never reported: it is refused until somebody resolves it; or sent again, which is right only where the service itself recognises the key; or the service is asked what became of it."
        )
        idempotency.probe =
            section.section(
                "probe", unset: "none", "What the service is asked, where the unknown is `probe`.", Probe.read) ?? nil
        if idempotency.unknown != .probe {
            section.refuse(["probe"], because: "unless \(section.fullName("unknown")) is probe")
        } else if !section.has("probe") {
            let (unknown, probe) = (section.fullName("unknown"), section.fullName("probe"))
            section.mistake("unknown", "\(unknown) is probe, but \(probe) is missing")
        }
        idempotency.isHonouredByService = section.flag(
            "honouredByService", default: idempotency.isHonouredByService,
            "Whether the service itself recognises keys. Then a request with a key may be retried.")
        if idempotency.unknown == .rerun, !idempotency.isHonouredByService {
            section.report.warning(
                section.mark(of: "unknown"),
                "\(section.fullName("unknown")) is rerun without honouredByService: true: what is unknown may run twice"
            )
        }
        return idempotency
    }

    private static func length(_ text: String) -> ClosedRange<Int>? {
        let bounds = text.split(separator: "-", omittingEmptySubsequences: false).map(\.wholeNumber)
        let allowed = 1...IdempotencyKey.maximumLength
        guard (1...2).contains(bounds.count), let first = bounds.first?.within(allowed),
            let last = bounds.count == 1 ? allowed.upperBound : bounds[1].within(allowed), first <= last
        else { return nil }
        return first...last
    }
}

extension RouteConfiguration.Idempotency.Probe {
    fileprivate static func read(_ section: SectionReader) -> Self? {
        let path = section.text(
            "path", "path", allowed: ProbePath.allowed, unset: "required",
            "The path of a GET, which may have a query. `{key}` stands for the key, and the names of the route's path for what they stand for there; values are percent-encoded."
        ) { text throws(ConfigurationError) in try ProbePath(text) }
        let replaysAnswer = section.flag(
            "replayAnswer", default: true,
            "Whether what the GET is answered with a 2xx is what repeats get. Without, they get 409, `response-not-kept`."
        )
        let status = section.integer(
            "status", in: 200...299, unset: "that of the GET", "The status of such replays.")
        let settle = section.duration(
            "settle", in: .zero ... .seconds(3_600), unset: "the route's deadline",
            "For how long after it may have been sent last the service may still be at work on a request. Until then a 404 says nothing, and the repeat is refused; from then on it is executed."
        )
        guard let path else { return nil }
        var probe = Self(path: path)
        (probe.replaysAnswer, probe.status, probe.settle) = (replaysAnswer, status, settle)
        return probe
    }
}

extension RouteConfiguration.Match {
    /// The same, of paths as services read them that compare them freely.
    var readFreely: Self {
        var read = self
        read.path = path.read(taking: [])
        return read
    }

    /// Whether whatever matches another matches this as well.
    func covers(_ other: Self) -> Bool {
        if let host {
            guard let theirs = other.host else { return false }
            let isBelow = host.hasPrefix("*.") && theirs.hasSuffix(host.dropFirst())
            guard host == theirs || isBelow else { return false }
        }
        guard methods.isEmpty || (!other.methods.isEmpty && methods.isSuperset(of: other.methods)) else { return false }
        for (name, value) in fields {
            guard let theirs = other.fields.first(where: { $0.key.lowercased() == name.lowercased() })?.value,
                value == nil || value == theirs
            else { return false }
        }
        return path.covers(other.path)
    }
}
#endif
