#if Gateway
import Foundation
public import Holdfast
import JWTKit

/// The public keys of those who issue tokens: a JWKS document (RFC 7517, section 5), one key of such, or PEM.
///
/// What of a document cannot be used is left out, as RFC 7517 asks: keys for encryption, of other kinds, with other
/// algorithms, RSA below 2048 bits (RFC 7518, section 3.3). A document from which nothing is left, and one with a private
/// key in it, is refused.
public struct TokenKeys: Sendable, Hashable {
    static let allowed =
        "a JWKS document or PEM, with 1 to 64 public keys of which at least one can be used: RSA of 2048 bits or more, P-256, P-384, P-521 or Ed25519"

    /// One key, and what it is for.
    struct Key: Sendable, Hashable {
        enum Material: Sendable, Hashable {
            case rsa(modulus: String, exponent: String)
            case p256(x: String, y: String)
            case p384(x: String, y: String)
            case p521(x: String, y: String)
            case ed25519(x: String)
        }

        /// `kid`, by which tokens name it; nil if it has none. It is compared, and nothing is looked up by it.
        let id: String?
        let material: Material
        let algorithms: [TokenCaller.Algorithm]
    }

    let keys: [Key]

    /// What the keys are for.
    var algorithms: [TokenCaller.Algorithm] {
        TokenCaller.Algorithm.allCases.filter { algorithm in keys.contains { $0.algorithms.contains(algorithm) } }
    }

    /// Reads a document.
    ///
    /// - Throws: `ConfigurationError` which says what is allowed.
    public init(_ bytes: [UInt8]) throws(ConfigurationError) {
        let text = String(decoding: bytes, as: UTF8.self)
        let keys = try text.contains("-----BEGIN ") ? Self.pem(text) : Self.document(bytes)
        let usable = keys.filter { $0.isUsable }
        guard !usable.isEmpty else { throw Self.wrong }
        self.keys = usable
    }

    private static var wrong: ConfigurationError {
        ConfigurationError(option: "keys", value: "a file", allowed: allowed)
    }

    private static var secret: ConfigurationError {
        ConfigurationError(
            option: "keys", value: "a file",
            allowed: "without a private or a symmetric key, which nobody but the issuer may have")
    }

    // MARK: JWKS

    private struct Document: Decodable {
        let keys: [Entry]
    }

    /// What is looked at of a key. What is not as it should be makes it one that cannot be used, and no more.
    private struct Entry: Decodable {
        let kty, alg, kid, use, crv, n, e, x, y: String?
        let operations: [String]?
        let isSecret: Bool

        private enum Name: String, CodingKey {
            case kty, alg, kid, use, crv, n, e, x, y, d, k
            case operations = "key_ops"
        }

        init(from decoder: any Decoder) throws {
            guard let values = try? decoder.container(keyedBy: Name.self) else {
                (kty, alg, kid, use, crv, n, e, x, y) = (nil, nil, nil, nil, nil, nil, nil, nil, nil)
                (operations, isSecret) = (nil, false)
                return
            }
            func text(_ name: Name) -> String? { try? values.decode(String.self, forKey: name) }
            (kty, alg, kid, use, crv) = (text(.kty), text(.alg), text(.kid), text(.use), text(.crv))
            (n, e, x, y) = (text(.n), text(.e), text(.x), text(.y))
            operations = try? values.decode([String].self, forKey: .operations)
            isSecret = values.contains(.d) || values.contains(.k)
        }

        var key: Key? {
            guard use == nil || use == "sig", operations?.contains("verify") != false else { return nil }
            let material: Key.Material
            let all: [TokenCaller.Algorithm]
            switch (kty, crv) {
            case ("RSA", _):
                guard let n, let e else { return nil }
                (material, all) = (.rsa(modulus: n, exponent: e), Key.ofRSA)
            case ("EC", "P-256"):
                guard let x, let y else { return nil }
                (material, all) = (.p256(x: x, y: y), [.es256])
            case ("EC", "P-384"):
                guard let x, let y else { return nil }
                (material, all) = (.p384(x: x, y: y), [.es384])
            case ("EC", "P-521"):
                guard let x, let y else { return nil }
                (material, all) = (.p521(x: x, y: y), [.es512])
            case ("OKP", "Ed25519"):
                guard let x else { return nil }
                (material, all) = (.ed25519(x: x), [.eddsa])
            default: return nil
            }
            let named = alg.map { alg in all.filter { $0.rawValue == TokenCaller.Algorithm.usual(alg) } }
            return (named ?? all).isEmpty ? nil : Key(id: kid, material: material, algorithms: named ?? all)
        }
    }

    private static func document(_ bytes: [UInt8]) throws(ConfigurationError) -> [Key] {
        let data = Data(bytes)
        let decoder = JSONDecoder()
        let entries =
            (try? decoder.decode(Document.self, from: data).keys)
            ?? (try? decoder.decode(Entry.self, from: data)).map { [$0] }
        guard let entries, (1...64).contains(entries.count) else { throw wrong }
        guard !entries.contains(where: \.isSecret) else { throw secret }
        return entries.compactMap(\.key)
    }

