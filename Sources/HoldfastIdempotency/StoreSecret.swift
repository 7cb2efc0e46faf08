import Crypto
public import Holdfast

/// The secret that identities and fingerprints are hashed under. Whoever does not have it cannot guess what a fingerprint
/// of a small payload says. It belongs to a store: whoever shares the store shares the secret.
///
/// The store keeps it in clear, so a copy of the whole store lets short keys and small payloads be found by trying. It is
/// not sealed under the key that payloads are: that key rotates, and may be lost, and this one must stay the same for as
/// long as keys are kept, or their work is done again.
public struct StoreSecret: Sendable {
    private let key: SymmetricKey

    /// - Parameter bytes: At least 32 bytes from a cryptographic generator.
    /// - Throws: `ConfigurationError` when there are fewer.
    public init(bytes: [UInt8]) throws(ConfigurationError) {
        try require("store secret's length", bytes.count, in: 32...1_024)
        key = SymmetricKey(data: bytes)
    }

    private init(key: SymmetricKey) {
        self.key = key
    }

    /// A new secret.
    public static func random() -> StoreSecret {
        StoreSecret(key: SymmetricKey(size: .bits256))
    }

    /// The secret's bytes, for a store to keep.
    public var bytes: [UInt8] { key.withUnsafeBytes { Array($0) } }

    /// Where the record of a key in a scope is stored.
    public func recordID(of key: IdempotencyKey, in scope: Scope) -> RecordID {
        RecordID(
            bytes: hash("record", [Array(scope.caller.utf8), Array(scope.operation.utf8), Array(key.description.utf8)]))
    }

    /// The fingerprint of what a request says.
    ///
    /// - Parameter parts: The request's parts, in an order that the caller keeps. Each is hashed with its length, so
    ///   that no two lists of parts run into one another.
    public func fingerprint(of parts: [[UInt8]]) -> Fingerprint {
        fingerprint { words in
            for part in parts { words.add(part) }
        }
    }

    /// The same, of parts that need not lie in one piece.
    ///
    /// - Parameter write: Adds the parts, in an order that the caller keeps.
    public func fingerprint(_ write: (inout FingerprintWords) -> Void) -> Fingerprint {
        var words = FingerprintWords("fingerprint", under: key)
        write(&words)
        return words.fingerprint
    }

    /// A caller's name, derived from what says who it is.
    ///
    /// - Parameters:
    ///   - purpose: What says so: names of two purposes are never the same.
    ///   - write: Adds what is said, in an order that the caller keeps.
    package func callerName(_ purpose: String, _ write: (inout FingerprintWords) -> Void) -> String {
        var words = FingerprintWords(purpose, under: key)
        write(&words)
        return hex(words.fingerprint.bytes)
    }

    /// A caller's name, derived from credentials that are not to be stored.
    public func caller(of credentials: String?) -> String {
        guard let credentials else { return "anonymous" }
        return hex(hash("caller", [Array(credentials.utf8)]))
    }

    /// A caller's name, derived from what identifies it and is not to be stored.
    ///
    /// - Parameter parts: In an order that the caller keeps. Each is hashed with its length, so that no two lists of parts
    ///   run into one another.
    public func caller(of parts: [[UInt8]]) -> String {
        hex(hash("caller of parts", parts))
    }

    private func hash(_ purpose: String, _ parts: [[UInt8]]) -> [UInt8] {
        var message: [UInt8] = []
        message.reserveCapacity(parts.reduce(8 + purpose.utf8.count) { $0 + 8 + $1.count })
        func add(_ part: some Collection<UInt8>) {
            withUnsafeBytes(of: UInt64(part.count).littleEndian) { message.append(contentsOf: $0) }
            message.append(contentsOf: part)
        }
        add(purpose.utf8)
        for part in parts { add(part) }
        return Array(HMAC<SHA256>.authenticationCode(for: message, using: key))
    }
}
