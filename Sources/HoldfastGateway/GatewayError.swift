#if Gateway
import Foundation
import NIOCore

/// Why a gateway could not start, or not take what it was told anew.
public struct GatewayError: Error, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// The address is taken, or is not one of this machine's.
        case cannotListen = "cannot-listen"
        /// The access log's file cannot be opened.
        case cannotOpenLog = "cannot-open-log"
        /// A certificate or key, or those that others are trusted by, are missing, are not PEM, or one is not the other's.
        case unusableCertificate = "unusable-certificate"
    }

    public let code: Code
    public let description: String
    /// Whether it would be so again at the next start, until somebody changes something.
    package let isLasting: Bool

    static func cannotListen(
        on address: GatewayConfiguration.Address, because error: any Error
    ) -> GatewayError {
        // A port that only the privileged have stays theirs. An address may be let go, or come with its network.
        GatewayError(
            code: .cannotListen, description: "cannot listen on \(address): \(words(of: error))",
            isLasting: (error as? IOError)?.errnoCode == EACCES)
    }

    static func unusableCertificate(_ certificate: String, _ key: String, because reason: String) -> GatewayError {
        GatewayError(
            code: .unusableCertificate,
            description: "cannot use the certificate \(certificate) with the key \(key): \(reason)",
            isLasting: true)
    }

    static func unusableTrust(_ path: String, because reason: String) -> GatewayError {
        GatewayError(
            code: .unusableCertificate, description: "cannot trust the certificates of \(path): \(reason)",
            isLasting: true)
    }

    static func cannotOpenLog(at path: String, because error: String) -> GatewayError {
        GatewayError(
            code: .cannotOpenLog, description: "cannot open the access log '\(path)': \(error)", isLasting: true)
    }
}
#endif
