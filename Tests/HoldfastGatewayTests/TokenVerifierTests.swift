#if Gateway
import Foundation
import Holdfast
import HoldfastIdempotency
import TestSupport
import Testing

@testable import HoldfastGateway

/// Which tokens say who calls, and which say nothing.
@Suite struct TokenVerifierTests {
    private static let secret = StoreSecret.random()
    private static let now: Double = 1_800_000_000
    private static let claims = #"{"iss":"https://a","sub":"ada","exp":1800000100}"#

    private func verifier(
        _ keys: String..., change: (inout TokenCaller) -> Void = { _ in }
    ) async throws -> TokenVerifier {
        var configuration = TokenCaller(keys: try TokenKeys(Array("{\"keys\":[\(keys.joined(separator: ","))]}".utf8)))
        change(&configuration)
        try configuration.validate()
        return try await TokenVerifier.make(configuration, secret: Self.secret)
    }

    /// The caller, or why there is none.
    private func result(_ verifier: TokenVerifier, _ token: String, at now: Double = Self.now) -> String {
        do throws(TokenVerifier.Refusal) {
            return try verifier.caller(token, at: now)
        } catch {
            return "refused: \(error.words)"
        }
    }

    @Test func `two tokens of one subject are one caller, and two subjects or issuers are two`() async throws {
        let (one, two) = (try await TestIssuer.p256("one"), try await TestIssuer.ed25519("two"))
        let verifier = try await verifier(one.key, two.key)
        let ada = try result(verifier, one.token(Self.claims))
        #expect(ada.utf8.count == 64 && ada.allSatisfy(\.isHexDigit))
        try #expect(ada == result(verifier, one.token(#"{"sub":"ada","iss":"https://a","jti":"2","exp":1800000900}"#)))
        try #expect(ada == result(verifier, two.token(Self.claims)), "a key is rotated, and its issuer is the same")
        let others = [
            #"{"iss":"https://a","sub":"bob"}"#, #"{"iss":"https://b","sub":"ada"}"#, #"{"sub":"ada"}"#,
            #"{"iss":"","sub":"ada"}"#, #"{"iss":"https://a","sub":"Ada"}"#, #"{"iss":"https://aada","sub":"ada"}"#,
        ]
        let names = try others.map { result(verifier, try one.token($0)) }
        #expect(Set(names + [ada]).count == others.count + 1 && names.allSatisfy { !$0.hasPrefix("refused") })
    }

