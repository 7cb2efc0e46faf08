#if Gateway
import Foundation
import HoldfastTLS
import NIOCore
import NIOHTTP1

/// Why there is no connection to an endpoint, told to the two who ask.
struct ConnectionFailure {
    /// For callers: what kind of thing it was, and nothing of what is inside.
    let kind: String
    /// For operators: all that is known.
    let reason: String

    init(_ error: any Error) {
        switch error {
        case let error as TLSFailure:
            (kind, reason) = ("TLS was not agreed on", error.words)
        case let error as IOError:
            kind = error.errnoCode == ECONNREFUSED ? "the connection was refused" : "the connection failed"
            reason = String(cString: strerror(error.errnoCode))
        case ChannelError.connectTimeout:
            (kind, reason) = ("it did not answer in time", "it did not answer in time")
        case ChannelError.eof, ChannelError.alreadyClosed:
            (kind, reason) = ("the connection failed", "it closed the connection")
        case let error as HTTPParserError:
            // A health check's: other answers are read by ``HTTP1ResponseReader``.
            (kind, reason) = ("the connection failed", "its answer cannot be read: \(String(reflecting: error))")
        default:
            (kind, reason) = ("the connection failed", "\(error)")
        }
    }
}
#endif
