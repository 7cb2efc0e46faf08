#if Gateway
import NIOCore
import Synchronization

/// How many connections each client has, of all event loops together. It knows those that are open and nobody else, so
/// it is as large as `limits.connections` at the most.
final class ClientConnections: Sendable {
    /// Whom connections are counted for: an IPv4 address, or the first 64 bits of an IPv6 address. Whoever has one IPv6
    /// address has all of its 64 bits more, so that counting whole ones would bound nobody.
    enum Client: Hashable, Sendable {
        case four(UInt32)
        case six(UInt64)

        init(_ address: IPAddress) {
            self = address.isFour ? .four(UInt32(truncatingIfNeeded: address.low)) : .six(address.high)
        }
    }

    private let counts = Mutex<[Client: Int]>([:])

    /// How many clients have a connection.
    var clients: Int { counts.withLock { $0.count } }

    /// Counts a connection that was made.
    ///
    /// - Returns: False, with nothing counted, when the client has as many as it may.
    func admit(_ client: Client, atMost bound: Int) -> Bool {
        counts.withLock { counts in
            let count = counts[client, default: 0]
            guard count < bound else { return false }
            counts[client] = count + 1
            return true
        }
    }

    /// Takes back one that was admitted, and has ended.
    func ended(_ client: Client) {
        counts.withLock { counts in
            let count = counts[client, default: 1] - 1
            counts[client] = count > 0 ? count : nil
        }
    }
}
#endif
