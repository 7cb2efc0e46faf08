import Crypto
public import Holdfast

/// Encrypts payloads with AES-GCM before a store sees them. Keys rotate: one writes, all read. Each payload is bound to
/// its record, so that one cannot be put in another's place. What a claim says of its cause is encrypted so, too.
public struct PayloadSeal: Sendable {
    /// One of the keys.
    public struct Key: Sendable {
        let number: UInt32
        let key: SymmetricKey

        /// - Parameters:
        ///   - number: What the key is called in each payload that it has sealed. Never give it to another.
        ///   - bytes: 16, 24 or 32 bytes from a cryptographic generator.
        /// - Throws: `ConfigurationError` for another length.
        public init(_ number: UInt32, bytes: [UInt8]) throws(ConfigurationError) {
            guard [16, 24, 32].contains(bytes.count) else {
                throw ConfigurationError(
                    option: "sealing key's length", value: "\(bytes.count)", allowed: "16, 24 or 32 bytes")
            }
            self.number = number
            key = SymmetricKey(data: bytes)
        }
    }

    /// What is sealed. None opens as the other.
    enum Content: String, Sendable {
        case payload
        case context

        /// What is authenticated beside the record's identity.
        fileprivate var mark: [UInt8] { self == .payload ? [] : Array(rawValue.utf8) }
    }

    private static let version: UInt8 = 1
    private let writing: Key
    private let reading: [UInt32: SymmetricKey]

    /// - Parameters:
    ///   - writing: Seals from now on.
    ///   - reading: Those that have sealed what is still kept. Leave one out only when its last payload has expired. The
    ///     writing key may be among them.
    /// - Throws: `ConfigurationError` when two different keys have the same number: what one of them has sealed could
    ///   not be opened.
    public init(writing: Key, reading: [Key] = []) throws(ConfigurationError) {
        self.writing = writing
        var keys = [writing.number: writing.key]
        for key in reading {
            guard keys[key.number].map({ $0 == key.key }) ?? true else {
                throw ConfigurationError(
                    option: "sealing key's number", value: "\(key.number), twice",
                    allowed: "a number of its own for each")
            }
            keys[key.number] = key.key
        }
        self.reading = keys
    }

    /// version: 1 byte | key's number: 4 bytes | nonce: 12 | ciphertext | tag: 16
    ///
    /// - Returns: Nil if it cannot be sealed, and then it is not to be kept.
    package func seal(_ payload: [UInt8], of id: RecordID) -> [UInt8]? { seal(payload, as: .payload, of: id) }

    func seal(_ bytes: [UInt8], as content: Content, of id: RecordID) -> [UInt8]? {
        let header = [Self.version] + withUnsafeBytes(of: writing.number.bigEndian) { Array($0) }
        let box = try? AES.GCM.seal(bytes, using: writing.key, authenticating: header + id.bytes + content.mark)
        return box?.combined.map { header + $0 }
    }

    package func open(_ sealed: [UInt8], of id: RecordID) throws(ClaimStoreError) -> [UInt8] {
        try open(sealed, as: .payload, of: id)
    }

    func open(_ sealed: [UInt8], as content: Content, of id: RecordID) throws(ClaimStoreError) -> [UInt8] {
        guard sealed.count > 5, sealed[0] == Self.version else {
            throw ClaimStoreError(.failed, "a \(content) is not sealed, or by another version")
        }
        let header = Array(sealed.prefix(5))
        let number = header.dropFirst().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        guard let key = reading[number] else {
            throw ClaimStoreError(.failed, "a \(content) is sealed with key \(number), which is not among the keys")
        }
        do {
            return Array(
                try AES.GCM.open(
                    AES.GCM.SealedBox(combined: sealed.dropFirst(5)), using: key,
                    authenticating: header + id.bytes + content.mark))
        } catch {
            throw ClaimStoreError(.failed, "a \(content) does not open with key \(number): it was changed, or moved")
        }
    }
}
