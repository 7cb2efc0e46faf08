#if Gateway
import Foundation
import JWTKit

@testable import HoldfastGateway

/// Whoever issues tokens in a test: it signs whatever it is told to.
struct TestIssuer: Sendable {
    let id: String
    let name: String
    private let algorithm: any JWTAlgorithm
    /// Its public key, as a member of a JWKS document.
    let key: String

    /// With a key on P-256, drawn anew.
    static func p256(_ id: String = "one") async throws -> TestIssuer {
        let key = ES256PrivateKey()
        let collection = JWTKeyCollection()
        await collection.add(ecdsa: key)
        let (x, y) = key.parameters ?? (x: "", y: "")
        return TestIssuer(
            id: id, name: "ES256", algorithm: try await collection.getKey(),
            key: #"{"kty":"EC","crv":"P-256","kid":"\#(id)","use":"sig","x":"\#(url(x))","y":"\#(url(y))"}"#)
    }

    /// With a key on P-521, which takes longest to verify.
    static func p521(_ id: String? = nil) async throws -> TestIssuer {
        let key = ES512PrivateKey()
        let collection = JWTKeyCollection()
        await collection.add(ecdsa: key)
        let (x, y) = key.parameters ?? (x: "", y: "")
        let kid = id.map { #""kid":"\#($0)","# } ?? ""
        return TestIssuer(
            id: id ?? "", name: "ES512", algorithm: try await collection.getKey(),
            key: #"{"kty":"EC","crv":"P-521",\#(kid)"x":"\#(url(x))","y":"\#(url(y))"}"#)
    }

    /// With a key on Ed25519.
    static func ed25519(_ id: String = "two") async throws -> TestIssuer {
        let key = try EdDSA.PrivateKey()
        let collection = JWTKeyCollection()
        await collection.add(eddsa: key)
        let x = url(key.publicKey.rawRepresentation.base64EncodedString())
        return TestIssuer(
            id: id, name: "EdDSA", algorithm: try await collection.getKey(),
            key: #"{"kty":"OKP","crv":"Ed25519","kid":"\#(id)","alg":"EdDSA","x":"\#(x)"}"#)
    }

    /// - Parameters:
    ///   - claims: JSON.
    ///   - head: JSON; by default, what is right.
    func token(_ claims: String, head: String? = nil) throws -> String {
        try token(Data(claims.utf8), head: head.map { Data($0.utf8) })
    }

    /// - Parameters:
    ///   - claims: In whatever encoding.
    ///   - head: The same; by default, what is right.
    func token(_ claims: Data, head: Data? = nil) throws -> String {
        let head = head ?? Data(#"{"alg":"\#(name)","kid":"\#(id)","typ":"JWT"}"#.utf8)
        let signed = Self.url(head.base64EncodedString()) + "." + Self.url(claims.base64EncodedString())
        let signature = Data(try algorithm.sign(Data(signed.utf8)))
        return signed + "." + Self.url(signature.base64EncodedString())
    }

    static func url(_ text: String) -> String {
        text.replacing("+", with: "-").replacing("/", with: "_").filter { $0 != "=" }
    }

    static func keySet(_ keys: String...) -> [UInt8] { Array("{\"keys\":[\(keys.joined(separator: ","))]}".utf8) }
}
#endif