    // MARK: PEM

    private static func pem(_ text: String) throws(ConfigurationError) -> [Key] {
        var keys: [Key] = []
        for block in text.matches(of: /-----BEGIN ([A-Z0-9 ]+)-----[^-]*-----END ([A-Z0-9 ]+)-----/) {
            guard !block.1.contains("PRIVATE") else { throw secret }
            guard block.1 == block.2, keys.count < 64 else { throw wrong }
            if let key = key(ofPEM: String(block.0), isCertificate: block.1 == "CERTIFICATE") { keys.append(key) }
        }
        return keys
    }

    private static func key(ofPEM text: String, isCertificate: Bool) -> Key? {
        func found<Curve>(_ key: ECDSA.PublicKey<Curve>?) -> (x: String, y: String)? { key?.parameters }
        if let rsa = try? isCertificate
            ? Insecure.RSA.PublicKey(certificatePEM: text) : Insecure.RSA.PublicKey(pem: text),
            let numbers = try? rsa.getKeyPrimitives()
        {
            return Key(
                id: nil, material: .rsa(modulus: coded(numbers.modulus), exponent: coded(numbers.publicExponent)),
                algorithms: Key.ofRSA)
        }
        if let (x, y) = found(try? isCertificate ? ES256PublicKey(certificate: text) : ES256PublicKey(pem: text)) {
            return Key(id: nil, material: .p256(x: x, y: y), algorithms: [.es256])
        }
        if let (x, y) = found(try? isCertificate ? ES384PublicKey(certificate: text) : ES384PublicKey(pem: text)) {
            return Key(id: nil, material: .p384(x: x, y: y), algorithms: [.es384])
        }
        if let (x, y) = found(try? isCertificate ? ES512PublicKey(certificate: text) : ES512PublicKey(pem: text)) {
            return Key(id: nil, material: .p521(x: x, y: y), algorithms: [.es512])
        }
        if !isCertificate, let key = try? EdDSA.PublicKey(pem: text) {
            return Key(id: nil, material: .ed25519(x: coded(key.rawRepresentation)), algorithms: [.eddsa])
        }
        return nil
    }

    private static func coded(_ data: Data) -> String {
        data.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").filter { $0 != "=" }
    }
}

extension TokenKeys.Key {
    fileprivate static let ofRSA: [TokenCaller.Algorithm] = [.rs256, .rs384, .rs512, .ps256, .ps384, .ps512]

    /// Whether the library takes it.
    fileprivate var isUsable: Bool {
        do {
            switch material {
            case .rsa(let n, let e): _ = try Insecure.RSA.PublicKey(modulus: n, exponent: e)
            case .p256(let x, let y): _ = try ES256PublicKey(parameters: (x, y))
            case .p384(let x, let y): _ = try ES384PublicKey(parameters: (x, y))
            case .p521(let x, let y): _ = try ES512PublicKey(parameters: (x, y))
            case .ed25519(let x): _ = try EdDSA.PublicKey(x: x, curve: .ed25519)
            }
            return true
        } catch {
            return false
        }
    }

    /// Has a collection hold this key alone, for one algorithm.
    func add(for algorithm: TokenCaller.Algorithm, to collection: JWTKeyCollection) async throws {
        switch (material, algorithm) {
        case (.rsa(let n, let e), .rs256):
            await collection.add(rsa: try Insecure.RSA.PublicKey(modulus: n, exponent: e), digestAlgorithm: .sha256)
        case (.rsa(let n, let e), .rs384):
            await collection.add(rsa: try Insecure.RSA.PublicKey(modulus: n, exponent: e), digestAlgorithm: .sha384)
        case (.rsa(let n, let e), .rs512):
            await collection.add(rsa: try Insecure.RSA.PublicKey(modulus: n, exponent: e), digestAlgorithm: .sha512)
        case (.rsa(let n, let e), .ps256):
            await collection.add(pss: try Insecure.RSA.PublicKey(modulus: n, exponent: e), digestAlgorithm: .sha256)
        case (.rsa(let n, let e), .ps384):
            await collection.add(pss: try Insecure.RSA.PublicKey(modulus: n, exponent: e), digestAlgorithm: .sha384)
        case (.rsa(let n, let e), .ps512):
            await collection.add(pss: try Insecure.RSA.PublicKey(modulus: n, exponent: e), digestAlgorithm: .sha512)
        case (.p256(let x, let y), .es256): await collection.add(ecdsa: try ES256PublicKey(parameters: (x, y)))
        case (.p384(let x, let y), .es384): await collection.add(ecdsa: try ES384PublicKey(parameters: (x, y)))
        case (.p521(let x, let y), .es512): await collection.add(ecdsa: try ES512PublicKey(parameters: (x, y)))
        case (.ed25519(let x), .eddsa): await collection.add(eddsa: try EdDSA.PublicKey(x: x, curve: .ed25519))
        default: break
        }
    }
}

extension TokenCaller.Algorithm {
    /// The name that is used here for what RFC 9864 calls otherwise.
    static func usual(_ name: String) -> String { name == "Ed25519" ? "EdDSA" : name }
}
#endif
