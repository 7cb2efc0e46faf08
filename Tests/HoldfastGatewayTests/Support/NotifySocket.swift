#if Gateway && os(Linux)
import Foundation
import HoldfastGateway

/// The socket of a service manager of a test's own.
final class NotifySocket: Sendable {
    private let descriptor: Int32

    /// - Parameter name: A path, or a name that is in no file system, after `@`.
    init(_ name: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var path = Array(name.utf8)
        if path[0] == UInt8(ascii: "@") { path[0] = 0 }
        let start = MemoryLayout<sockaddr_un>.offset(of: \.sun_path) ?? 2
        withUnsafeMutableBytes(of: &address) { $0[start...].copyBytes(from: path) }
        let length = socklen_t(start + path.count + (path[0] == 0 ? 0 : 1))
        let descriptor = descriptor
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
        }
        guard bound == 0 else { throw CocoaError(.fileNoSuchFile) }
        // No test waits for longer for what does not come.
        var patience = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(descriptor) }

    /// The next notice, as its lines; empty when none comes.
    func next() async -> [String] {
        let descriptor = descriptor
        return await offPool {
            var bytes = [UInt8](repeating: 0, count: 4_096)
            let count = recv(descriptor, &bytes, bytes.count, 0)
            return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self).split(separator: "\n").map(String.init)
        }
    }

    /// The next notice that is not about being alive.
    func nextChange() async -> [String] {
        var notice = await next()
        while notice == ["WATCHDOG=1"] { notice = await next() }
        return notice
    }
}
#endif
