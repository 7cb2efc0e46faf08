/// What a key is unique within: who calls, and what they ask for. Never optional, so nobody reads another's replay.
public struct Scope: Sendable, Hashable {
    /// The caller: a tenant, an account, or a hash of credentials. Anonymous is a caller too, and has a name such as
    /// "anonymous": with an empty one a key is refused, since it is what is left where nobody asked who calls.
    public let caller: String
    /// The operation: a method and a route, or a function's name.
    public let operation: String

    public init(caller: String, operation: String) {
        self.caller = caller
        self.operation = operation
    }
}

/// Under what a record is stored: a keyed hash of scope and key, so that it names neither. Whoever has the store's secret
/// too, which lies beside it, can try which key it was: see `StoreSecret`.
public struct RecordID: Sendable, Hashable, CustomStringConvertible {
    @usableFromInline let digest: Digest

    /// Takes the 32 bytes that a store kept. Fewer are filled up with zeros, and more are cut.
    @inlinable public init(bytes: [UInt8]) {
        digest = Digest(bytes)
    }

    /// Reads ``description``; nil for anything else.
    public init?(_ digits: String) {
        guard digits.utf8.count == 64, let bytes = HoldfastMachines.bytes(hex: digits) else { return nil }
        self.init(bytes: bytes)
    }

    /// 32 bytes.
    public var bytes: [UInt8] { digest.bytes }

    /// 64 hexadecimal digits.
    public var description: String { hex(bytes) }

    @inlinable public func hash(into hasher: inout Hasher) { digest.hash(into: &hasher) }

    @inlinable public func _rawHashValue(seed: Int) -> Int { digest._rawHashValue(seed: seed) }

    /// Which of so many parts of something it belongs to.
    @inlinable package func place(among count: Int) -> Int { Int(digest.words.0 % UInt64(count)) }
}

/// A keyed hash of what a request says. A key that comes back with another fingerprint is refused.
public struct Fingerprint: Sendable, Hashable {
    @usableFromInline let digest: Digest

    /// Takes the 32 bytes that a store kept. Fewer are filled up with zeros, and more are cut.
    @inlinable public init(bytes: [UInt8]) {
        digest = Digest(bytes)
    }

    /// 32 bytes.
    public var bytes: [UInt8] { digest.bytes }
}

/// 32 bytes in four words, which need no allocation and are quick to compare and to look up.
@usableFromInline
struct Digest: Sendable, Hashable {
    @usableFromInline let words: (UInt64, UInt64, UInt64, UInt64)

    @usableFromInline init(_ bytes: [UInt8]) {
        let filled = bytes.count < 32 ? bytes + [UInt8](repeating: 0, count: 32 - bytes.count) : bytes
        words = filled.withUnsafeBytes { bytes in
            func word(_ number: Int) -> UInt64 {
                UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: number * 8, as: UInt64.self))
            }
            return (word(0), word(1), word(2), word(3))
        }
    }

    var bytes: [UInt8] {
        let words = (words.0.bigEndian, words.1.bigEndian, words.2.bigEndian, words.3.bigEndian)
        return withUnsafeBytes(of: words) { [UInt8]($0) }
    }

    @inlinable static func == (left: Digest, right: Digest) -> Bool { left.words == right.words }

    @inlinable func hash(into hasher: inout Hasher) { hasher.combine(words.1) }

    /// What a table asks for. They are keyed hashes already, which nobody who does not know the key can make collide, so
    /// a word is taken as it is: hashing it again was a tenth of a cycle in memory.
    @inlinable func _rawHashValue(seed: Int) -> Int { Int(truncatingIfNeeded: words.1) ^ seed }
}
