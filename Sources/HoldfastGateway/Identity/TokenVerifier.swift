#if Gateway
import Crypto
import Foundation
import Holdfast
import HoldfastIdempotency
import JWTKit
import Synchronization

/// Finds out who a token speaks of, on the event loop that asks: nothing is awaited, and nothing is fetched.
///
/// A token that was verified is remembered by its hash, until it expires, so that a caller's next request costs a hash.
/// What a token says of keys (`jku`, `x5u`, `jwk`, `x5c`) is not looked at; `kid` is compared.
final class TokenVerifier: Sendable {
    /// The longest token, in bytes.
    static let tokenBound = 8 << 10
    /// How many tokens are remembered. Beyond, those that have not been seen for longest are verified again.
    static let knownBound = 20_000
    /// What trying keys for a token may cost, if it does not name one, or several have the name: 8 keys, but 4 on P-384
    /// and 2 on P-521. Anybody has tokens with junk for a signature, and each trial takes the event loop: 1.3 ms on P-521.
    /// While a key is replaced there are two.
    static let trialBound = 8

    /// Why a token is not taken, in words for the caller.
    struct Refusal: Error {
        let words: String

        init(_ words: String) { self.words = words }
    }

    struct Key: Sendable {
        let id: String?
        let name: String
        fileprivate let algorithm: any JWTAlgorithm

        /// What it costs to try it, in parts of ``trialBound``.
        var cost: Int {
            switch name {
            case TokenCaller.Algorithm.es512.rawValue: 4
            case TokenCaller.Algorithm.es384.rawValue: 2
            default: 1
            }
        }
    }

    /// What a token was found to say.
    struct Known: Sendable {
        let caller: String
        /// The claims that name the caller, and the issuer, as operators are told them.
        let shown: String
        fileprivate let notBefore: Double
        fileprivate let expires: Double
    }

    private let configuration: TokenCaller
    private let keys: [Key]
    private let secret: StoreSecret
    private let known = Mutex(TwoGenerations<[UInt8], Known>(bound: knownBound))

    private init(_ configuration: TokenCaller, keys: [Key], secret: StoreSecret) {
        self.configuration = configuration
        self.keys = keys
        self.secret = secret
    }

    /// Each key is asked of the library alone and for one algorithm: its collections take an unknown `kid` for the default,
    /// and let the first token decide what a key without `alg` is for.
    static func make(_ configuration: TokenCaller, secret: StoreSecret) async throws -> TokenVerifier {
        var keys: [Key] = []
        for key in configuration.keys.keys {
            for algorithm in key.algorithms where configuration.algorithms.contains(algorithm) {
                let collection = JWTKeyCollection()
                try await key.add(for: algorithm, to: collection)
                keys.append(
                    Key(id: key.id, name: algorithm.rawValue, algorithm: try await collection.getKey()))
            }
        }
        return TokenVerifier(configuration, keys: keys, secret: secret)
    }

    /// The caller that a token names.
    ///
    /// - Parameter now: The wall clock's time, in seconds since 1970.
    func caller(_ token: some StringProtocol, at now: Double) throws(Refusal) -> String {
        try found(token, at: now).caller
    }

    /// The same, with what operators are told of it.
    func found(_ token: some StringProtocol, at now: Double) throws(Refusal) -> Known {
        let bytes = Array(token.utf8)
        guard bytes.count <= Self.tokenBound else { throw Refusal("it is longer than \(Self.tokenBound) bytes") }
        let hash = Array(SHA256.hash(data: bytes))
        if let found = known.withLock({ $0.find(hash) }) {
            try check(found, at: now)
            return found
        }
        let found = try verified(bytes)
        try check(found, at: now)
        known.withLock { $0.with(hash, default: found) { _ in } }
        return found
    }

    private func check(_ found: Known, at now: Double) throws(Refusal) {
        let leeway = Double(configuration.leeway.saturatingNanoseconds) / 1e9
        guard now < found.expires + leeway else { throw Refusal("it has expired") }
        guard now >= found.notBefore - leeway else { throw Refusal("it is not valid yet") }
    }

    // MARK: Verifying

    /// The head of a token, as far as it counts. It is anybody's text, so it is read by nothing that a text could bring down.
    private struct Head: Decodable {
        let alg: String
        let kid: String?
        let isCritical: Bool

        private enum Name: String, CodingKey { case alg, kid, crit }

        init(from decoder: any Decoder) throws {
            let values = try decoder.container(keyedBy: Name.self)
            alg = try values.decode(String.self, forKey: .alg)
            kid = try values.decodeIfPresent(String.self, forKey: .kid)
            isCritical = values.contains(.crit)
        }
    }

