import Crypto
import Foundation

/// The parts of a request, as they go into its fingerprint. Each is hashed with its length, so that no two lists of parts
/// run into one another; where a list may be longer or shorter, its count goes before it.
///
/// Short parts are gathered and hashed together: a hash that is asked for each of a dozen words takes four times as long.
public struct FingerprintWords {
    /// How many bytes are gathered before they are hashed. A longer part is hashed where it lies.
    private static let room = 4_096

    private let key: SymmetricKey
    private var gathered: [UInt8] = []
    /// What has been hashed; nil while everything is gathered.
    private var code: HMAC<SHA256>?

    init(_ purpose: String, under key: SymmetricKey) {
        self.key = key
        gathered.reserveCapacity(512)
        add(purpose)
    }

    /// Adds a part.
    public mutating func add(_ part: some Collection<UInt8>) {
        add(count: part.count)
        append(part)
    }

    /// Adds a part: the text's bytes in UTF-8.
    public mutating func add(_ part: String) {
        let bytes = part.utf8
        add(count: bytes.count)
        gathered.append(contentsOf: bytes)
    }

    /// Adds a part that lies in pieces: the same as if it were in one.
    public mutating func add(pieces: [some Collection<UInt8>]) {
        add(count: pieces.reduce(0) { $0 + $1.count })
        for piece in pieces { append(piece) }
    }

    /// Adds how many parts follow.
    public mutating func add(count: Int) {
        if gathered.count > Self.room { hashGathered() }
        withUnsafeBytes(of: UInt64(count).littleEndian) { gathered.append(contentsOf: $0) }
    }

    private mutating func append(_ bytes: some Collection<UInt8>) {
        if bytes.count <= Self.room { return gathered.append(contentsOf: bytes) }
        hashGathered()
        let isContiguous: Void? = bytes.withContiguousStorageIfAvailable { bytes in
            code?.update(data: UnsafeRawBufferPointer(bytes))
        }
        if isContiguous == nil { code?.update(data: Array(bytes)) }
    }

    private mutating func hashGathered() {
        var code = code ?? HMAC(key: key)
        code.update(data: gathered)
        self.code = code
        gathered.removeAll(keepingCapacity: true)
    }

    var fingerprint: Fingerprint {
        guard var code else {
            return Fingerprint(bytes: Array(HMAC<SHA256>.authenticationCode(for: gathered, using: key)))
        }
        code.update(data: gathered)
        return Fingerprint(bytes: Array(code.finalize()))
    }
}
