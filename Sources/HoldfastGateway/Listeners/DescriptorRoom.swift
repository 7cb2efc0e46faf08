#if Gateway
import Foundation
import NIOCore

/// How many connections the process has descriptors for.
///
/// A gateway that has none left serves nobody well: requests fail for want of a connection to the service, and the store,
/// the log and the control plane share the want. So it takes no more connections than it can serve, whatever is
/// configured: of what it does not need itself, clients get half at the most, as HAProxy has it, because a request in
/// flight has a connection on either side.
struct DescriptorRoom: Sendable, Hashable {
    /// What the process needs besides connections of the data plane.
    static let own = 64 + AdminPlaces.bound + AdminPlaces.bound / 4

    /// For connections of both sides together.
    let connections: Int

    /// - Parameters:
    ///   - limit: How many descriptors the process may have.
    ///   - loops: Of the data plane, and of whatever else runs on NIO: each has a selector, a timer and a way to be woken.
    init(limit: Int, loops: Int, listeners: Int) {
        // The store, the log, what is read and looked up; and whoever asks the control plane, of whom some may be closing.
        let own = Self.own + 4 * loops + listeners
        connections = max(2, limit - own)
    }

    /// By the limit of this process as it is now.
    init(for configuration: GatewayConfiguration) {
        self.init(
            limit: Descriptors.limit ?? .max, loops: configuration.threads + System.coreCount,
            listeners: configuration.listeners.count)
    }

    /// The most client connections.
    ///
    /// - Parameter configured: `limits.connections`.
    func clients(_ configured: Int) -> Int { min(configured, connections / 2) }

    /// The most connections to services, beside as many clients as there may be.
    func services(_ configured: Int) -> Int { connections - clients(configured) }
}
#endif
