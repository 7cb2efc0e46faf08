#if Gateway
/// Why a gateway could not start, or not take what it was told anew.
public struct GatewayError: Error, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// The address is taken, or is not one of this machine's.
        case cannotListen = "cannot-listen"
        /// The access log's file cannot be opened.
        case cannotOpenLog = "cannot-open-log"
        /// A listener's certificate or key is missing, is not PEM, or one is not the other's.
        case unusableCertificate = "unusable-certificate"
    }

    public let code: Code
    public let description: String

    static func cannotListen(
        on address: GatewayConfiguration.Address, because error: any Error
    ) -> GatewayError {
        GatewayError(code: .cannotListen, description: "cannot listen on \(address): \(error)")
    }

    static func unusableCertificate(_ files: ListenerConfiguration.TLS, because reason: String) -> GatewayError {
        GatewayError(
            code: .unusableCertificate,
            description: "cannot use the certificate \(files.certificate) with the key \(files.key): \(reason)")
    }

    static func cannotOpenLog(at path: String, because error: String) -> GatewayError {
        GatewayError(code: .cannotOpenLog, description: "cannot open the access log '\(path)': \(error)")
    }
}
#endif
