import Crypto
import Foundation

/// The parts of a request, as they go into its fingerprint. Each is hashed with its length, so that no two lists of parts
/// run into one another; where a list may be longer or shorter, its count goes before it.
public struct FingerprintWords {
    private var code: HMAC<SHA256>

    init(_ purpose: String, under key: SymmetricKey) {
        code = HMAC(key: key)
        add(purpose.utf8)
    }

    /// Adds a part.
    public mutating func add(_ part: some Collection<UInt8>) {
        add(length: part.count)
        append(part)
    }

    /// Adds a part that lies in pieces: the same as if it were in one.
    public mutating func add(pieces: [some Collection<UInt8>]) {
        add(length: pieces.reduce(0) { $0 + $1.count })
        for piece in pieces { append(piece) }
    }

    /// Adds how many parts follow.
    public mutating func add(count: Int) {
        add(withUnsafeBytes(of: UInt64(count).littleEndian) { Array($0) })
    }

    private mutating func add(length: Int) {
        withUnsafeBytes(of: UInt64(length).littleEndian) { code.update(data: $0) }
    }

    private mutating func append(_ bytes: some Collection<UInt8>) {
        let isContiguous: Void? = bytes.withContiguousStorageIfAvailable { bytes in
            code.update(data: UnsafeRawBufferPointer(bytes))
        }
        if isContiguous == nil { code.update(data: Array(bytes)) }
    }

    var fingerprint: Fingerprint { Fingerprint(bytes: Array(code.finalize())) }
}
