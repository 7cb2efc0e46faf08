#if Gateway
import Holdfast
import HoldfastHTTP

// What a configuration means, in words: the same ones wherever it is told. Secrets are not among them.

/// Queries hold secrets.
private func withoutQuery(_ target: String) -> String {
    target.firstIndex(of: "?").map { "\(target[...$0])…" } ?? target
}

/// A size that is read by itself: the spelling of the file leaves out what a bare number counts.
package func bytesWords(_ bytes: Int) -> String {
    let words = sizeWords(bytes)
    return words.last?.isNumber == true ? "\(words) bytes" : words
}

extension ServiceConfiguration {
    /// Its policies, from the outermost in, and what else is done about its endpoints.
    package var policyWords: [String] {
        var lines = ["breaker of the service: \(serviceBreaker.map { "\($0)" } ?? "off")"]
        lines.append("breaker of each endpoint: \(breaker)")
        lines.append("failures that count: \(countedEvidence.words)")
        if let check = healthCheck {
            lines.append(
                "health check: GET \(withoutQuery(check.path)) every \(check.interval.words), within \(check.timeout.words); "
                    + "out after \(check.unhealthyAfter), in after \(check.healthyAfter)")
        } else {
            lines.append("health check: none")
        }
        lines.append("left out at the most: \(shareWords(maximumEjected)) of the endpoints, but at least one")
        lines.append(
            "connections: \(connections) an endpoint, made within \(connectTimeout.words); "
                + "names looked up every \(resolveInterval.words)")
        if methodOverride { lines.append("methods: of a POST, the one that X-HTTP-Method-Override says") }
        if exactPaths { lines.append("paths: told apart byte by byte") }
        lines.append("budget: \(budget)")
        return lines
    }
}

extension ServiceConfiguration.Evidence {
    fileprivate var words: String {
        switch self {
        case .callers:
            "no connection; and what a request may have provoked, not in a row, "
                + "while \(FailingCallersMachine.needed) callers meet it"
        case .each: "each, whoever meets it"
        }
    }
}

extension RouteConfiguration {
    /// Its policies, from the outermost in.
    package var policyWords: [String] {
        var lines: [String] = []
        if let limit = rateLimit {
            let who =
                limit.byCaller
                ? "each caller (\(caller.words)), \(limit.callers) of them told apart" : "all callers together"
            lines.append("rate limit: \(limit.requests) in \(limit.per.words), \(limit.burst) at once, for \(who)")
        }
        if let concurrency { lines.append("concurrency: \(concurrency) in flight") }
        if let adaptiveLimit { lines.append("adaptive limit: \(adaptiveLimit)") }
        if let bodyLimit { lines.append("body: at most \(bytesWords(bodyLimit))") }
        let isKeyless = idempotency.keys != .off && !hasKeyedMethods
        lines.append(
            "idempotency: "
                + (isKeyless
                    ? "none: requests of \(listed(match.methods.sorted())) have no keys"
                    : idempotency.words(caller: caller)))
        lines.append("deadline: \(deadline.words)")
        lines.append("retry: \(retryWords)")
        if let hedge {
            lines.append(
                "hedge: "
                    + (sendsOnce
                        ? "none: \(listed(match.methods.sorted())) may not be sent twice"
                        : hedge.words + onceWords("none")))
        }
        lines.append("budget: \(budget.map { "\($0)" } ?? "the service's")")
        lines.append("attempt timeout: \(attemptTimeout.words); silence within a response: \(streamTimeout.words)")
        lines.append("kept of a body: \(bytesWords(keptBytes)); WebSocket \(webSockets ? "passed on" : "refused")")
        return lines
    }
}

extension RouteConfiguration {
    /// What is said of those of its methods that may not be sent twice, if there are any.
    private func onceWords(_ words: String) -> String {
        guard !methodsSentOnce.isEmpty, methodsSentOnce.count < match.methods.count || match.methods.isEmpty else {
            return repeatsKeyed ? "; without a key \(words)" : ""
        }
        return "; for \(listed(methodsSentOnce))\(repeatsKeyed ? " without a key" : "") \(words)"
    }

