#if Gateway
import Foundation
import Holdfast
import HoldfastHTTP
import HoldfastIdempotency
import Logging
import NIOHTTP1

/// Who calls, where a token says it.
extension Exchange {
    /// Who calls, without the credentials themselves. Where that can fail, it has been found out before.
    var caller: String {
        switch route.configuration.caller {
        case .jwt: return identity ?? unidentified
        case .address:
            return "address \(origin.client ?? "unknown")"
        case .certificate:
            return shared.secret.caller(CallerFields(shownBy: certificate))
        case .fields(let names):
            return shared.secret.caller(CallerFields(names, of: request.headers))
        }
    }

    /// Finds out who calls, where something depends on it: a key, or a rate for each caller. What depends on neither goes to
    /// the service with whatever it has, and the service says what that is worth.
    ///
    /// - Returns: Why the request is to be rejected; nil if it is not.
    func identify() -> Problem? {
        guard key != nil || route.rateLimits?.configuration.byCaller == true else { return nil }
        if key != nil, !route.scopeFields.isEmpty,
            let fault = CallerFields.fault(
                in: request.headers, of: route.scopeFields, does: "keys are unique within it")
        {
            return Problem(.badRequest, fault)
        }
        if case .fields(let names) = route.configuration.caller {
            return CallerFields.fault(in: request.headers, of: names).map { Problem(.badRequest, $0) }
        }
        guard case .jwt(let configuration) = route.configuration.caller, let tokens = route.tokens else { return nil }
        let values = request.headers[configuration.field]
        guard values.count <= 1 else {
            return Problem(.tokenInvalid, "\(configuration.field) is there more than once")
        }
        guard let value = values.first else { return anonymous(configuration) }
        guard let token = Self.token(in: value, isBare: configuration.field != "authorization") else {
            // Other credentials than a token: whoever sends them is not one of those without any, who would read its replays.
            // Nobody has looked at them, though, so all who are not known are counted as one (``counted(_:)``).
            guard configuration.without == .anonymous else { return missing(configuration) }
            if let fault = CallerFields.fault(in: request.headers, of: [configuration.field]) {
                return Problem(.badRequest, fault)
            }
            identity = shared.secret.caller(CallerFields([configuration.field], of: request.headers))
            return nil
        }
        do throws(TokenVerifier.Refusal) {
            // A token's times are dates, and its issuer's: only a wall clock can be compared with them.
            let found = try tokens.found(token, at: Date().timeIntervalSince1970)
            (identity, identityShown) = (found.caller, found.shown)
            return nil
        } catch {
            return Problem(.tokenInvalid, "nothing was executed: the token is not taken, since \(error.words)")
        }
    }

    private func anonymous(_ configuration: TokenCaller) -> Problem? {
        // A browser asks without credentials whether it may send any (Fetch, "CORS-preflight fetch"), and never with a key.
        guard configuration.without == .anonymous || (request.method == .OPTIONS && key == nil) else {
            return missing(configuration)
        }
        identity = shared.secret.caller(of: nil)
        return nil
    }

    private func missing(_ configuration: TokenCaller) -> Problem {
        Problem(.tokenMissing, "nothing was executed: \(configuration.field) must have a token, which says who calls")
    }

    /// The token of `Bearer TOKEN`, whose scheme is in any case (RFC 9110, section 11.1).
    ///
    /// - Parameter isBare: Whether the token may stand alone.
    private static func token(in value: String, isBare: Bool) -> Substring? {
        // In bytes: of a space and what combines with it, a `Character` makes something else.
        let scheme = value.utf8.prefix { !HTTP1Lines.isBlank($0) }
        let rest = value.utf8[scheme.endIndex...].drop(while: HTTP1Lines.isBlank)
        if rest.isEmpty { return isBare && !scheme.isEmpty ? Substring(scheme) : nil }
        return String(Substring(scheme)).is("bearer") ? Substring(rest) : nil
    }

    /// Whoever is not known is nobody else. Only a route that watches goes on with such a request, and nothing is kept
    /// under this name.
    private var unidentified: String { "unidentified \(requestID)" }

    /// Counts a request that came before under another caller, and tells of the first.
    func watchCaller(_ scope: Scope, _ key: IdempotencyKey, _ fingerprint: Fingerprint) {
        let (isOther, isFirst) = route.callers.see(scope.caller, "\(scope.operation)\n\(key)", fingerprint)
        if isOther { route.metrics.cameFromAnother() }
        guard isFirst else { return }
        shared.logger.warning(
            "one key with one request came under two callers, and was executed for each: \(route.configuration.caller.changeWords)",
            metadata: logged())
    }
}

extension RouteConfiguration.Caller {
    /// What makes another caller of one, where it was one.
    fileprivate var changeWords: String {
        switch self {
        case .fields:
            "if a token was renewed, or each request is signed, one has executed it twice; name callers by what stays"
        case .address: "if one client's address has changed, it has executed it twice; name callers by what stays"
        case .certificate: "if one client's certificate has another name or issuer now, it has executed it twice"
        case .jwt:
            "if one client's token says something else of it now, it has executed it twice; name callers by claims that stay"
        }
    }
}

extension GatewayConfiguration {
    /// What can be meant and often is not: that a caller is another with each token. In words, for the log and for
    /// `holdfast check`.
    package var callerWarnings: [String] {
        let names = routes.filter { route in
            guard case .fields(let names) = route.caller, route.idempotency.keys != .off else { return false }
            return names.contains("authorization")
        }.map(\.name)
        guard !names.isEmpty else { return [] }
        let shown = names.count > 8 ? names.prefix(8) + ["\(names.count - 8) more"] : names[...]
        return [
            "\(names.count == 1 ? "route" : "routes") \(listed(Array(shown))): keys are on, and callers are told apart by Authorization: with a token that was renewed between two tries, or a signature for each request, a repeat is another caller's, and is executed again; see `caller` in the reference"
        ]
    }
}
#endif
