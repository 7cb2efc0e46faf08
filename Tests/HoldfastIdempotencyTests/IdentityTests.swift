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
