public import HTTPTypes
public import Holdfast
public import HoldfastIdempotency

/// What an idempotent handler has to know of a request, whatever the framework: whose it is, what it asks for, which key it
/// has, and what it says.
public struct KeyedRequest: Sendable {
    /// The name of the field that carries the key, in lower case.
    public static let keyField = "idempotency-key"

    /// What the key is unique within: who calls, and which operation.
    public var scope: Scope
    /// The values of all lines of `Idempotency-Key`. Several are refused.
    public var keys: [String]
    /// What a repeat has to say as the first did, besides the body.
    public var fingerprint: RequestFingerprint
    /// In as many pieces as it came in.
    public var body: [[UInt8]]

    public init(scope: Scope, keys: [String], fingerprint: RequestFingerprint, body: [[UInt8]]) {
        self.scope = scope
        self.keys = keys
        self.fingerprint = fingerprint
        self.body = body
    }

    /// Reads a request of swift-http-types.
    ///
    /// - Parameters:
    ///   - head: The request's head: its method, its path with the query, and its fields are read.
    ///   - body: The whole body. Bound what is gathered, before it is: a 413 leaves nothing behind.
    ///   - scope: The caller, as whoever authenticates has found out, and the operation, as the *route* is called (`"POST
    ///     /charges/{id}"`), not as the request spells its path: of two spellings of one path each would be executed. Where
    ///     the path has parameters, add their values.
    ///   - names: The fields that a repeat has to send as the first did, in any case, besides the content's own. Default:
    ///     none.
    public init(_ head: HTTPRequest, body: [UInt8], scope: Scope, fingerprinting names: [String] = []) {
        func values(_ name: String) -> [String] {
            HTTPField.Name(name).map { head.headerFields[values: $0] } ?? []
        }
        self.init(
            scope: scope, keys: values(Self.keyField),
            fingerprint: RequestFingerprint(
                method: head.method.rawValue, target: head.path ?? "", contentTypes: values("content-type"),
                contentEncodings: values("content-encoding"),
                fields: Set(names.map { $0.lowercased() }).sorted().map { .init(name: $0, values: values($0)) }),
            body: [body])
    }

    /// Reads the key of a request that may have one.
    ///
    /// - Parameters:
    ///   - methods: The methods that have keys; of others, nothing is read.
    ///   - rules: What keys may look like.
    ///   - isRequired: Whether one of these methods without a key is refused.
    /// - Returns: Nil without a key.
    /// - Throws: ``Problem``: `key-missing`, or `key-invalid`, which says what is allowed.
    public func key(
        methods: Set<String>, rules: KeyRules, isRequired: Bool
    ) throws(Problem) -> IdempotencyKey? {
        guard methods.contains(fingerprint.method) else { return nil }
        guard let value = keys.first else {
            guard isRequired else { return nil }
            throw Problem(.keyMissing, "\(fingerprint.method) needs an Idempotency-Key here")
        }
        do throws(ConfigurationError) {
            guard keys.count == 1 else {
                throw ConfigurationError(
                    option: "Idempotency-Key", value: "there more than once", allowed: "there once")
            }
            let key = try IdempotencyKey(fieldValue: value)
            try rules.check(key)
            return key
        } catch {
            throw Problem(.keyInvalid, "\(error)")
        }
    }
}
