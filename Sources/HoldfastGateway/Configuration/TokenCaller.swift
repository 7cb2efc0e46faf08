#if Gateway
public import Holdfast
import HoldfastHTTP

/// Who a caller is by a signed token, a JWT (RFC 7519): by what the token says and not by the token, so that a caller who
/// renews it stays who it is.
///
/// The gateway finds out who calls, and no more: it forwards the token, and the service decides what it is worth.
public struct TokenCaller: Sendable, Hashable {
    /// What a token may be signed with (RFC 7518, section 3.1, and RFC 8037). None of them is symmetric, so what verifies
    /// can sign nothing; and `none` is not among them.
    public enum Algorithm: String, Sendable, CaseIterable {
        case rs256 = "RS256"
        case rs384 = "RS384"
        case rs512 = "RS512"
        case ps256 = "PS256"
        case ps384 = "PS384"
        case ps512 = "PS512"
        case es256 = "ES256"
        case es384 = "ES384"
        case es512 = "ES512"
        case eddsa = "EdDSA"
    }

    /// What a request without a token gets, where it has to be known who calls.
    public enum Without: String, Sendable, CaseIterable {
        /// It is refused: 401.
        case refuse
        /// Without any credentials it is the same caller as everybody else without; with others, which are no token, its keys
        /// are told apart by a hash of them. For rates and quotas all of these are one caller: nobody knows them.
        case anonymous
    }

    static let claimsAllowed = "a claim's name, of 1 to 64 visible characters, and not iss, which counts anyway"

    /// What tokens are verified with.
    public var keys: TokenKeys
    /// The file that they were read from, for words. Default: none.
    public var keysFile: String?
    /// The claims that say who it is, together with `iss`: 1 to 4, all of which a token must have, as a text or a whole
    /// number. Default: `sub`.
    public var claims = ["sub"]
    /// Which `iss` a token must have. Default: any. Callers of two issuers are two, whatever else their tokens say.
    public var issuer: String?
    /// Which value `aud` must be or have. Default: any.
    public var audience: String?
    /// Default: all.
    public var algorithms = Set(Algorithm.allCases)
    /// How far the clocks of issuer and gateway may be apart, when `exp` and `nbf` are looked at: zero to 10 min. Default:
    /// 1 min.
    public var leeway: Duration = .seconds(60)
    /// The field that the token is in: `authorization`, as `Bearer TOKEN`, or another, with or without `Bearer`. In lower
    /// case. Default: `authorization`.
    public var field = "authorization"
    /// Default: refuse.
    public var without = Without.refuse

    public init(keys: TokenKeys) { self.keys = keys }

    func validate() throws(ConfigurationError) {
        try require("number of claims", claims.count, in: 1...4)
        guard Set(claims).count == claims.count else {
            throw ConfigurationError(option: "claims", value: listed(claims), allowed: "different")
        }
        for claim in claims where !Self.isClaim(claim) {
            throw ConfigurationError(option: "claim", value: claim, allowed: Self.claimsAllowed)
        }
        guard !algorithms.isEmpty else {
            throw ConfigurationError(option: "algorithms", value: "none", allowed: "at least one")
        }
        guard keys.algorithms.contains(where: algorithms.contains) else {
            throw ConfigurationError(
                option: "algorithms", value: listed(algorithms.map(\.rawValue).sorted()),
                allowed: "one that a key is for: \(listed(keys.algorithms.map(\.rawValue)))")
        }
        try require("leeway", leeway, in: .zero ... .seconds(600))
        guard HostName.isToken(field), field == field.lowercased() else {
            throw ConfigurationError(option: "token's field", value: field, allowed: "a field's name, in lower case")
        }
    }

    static func isClaim(_ name: String) -> Bool {
        name != "iss" && (1...64).contains(name.utf8.count) && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    }
}
#endif