    private var retryWords: String {
        guard retry.attempts > 1 else { return "none" }
        let statuses = retryStatuses.sorted().map { "\($0)" }.joined(separator: ", ")
        let layers = retry.nesting == .eachLayer ? "; whether or not other layers retry" : ""
        guard !sendsOnce else {
            return
                "\(retry); after what was not sent alone: \(listed(match.methods.sorted())) may not be sent twice\(layers)"
        }
        return "\(retry); after \(statuses.isEmpty ? "no status" : statuses), and what was not sent"
            + onceWords("only after what was not sent") + "; "
            + "Retry-After lengthens a wait by \(retry.retryAfterLimit.words) at the most\(layers)"
    }
}

extension HedgeConfiguration {
    fileprivate var words: String {
        guard case .observed(_, let least, let until) = delay else { return "\(self)" }
        return "\(self), and after \(until.words) until \(least) were seen"
    }
}

extension RouteConfiguration.Caller {
    fileprivate var words: String {
        switch self {
        case .address: "its address"
        case .certificate: "its certificate"
        case .fields(let names): "its \(names.joined(separator: " and "))"
        case .jwt(let token): token.words
        }
    }
}

extension TokenCaller {
    fileprivate var words: String {
        let by = keysFile.map { " by the keys of \($0)" } ?? ""
        let from = (issuer.map { ", issued by \($0)" } ?? "") + (audience.map { " for \($0)" } ?? "")
        let otherwise = without == .refuse ? "without one, 401" : "without one, anonymous"
        return "its token's \(listed(claims)) in \(field)\(from), verified\(by); \(otherwise)"
    }
}

extension RouteConfiguration.Match {
    /// - Parameter showsValues: Whether the values that fields must have are told: they may be secrets.
    package func words(showsValues: Bool) -> String {
        let methods = methods.isEmpty ? "any method" : methods.sorted().joined(separator: ", ")
        var text = "\(methods) \(host ?? "")\(path)"
        for (name, value) in fields.sorted(by: { $0.key < $1.key }) {
            text += value.map { showsValues ? ", with \(name): \($0)" : ", with a certain \(name)" } ?? ", with \(name)"
        }
        return text
    }
}

extension RouteConfiguration.Idempotency {
    fileprivate func words(caller: RouteConfiguration.Caller) -> String {
        guard keys != .off else { return "keys are passed on" }
        let rules = rules ?? profile.keys
        let honoured = isHonouredByService ? "; the service recognises keys, so they may be retried" : ""
        return "keys \(keys.rawValue) for \(listed(keyedMethods.sorted(by: >))), \(rules.form.rawValue) of "
            + "\(rules.length.lowerBound) to \(rules.length.upperBound), each caller's (\(caller.words)) its own\(comparedWords); "
            + "outcomes as \(profile.name)\(exceptionWords), kept \(retention.words)\(replayWords); "
            + "a duplicate waits \(wait.words); the unknown: \(unknownWords)\(honoured)"
    }

    private var comparedWords: String {
        let scope = scopeFields.isEmpty ? "" : ", and each \(listed(scopeFields.sorted()))'s"
        return fingerprintFields.isEmpty
            ? scope : "\(scope), with the same \(listed(fingerprintFields.sorted())) each time"
    }

    private var exceptionWords: String {
        func words(_ statuses: Set<Int>, _ what: String) -> String {
            statuses.isEmpty ? "" : ", but \(listed(statuses.sorted().map { "\($0)" })) \(what)"
        }
        return words(keptStatuses, "kept") + words(releasedStatuses, "leaving the key free")
    }

    private var replayWords: String {
        replayFields.isEmpty ? "" : ", replayed with \(listed(replayFields.sorted()))"
    }

    private var unknownWords: String {
        guard let probe else { return unknown.rawValue }
        let replay =
            probe.replaysAnswer
            ? "its 2xx is replayed\(probe.status.map { " as \($0)" } ?? "")" : "its 2xx is not replayed"
        let settle = probe.settle.map { "after \($0.words)" } ?? "after the deadline"
        return "asked for by GET \(withoutQuery("\(probe.path)")); \(replay), its 404 believed \(settle)"
    }
}
#endif
