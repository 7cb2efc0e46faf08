#if Gateway
/// Why a gateway could not start.
public struct GatewayError: Error, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// The address is taken, or is not one of this machine's.
        case cannotListen = "cannot-listen"
        /// The access log's file cannot be opened.
        case cannotOpenLog = "cannot-open-log"
    }

    public let code: Code
    public let description: String

    static func cannotListen(
        on address: GatewayConfiguration.Address, because error: any Error
    ) -> GatewayError {
        GatewayError(code: .cannotListen, description: "cannot listen on \(address): \(error)")
    }

    static func cannotOpenLog(at path: String, because error: String) -> GatewayError {
        GatewayError(code: .cannotOpenLog, description: "cannot open the access log '\(path)': \(error)")
    }
}
#endif
