import Crypto
import Holdfast
import HoldfastIdempotency
import Testing

@Suite struct IdentityTests {
    private let secret = StoreSecret.random()

    @Test func `a key of another caller or another route is another key`() throws {
        let key = try IdempotencyKey("order-1")
        let scopes = [("a", "POST /x"), ("b", "POST /x"), ("a", "POST /y"), ("aPOST", " /x")]
        let identifiers = scopes.map { secret.recordID(of: key, in: Scope(caller: $0.0, operation: $0.1)) }
        #expect(Set(identifiers).count == scopes.count)
    }

    @Test func `parts do not run into one another`() {
        #expect(secret.fingerprint(of: [[1, 2], [3]]) != secret.fingerprint(of: [[1], [2, 3]]))
        #expect(secret.fingerprint(of: [[1]]) != secret.fingerprint(of: [[1], []]))
    }

    @Test func `without the secret nobody can guess a fingerprint`() {
        #expect(secret.fingerprint(of: [[1]]) != StoreSecret.random().fingerprint(of: [[1]]))
    }

    @Test func `anonymous is a caller too`() {
        #expect(secret.caller(of: nil) != secret.caller(of: ""))
        #expect(!secret.caller(of: "Bearer token").contains("token"))
    }
}

/// What a fingerprint is, said plainly: HMAC-SHA256 (RFC 2104) of each part behind its length, in 8 bytes, the lowest first.
@Suite struct FingerprintWordsTests {
    private let key = [UInt8](repeating: 7, count: 32)

    private func plain(_ parts: [[UInt8]]) -> [UInt8] {
        let message = ([Array("fingerprint".utf8)] + parts).reduce(into: [UInt8]()) { message, part in
            withUnsafeBytes(of: UInt64(part.count).littleEndian) { message.append(contentsOf: $0) }
            message.append(contentsOf: part)
        }
        return Array(HMAC<SHA256>.authenticationCode(for: message, using: SymmetricKey(data: key)))
    }

    @Test(arguments: [
        [], [0], [1], [4_095], [4_096], [4_097], [100_000], [10, 4_096], [4_000, 100], [4_097, 3], [5_000, 0, 5_000],
        [3, 4_090, 9_000, 1], Array(repeating: 1, count: 3_000), Array(repeating: 0, count: 1_000) + [5_000],
    ])
    func `however long its parts are and however they come, a fingerprint is the same`(lengths: [Int]) throws {
        let secret = try StoreSecret(bytes: key)
        let parts = lengths.enumerated().map { number, length in
            (0..<length).map { UInt8(ascii: "a") + UInt8((number + $0) % 26) }
        }
        let expected = plain(parts)
        #expect(secret.fingerprint(of: parts).bytes == expected)
        let ofTexts = secret.fingerprint { words in
            for part in parts { words.add(String(decoding: part, as: UTF8.self)) }
        }
        #expect(ofTexts.bytes == expected)
        for size in [1, 1_000, 4_097] {
            let ofPieces = secret.fingerprint { words in
                for part in parts {
                    words.add(
                        pieces: stride(from: 0, to: part.count, by: size).map { part[$0..<min($0 + size, part.count)] })
                }
            }
            #expect(ofPieces.bytes == expected, "in pieces of \(size)")
        }
    }
}
