#if Gateway
import Holdfast

extension RouteConfiguration.Caller {
    /// A caller that needs more than a word.
    static func read(_ section: SectionReader) -> Self {
        let token = section.section(
            "jwt", unset: "required", "A signed token (JWT), by what it says of its bearer.", TokenCaller.read)
        // Without keys, which has been told by now, there is nobody.
        return token.flatMap { $0 }.map { Self.jwt($0) } ?? .fields(["authorization"])
    }
}

extension TokenCaller {
    fileprivate static func read(_ section: SectionReader) -> Self? {
        let file = section.file(
            "keys", unset: "required",
            "What tokens are verified with: the issuer's public keys, as a JWKS document or PEM. It is read again when it changes.",
            holding: TokenKeys.allowed
        ) { bytes throws(ConfigurationError) in try TokenKeys(bytes) }
        let claim = SectionReader.Kind("claim", "", allowed: claimsAllowed)
        let claims = section.values(
            "claims", count: 1...4, of: claim, unset: "[sub]",
            "The claims that say who it is, together with `iss`. A token must have them all, as a text or a whole number."
        ) { isClaim($0.text) ? $0.text : nil }
        let issuer = section.text(
            "issuer", allowed: "a text", unset: "any", "Which `iss` a token must have. Callers of two issuers are two."
        ) { $0.isEmpty ? nil : $0 }
        let audience = section.text(
            "audience", allowed: "a text", unset: "any", "Which value `aud` must be or have."
        ) { $0.isEmpty ? nil : $0 }
        let all = Algorithm.allCases.map(\.rawValue).joined(separator: ", ")
        let algorithm = SectionReader.Kind("algorithm", all, allowed: "one of \(all)")
        let algorithms = section.values(
            "algorithms", count: 1...10, of: algorithm, unset: "all of \(all)", "What tokens may be signed with."
        ) { Algorithm(rawValue: $0.text) }
        let leeway = section.duration(
            "leeway", default: .seconds(60), in: .zero ... .seconds(600),
            "How far the clocks of issuer and gateway may be apart, when `exp` and `nbf` are looked at.")
        let field = section.text(
            "field", "field", allowed: "a field's name", unset: "authorization",
            "The field that the token is in: `authorization`, as `Bearer TOKEN`, or another, with or without `Bearer`."
        ) { HostName.isToken($0) ? $0.lowercased() : nil }
        let without = section.choice(
            "without", default: Without.refuse,
            "What a request without a token gets, where it has to be known who calls: 401, or it is one caller with all that have no credentials."
        )
        guard let file else { return nil }
        var token = Self(keys: file.content)
        token.keysFile = file.path
        if let claims, !claims.isEmpty { token.claims = claims }
        (token.issuer, token.audience, token.leeway, token.without) = (issuer, audience, leeway, without)
        if let algorithms, !algorithms.isEmpty { token.algorithms = Set(algorithms) }
        if let field { token.field = field }
        section.check(token.validate)
        return token
    }
}
#endif