    /// RFC 7515, section 5.2, and RFC 7519, section 7.2.
    private func verified(_ token: [UInt8]) throws(Refusal) -> Known {
        let parts = token.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3, let headText = Self.decoded(parts[0]), let payload = Self.decoded(parts[1]),
            let signature = Self.decoded(parts[2])
        else { throw Refusal("it is not a signed JWT") }
        guard TokenText.hasOneReading(headText), let head = try? JSONDecoder().decode(Head.self, from: headText) else {
            throw Refusal("its head cannot be read")
        }
        // What is critical has to be understood, and nothing is (RFC 7515, section 4.1.11).
        guard !head.isCritical else { throw Refusal("its head has `crit`") }
        let name = TokenCaller.Algorithm.usual(head.alg)
        let candidates = candidates(for: name, kid: head.kid)
        guard !candidates.isEmpty else { throw Refusal("no key is for its `alg` and `kid`") }
        let signed = token[..<parts[1].endIndex]
        let isSigned = candidates.contains { key in
            (try? key.algorithm.verify(signature, signs: signed)) == true
        }
        guard isSigned else { throw Refusal("its signature is not valid") }
        guard TokenText.hasOneReading(payload), let claims = try? JSONDecoder().decode(TokenClaims.self, from: payload)
        else {
            throw Refusal("its claims cannot be read")
        }
        return try found(claims)
    }

    /// The keys that are tried for a token, those that it names first.
    func candidates(for algorithm: String, kid: String?) -> [Key] {
        let fitting = keys.filter { $0.name == algorithm && ($0.id == nil || kid == nil || $0.id == kid) }
        let named = kid == nil ? [] : fitting.filter { $0.id != nil }
        let others = kid == nil ? fitting : fitting.filter { $0.id == nil }
        var left = Self.trialBound
        return (named + others).prefix { key in
            left -= key.cost
            return left >= 0
        }
    }

    private func found(_ claims: TokenClaims) throws(Refusal) -> Known {
        if let issuer = configuration.issuer {
            guard claims.texts["iss"] == issuer else { throw Refusal("its `iss` is another") }
        }
        if let audience = configuration.audience {
            guard claims.audience.contains(audience) else { throw Refusal("its `aud` is another") }
        }
        // Whoever has such a token without its key is not the caller, and only the service can see that (RFC 7800).
        guard !claims.isBound else { throw Refusal("it is bound to a key (`cnf`), which is not verified here") }
        var named: [String: String] = [:]
        for name in configuration.claims {
            guard let value = claims.texts[name], !value.isEmpty else {
                throw Refusal("its `\(name)` is missing, or no text and no whole number")
            }
            named[name] = value
        }
        return Known(
            caller: secret.caller(issuedBy: claims.texts["iss"], claims: named),
            shown: Self.shown(named, issuedBy: claims.texts["iss"]),
            notBefore: claims.notBefore ?? -.infinity, expires: claims.expires ?? .infinity)
    }

    /// Of each value so much as is kept with a claim: there may be as many as tokens are remembered.
    private static func shown(_ claims: [String: String], issuedBy issuer: String?) -> String {
        let words = claims.sorted { $0.key < $1.key } + (issuer.map { [("iss", $0)] } ?? [])
        return words.map { "\($0)=\(ClaimHistory.word($1, bound: 96))" }.joined(separator: ", ")
    }

    /// Base 64 for URLs, without padding (RFC 7515, section 2): nothing else, so that a token has one spelling.
    private static func decoded(_ part: ArraySlice<UInt8>) -> Data? {
        var text: [UInt8] = []
        text.reserveCapacity(part.count + 3)
        for byte in part {
            switch byte {
            case UInt8(ascii: "-"): text.append(UInt8(ascii: "+"))
            case UInt8(ascii: "_"): text.append(UInt8(ascii: "/"))
            case UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="): return nil
            default: text.append(byte)
            }
        }
        while text.count % 4 != 0 { text.append(UInt8(ascii: "=")) }
        return Data(base64Encoded: Data(text))
    }
}

/// What a token says, as far as it counts.
private struct TokenClaims: Decodable {
    /// The claims that are texts or whole numbers.
    private(set) var texts: [String: String] = [:]
    private(set) var audience: [String] = []
    private(set) var notBefore: Double?
    private(set) var expires: Double?
    private(set) var isBound = false

    private struct Name: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Name.self)
        for name in values.allKeys {
            switch name.stringValue {
            case "exp": expires = try values.decode(Double.self, forKey: name)
            case "nbf": notBefore = try values.decode(Double.self, forKey: name)
            case "cnf": isBound = true
            case "aud":
                let one = try? values.decode(String.self, forKey: name)
                audience = try one.map { [$0] } ?? values.decode([String].self, forKey: name)
            default:
                if let text = try? values.decode(String.self, forKey: name) {
                    texts[name.stringValue] = text
                } else if let number = try? values.decode(Int64.self, forKey: name) {
                    texts[name.stringValue] = String(number)
                }
            }
        }
    }
}

extension StoreSecret {
    /// How the gateway names whom a token speaks of: by a hash of who says it, and of what is said.
    func caller(issuedBy issuer: String?, claims: [String: String]) -> String {
        callerName("token") { words in
            words.add(count: issuer == nil ? 0 : 1)
            if let issuer { words.add(issuer) }
            for (name, value) in claims.sorted(by: { $0.key < $1.key }) {
                words.add(name)
                words.add(value)
            }
        }
    }
}
#endif
