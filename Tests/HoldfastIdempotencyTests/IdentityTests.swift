import Holdfast
import HoldfastIdempotency
import Testing

@Suite struct IdentityTests {
    private let secret = StoreSecret.random()

    @Test func aKeyOfAnotherCallerOrAnotherRouteIsAnotherKey() throws {
        let key = try IdempotencyKey("order-1")
        let scopes = [("a", "POST /x"), ("b", "POST /x"), ("a", "POST /y"), ("aPOST", " /x")]
        let identifiers = scopes.map { secret.recordID(of: key, in: Scope(caller: $0.0, operation: $0.1)) }
        #expect(Set(identifiers).count == scopes.count)
    }

    @Test func partsDoNotRunIntoOneAnother() {
        #expect(secret.fingerprint(of: [[1, 2], [3]]) != secret.fingerprint(of: [[1], [2, 3]]))
        #expect(secret.fingerprint(of: [[1]]) != secret.fingerprint(of: [[1], []]))
    }

    @Test func withoutTheSecretNobodyCanGuessAFingerprint() {
        #expect(secret.fingerprint(of: [[1]]) != StoreSecret.random().fingerprint(of: [[1]]))
    }

    @Test func anonymousIsACallerToo() {
        #expect(secret.caller(of: nil) != secret.caller(of: ""))
        #expect(!secret.caller(of: "Bearer token").contains("token"))
    }
}
