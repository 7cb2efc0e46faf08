#if Gateway
import Foundation
import NIOCore
import NIOPosix

/// What an error of the network says to a person: the system's word for it, and not how a library prints its types.
package func words(of error: any Error) -> String {
    switch error {
    case let error as IOError where error.errnoCode == EADDRINUSE:
        return "the address is taken: somebody listens there already"
    case let error as IOError: return String(cString: strerror(error.errnoCode))
    case let error as NIOConnectionError:
        if let error = error.connectionErrors.first?.error { return words(of: error) }
        return "the name \(error.host) cannot be looked up"
    case let error as SocketAddressError.UnknownHost: return "the name \(error.host) cannot be looked up"
    case is SocketAddressError: return "the name cannot be looked up"
    case ChannelError.connectTimeout: return "nobody answers"
    case ChannelError.eof, ChannelError.alreadyClosed, ChannelError.inputClosed, ChannelError.ioOnClosedChannel:
        return "the connection was closed"
    default: return "\(error)"
    }
}

/// What is wrong with a body of JSON, by the name of its member.
func words(of error: DecodingError) -> String {
    func place(_ path: [any CodingKey], _ last: (any CodingKey)? = nil) -> String {
        "'" + (path + (last.map { [$0] } ?? [])).map(\.stringValue).joined(separator: ".") + "'"
    }
    switch error {
    case .keyNotFound(let key, let context): return "\(place(context.codingPath, key)) is missing"
    case .valueNotFound(_, let context): return "\(place(context.codingPath)) is null"
    case .typeMismatch(let type, let context):
        let kind =
            switch type {
            case is String.Type: "a string"
            case is Int.Type, is Int64.Type: "a whole number"
            case is [String: Any].Type: "an object"
            default: "of another type"
            }
        return context.codingPath.isEmpty ? "it must be an object" : "\(place(context.codingPath)) must be \(kind)"
    case .dataCorrupted(let context):
        return context.codingPath.isEmpty ? "it is no JSON" : "\(place(context.codingPath)) is not as documented"
    @unknown default: return "it is not as documented"
    }
}
#endif
