#if Gateway
import Foundation

/// A port that nobody listens on, and nobody gets who asks for any: connections to it are refused for as long as it is held,
/// or until somebody who knows it listens there.
final class HeldPort {
    private let descriptor: Int32
    let port: Int

    /// - Parameter port: One that was just listened on; 0 for any.
    init(_ port: Int = 0) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                var length = socklen_t(MemoryLayout<sockaddr_in>.size)
                _ = bind(descriptor, generic, length)
                getsockname(descriptor, generic, &length)
            }
        }
        self.descriptor = descriptor
        self.port = Int(in_port_t(bigEndian: address.sin_port))
    }

    deinit { close(descriptor) }
}
#endif
