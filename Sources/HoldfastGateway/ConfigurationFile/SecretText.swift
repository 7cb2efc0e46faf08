#if Gateway
import Foundation
package import Holdfast
import NIOSSL

/// What files with secrets hold. Nothing here tells what was found.
enum SecretText {
    /// One line of visible text, with or without a line's end.
    static func line(_ bytes: [UInt8]) -> String? {
        var bytes = bytes[...]
        if bytes.last == UInt8(ascii: "\n") { bytes = bytes.dropLast() }
        if bytes.last == UInt8(ascii: "\r") { bytes = bytes.dropLast() }
        guard !bytes.isEmpty, bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    static func token(_ bytes: [UInt8]) -> String? {
        line(bytes).flatMap { (16...4_096).contains($0.utf8.count) ? $0 : nil }
    }

    static func encryptionKey(_ bytes: [UInt8]) -> [UInt8]? {
        guard let text = line(bytes), let key = Data(base64Encoded: text), key.count == 32 else { return nil }
        return Array(key)
    }
}

extension AdminConfiguration {
    /// Reads a token as a configuration's `tokenFile` is read.
    ///
    /// - Throws: `ConfigurationError`.
    package static func token(inFile path: String) throws(ConfigurationError) -> String {
        guard let token = SecretText.token(try BoundedFile.read(path, atMost: 1 << 20, isSecret: true)) else {
            throw ConfigurationError(
                option: "token file", value: path,
                allowed: "a file with 16 to 4096 visible characters, and nothing else")
        }
        return token
    }
}

/// Whether files hold what TLS can use. Read here so that a bad one is found with its line, and before it is used.
enum PEM {
    static func certificates(_ bytes: [UInt8]) -> Bool? {
        (try? NIOSSLCertificate.fromPEMBytes(bytes)).flatMap { $0.isEmpty ? nil : true }
    }

    static func privateKey(_ bytes: [UInt8]) -> Bool? {
        (try? NIOSSLPrivateKey(bytes: bytes, format: .pem)).map { _ in true }
    }
}
#endif