    @Test func `several claims are one caller together, and each must be there`() async throws {
        let issuer = try await TestIssuer.p256()
        let verifier = try await verifier(issuer.key) { $0.claims = ["tenant", "user"] }
        let one = try result(verifier, issuer.token(#"{"tenant":"a","user":42}"#))
        try #expect(one == result(verifier, issuer.token(#"{"user":42,"tenant":"a","sub":"x"}"#)))
        try #expect(one != result(verifier, issuer.token(#"{"tenant":"a4","user":2}"#)))
        for claims in [
            #"{"tenant":"a"}"#, #"{"tenant":"a","user":""}"#, #"{"tenant":"a","user":{}}"#,
            #"{"tenant":"a","user":null}"#,
        ] {
            try #expect(result(verifier, issuer.token(claims)).hasPrefix("refused: its `user`"), "\(claims)")
        }
    }

    /// RFC 7519, sections 4.1.4 and 4.1.5.
    @Test func `a token is taken from nbf to exp, with leeway, also when it is known`() async throws {
        let issuer = try await TestIssuer.p256()
        let verifier = try await verifier(issuer.key) { $0.leeway = .seconds(10) }
        let token = try issuer.token(#"{"sub":"ada","nbf":1800000000,"exp":1800000100}"#)
        for _ in 0..<2 {
            #expect(result(verifier, token, at: 1_799_999_989) == "refused: it is not valid yet")
            #expect(result(verifier, token, at: 1_799_999_990).utf8.count == 64)
            #expect(result(verifier, token, at: 1_800_000_109).utf8.count == 64)
            #expect(result(verifier, token, at: 1_800_000_110) == "refused: it has expired")
        }
        for claims in [#"{"sub":"ada","exp":"1800000100"}"#, #"{"sub":"ada","exp":null}"#, #"{"sub":"ada","nbf":[]}"#] {
            try #expect(result(verifier, issuer.token(claims)) == "refused: its claims cannot be read", "\(claims)")
        }
    }

    @Test func `issuer and audience are those that are asked for`() async throws {
        let issuer = try await TestIssuer.p256()
        let verifier = try await verifier(issuer.key) { ($0.issuer, $0.audience) = ("https://a", "pay") }
        let taken = [
            #"{"iss":"https://a","aud":"pay","sub":"ada"}"#, #"{"iss":"https://a","aud":["x","pay"],"sub":"ada"}"#,
        ]
        for claims in taken { try #expect(result(verifier, issuer.token(claims)).utf8.count == 64, "\(claims)") }
        for claims in [
            #"{"iss":"https://b","aud":"pay","sub":"ada"}"#, #"{"aud":"pay","sub":"ada"}"#,
            #"{"iss":"https://a","sub":"ada"}"#, #"{"iss":"https://a","aud":["x"],"sub":"ada"}"#,
            #"{"iss":"https://a","aud":"payments","sub":"ada"}"#,
        ] {
            try #expect(result(verifier, issuer.token(claims)).contains("is another"), "\(claims)")
        }
    }

    @Test func `nothing but a signature by a key that is known makes a token`() async throws {
        let (one, two, stranger) = (
            try await TestIssuer.p256("one"), try await TestIssuer.ed25519("two"), try await TestIssuer.p256("one")
        )
        let verifier = try await verifier(one.key, two.key)
        let right = try one.token(Self.claims)
        let parts = right.split(separator: ".").map(String.init)
        let other = TestIssuer.url(Data(#"{"iss":"https://a","sub":"bob"}"#.utf8).base64EncodedString())
        let heads = [
            #"{"alg":"none"}"#, #"{"alg":"None","kid":"one"}"#, #"{"alg":"HS256","kid":"one"}"#,
            #"{"alg":"RS256","kid":"one"}"#, #"{"alg":"EdDSA","kid":"one"}"#, #"{"alg":"ES256","kid":"two"}"#,
            #"{"alg":"ES256","kid":"three"}"#, #"{"alg":"ES256","kid":"../../etc/passwd"}"#,
            #"{"alg":"ES256","kid":"one' OR '1'='1"}"#, #"{"alg":"ES256","kid":"one","crit":["exp"]}"#,
            #"{"alg":"ES256","kid":"one","b64":false,"crit":["b64"]}"#, #"{"alg":"es256","kid":"one"}"#,
            #"{"alg":"ES256","kid":7}"#, #"{"kid":"one"}"#, #"["ES256"]"#, "", "{", #"{"alg":"ES256","kid":""}"#,
        ]
        for head in heads {
            try #expect(result(verifier, one.token(Self.claims, head: head)).hasPrefix("refused"), "\(head)")
        }
        let unsigned = TestIssuer.url(Data(#"{"alg":"none"}"#.utf8).base64EncodedString())
        let tokens = [
            try stranger.token(Self.claims), "\(unsigned).\(parts[1]).", "\(parts[0]).\(parts[1]).",
            "\(parts[0]).\(other).\(parts[2])", "\(parts[0]).\(parts[1])", right + ".x.y", right + "=", "..", "",
            "\(parts[0]).\(parts[1]).\(parts[2].dropLast(4))", right.replacing(".", with: ".."), "a.b.c",
            String(repeating: "a", count: 9_000), right + String(repeating: "A", count: 64),
        ]
        for token in tokens { #expect(result(verifier, token).hasPrefix("refused"), "\(token.prefix(200))") }
        #expect(result(verifier, right).utf8.count == 64)
    }

    /// A number that fits no integer, and arrays in arrays: a head is anybody's text, and comes before any signature.
    @Test func `a head that would bring a reader down is refused`() async throws {
        let issuer = try await TestIssuer.p256()
        let verifier = try await verifier(issuer.key)
        let deep = String(repeating: "[", count: 2_000)
        for head in [
            #"{"alg":1e300}"#, #"{"alg":"ES256","kid":1e999}"#, #"{"alg":\#(deep)"#, #"{"alg":"\ud800"}"#,
            #"{"alg":-9223372036854775809}"#,
        ] {
            try #expect(result(verifier, issuer.token(Self.claims, head: head)).hasPrefix("refused"))
        }
        // What is not looked at does not count.
        let head = #"{"alg":"ES256","kid":"one","x":1e300}"#
        try #expect(result(verifier, issuer.token(Self.claims, head: head)).utf8.count == 64)
    }

    @Test func `a token that is bound to a key is not taken, since only the service sees the key`() async throws {
        let issuer = try await TestIssuer.p256()
        let verifier = try await verifier(issuer.key)
        let token = try issuer.token(#"{"sub":"ada","cnf":{"jkt":"x"}}"#)
        #expect(result(verifier, token).hasPrefix("refused: it is bound"))
    }

    @Test func `algorithms that are not listed are not taken, and a token without kid is tried with all keys`()
        async throws
    {
        let (one, two) = (try await TestIssuer.p256("one"), try await TestIssuer.ed25519("two"))
        let verifier = try await verifier(one.key, two.key) { $0.algorithms = [.eddsa] }
        try #expect(result(verifier, one.token(Self.claims)).hasPrefix("refused"))
        try #expect(result(verifier, two.token(Self.claims, head: #"{"alg":"EdDSA"}"#)).utf8.count == 64)
        try #expect(result(verifier, two.token(Self.claims, head: #"{"alg":"Ed25519","kid":"two"}"#)).utf8.count == 64)
    }

    /// RFC 7519, section 4, and RFC 7515, section 4.
    @Test(arguments: [
        #"{"sub":"eve","sub":"ada"}"#, #"{"sub":"ada","sub":"ada"}"#, #"{"exp":1800000100,"sub":"ada","exp":1}"#,
        #"{"sub":"eve","s\u0075b":"ada"}"#, #"{"s\u0075b":"eve","sub":"ada"}"#,
        #"{ "sub" : "ada" , "x" : {} , "x" : 1 }"#,
        #"{"sub":"ada","x":{"sub":"eve"},"x":[]}"#, #"{"sub":"ada","cnf":null,"cnf":1}"#, #"{"sub":"ada","":1,"":2}"#,
        #"{"sub":"ada","e\u0301":1,"\u00e9":2}"#,
    ])
    func `claims whose names come twice are refused`(claims: String) async throws {
        let issuer = try await TestIssuer.p256()
        let verifier = try await verifier(issuer.key)
        try #expect(result(verifier, issuer.token(claims)) == "refused: its claims cannot be read")
    }

    @Test(arguments: [
        #"{"sub":"ada","x":{"sub":"eve"}}"#, #"{"sub":"ada","x":["sub","sub",{"sub":1,"sub":2}]}"#,
        #"{"sub":"ada","x":"\"sub\":1,\"sub\""}"#, #"{"x":"sub","y":"sub","sub":"ada"}"#, #"{"sub":"ada","Sub":"eve"}"#,
    ])
    func `what only looks like a name that comes twice is none`(claims: String) async throws {
        let issuer = try await TestIssuer.p256()
        let verifier = try await verifier(issuer.key)
        try #expect(result(verifier, issuer.token(claims)) == result(verifier, issuer.token(#"{"sub":"ada"}"#)))
    }

    @Test(arguments: [
        #"{"alg":"ES256","alg":"none"}"#, #"{"alg":"none","alg":"ES256"}"#, #"{"alg":"ES256","kid":"x","kid":"one"}"#,
        #"{"alg":"ES256","x":1,"x":1}"#, #"{"alg":"ES256","\u0061lg":"ES256"}"#,
    ])
    func `a head whose names come twice is refused`(head: String) async throws {
        let issuer = try await TestIssuer.p256()
        let verifier = try await verifier(issuer.key)
        try #expect(result(verifier, issuer.token(Self.claims, head: head)) == "refused: its head cannot be read")
    }

    /// RFC 7515, section 2, and RFC 7519, section 7.2.
    @Test(arguments: [
        String.Encoding.utf16, .utf16LittleEndian, .utf16BigEndian, .utf32, .utf32LittleEndian, .utf32BigEndian,
    ])
    func `a token is UTF-8 and nothing else`(encoding: String.Encoding) async throws {
        let issuer = try await TestIssuer.p256()
        let verifier = try await verifier(issuer.key)
        let claims = try #require(Self.claims.data(using: encoding))
        let head = try #require(#"{"alg":"ES256","kid":"one"}"#.data(using: encoding))
        try #expect(result(verifier, issuer.token(claims)) == "refused: its claims cannot be read")
        try #expect(result(verifier, issuer.token(Data(Self.claims.utf8), head: head)).hasPrefix("refused"))
        let marked = Data([0xEF, 0xBB, 0xBF]) + Data(Self.claims.utf8)
        try #expect(result(verifier, issuer.token(marked)).hasPrefix("refused"))
        var broken = Data(Self.claims.utf8)
        broken[broken.count - 3] = 0xFF
        try #expect(result(verifier, issuer.token(broken)).hasPrefix("refused"))
    }

    // MARK: Keys

    @Test func `a token with junk for a signature has no more tried than eight keys, and two on P-521`() async throws {
        var (small, large): ([String], [String]) = ([], [])
        for _ in 0..<12 {
            small.append(try await TestIssuer.p256().key.replacing(#""kid":"one","#, with: ""))
            large.append(try await TestIssuer.p521().key)
        }
        let named = try await TestIssuer.p521("named")
        var configuration = TokenCaller(
            keys: try TokenKeys(Array("{\"keys\":[\((small + large + [named.key]).joined(separator: ","))]}".utf8)))
        configuration.claims = ["sub"]
        let verifier = try await TokenVerifier.make(configuration, secret: Self.secret)
        #expect(verifier.candidates(for: "ES256", kid: nil).count == 8)
        #expect(verifier.candidates(for: "ES256", kid: "x").count == 8)
        #expect(verifier.candidates(for: "ES512", kid: nil).count == 2)
        #expect(verifier.candidates(for: "ES384", kid: nil).isEmpty)
        // The one that it names comes first, wherever it stands.
        #expect(verifier.candidates(for: "ES512", kid: "named").map(\.id) == ["named", nil])
        let token = try named.token(Self.claims, head: #"{"alg":"ES512","kid":"named"}"#)
        #expect(result(verifier, token).utf8.count == 64)
    }

    @Test func `of a document, what can be used is used, and the rest is left out`() async throws {
        let issuer = try await TestIssuer.p256()
        let useless = [
            #"{"kty":"RSA","n":"AQAB","e":"AQAB","kid":"small"}"#, #"{"kty":"RSA","kid":"empty"}"#,
            #"{"kty":"EC","crv":"secp256k1","x":"AA","y":"AA"}"#, #"{"kty":"OKP","crv":"X25519","x":"AA"}"#,
            #"{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}"#, #"{"kty":7}"#, "7", "null",
            #"{"kty":"AKP","alg":"ML-DSA-44"}"#,
            issuer.key.replacing(#""use":"sig""#, with: #""use":"enc""#),
            issuer.key.replacing(#""use":"sig""#, with: #""key_ops":["sign"]"#),
            issuer.key.replacing(#""use":"sig""#, with: #""alg":"ECDH-ES""#),
        ]
        let all = "{\"keys\":[\((useless + [issuer.key]).joined(separator: ","))]}"
        #expect(try TokenKeys(Array(all.utf8)).keys.count == 1)
        #expect(try TokenKeys(Array(issuer.key.utf8)).keys.count == 1)
        for text in [
            "{\"keys\":[\(useless.joined(separator: ","))]}", "{\"keys\":[]}", "{}", "", "[]",
            "-----BEGIN PUBLIC KEY-----",
        ] {
            #expect(throws: ConfigurationError.self) { try TokenKeys(Array(text.utf8)) }
        }
    }

    @Test func `a secret has no place among public keys`() async throws {
        let issuer = try await TestIssuer.p256()
        for secret in [
            #"{"kty":"oct","k":"c2VjcmV0"}"#, issuer.key.replacing("{", with: #"{"d":"AA","#),
        ] {
            let error = #expect(throws: ConfigurationError.self) {
                try TokenKeys(TestIssuer.keySet(issuer.key, secret))
            }
            #expect(error?.allowed.contains("without a private or a symmetric key") == true)
        }
    }

    @Test(arguments: ["rsa:2048", "ec:prime256v1", "ec:secp384r1", "ec:secp521r1", "ed25519"])
    func `PEM of a public key is read, and of a private one refused`(kind: String) async throws {
        let folder = try ConfigurationFolder()
        defer { folder.remove() }
        let parts = kind.split(separator: ":")
        let how =
            switch parts[0] {
            case "rsa": "-algorithm RSA -pkeyopt rsa_keygen_bits:2048"
            case "ec": "-algorithm EC -pkeyopt ec_paramgen_curve:\(parts[1])"
            default: "-algorithm ED25519"
            }
        try await Shell.run(
            "cd \(folder.folder.path) && openssl genpkey \(how) -out key.pem && openssl pkey -in key.pem -pubout -out pub.pem"
        )
        func bytes(_ name: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(filePath: folder.path(name)))) }
        let keys = try TokenKeys(try bytes("pub.pem"))
        #expect(keys.keys.count == 1 && keys.keys[0].id == nil)
        #expect(throws: ConfigurationError.self) { try TokenKeys(try bytes("key.pem")) }
    }
}
#endif
