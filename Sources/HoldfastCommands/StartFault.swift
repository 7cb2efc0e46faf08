#if Gateway
import Holdfast
import HoldfastGateway

/// What keeps a gateway from starting, and will keep it from it again until somebody changes something: a folder that is
/// not there, a file that may not be written. Whoever starts it again for as long as it fails need not.
struct StartFault: Error, CustomStringConvertible {
    /// `EX_CONFIG` of `sysexits.h`.
    static let status: Int32 = 78

    let description: String

    init(_ description: String) { self.description = description }

    /// What the process ends with: 64 (`EX_USAGE`) where the configuration itself is wrong, 78 where what it names cannot be
    /// used, and 1 for what may be otherwise a moment later: a store that is away, an address that is still taken.
    static func status(of error: any Error) -> Int32 {
        switch error {
        case is ConfigurationError, is ConfigurationMistakes: 64
        case is StartFault: status
        case let error as GatewayError where error.isLasting: status
        default: 1
        }
    }
}
#endif
