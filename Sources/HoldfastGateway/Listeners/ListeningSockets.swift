#if Gateway
import Foundation
import NIOCore

/// Which sockets listen on an address, as the kernel tells: other gateways on the same address are seen here.
enum ListeningSockets {
    /// - Returns: The sockets' inode numbers; nil when the kernel does not tell.
    static func on(_ address: SocketAddress) -> Set<Int>? {
        guard let (table, local) = place(of: address),
            let text = try? String(contentsOfFile: table, encoding: .utf8)
        else { return nil }
        var inodes: Set<Int> = []
        for line in text.split(separator: "\n").dropFirst() {
            // sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode …
            let columns = line.split(separator: " ", maxSplits: 10, omittingEmptySubsequences: true)
            guard columns.count > 9, columns[3] == "0A", columns[1] == local, let inode = Int(columns[9]) else {
                continue
            }
            inodes.insert(inode)
        }
        return inodes
    }

    /// The kernel's table, and how it spells the address: words of 32 bits in the machine's order, in hexadecimal.
    private static func place(of address: SocketAddress) -> (table: String, local: Substring)? {
        guard let port = address.port else { return nil }
        let (table, offset, words) =
            address.protocol == .inet6 ? ("/proc/net/tcp6", sixOffset, 4) : ("/proc/net/tcp", fourOffset, 1)
        let host = address.withSockAddr { pointer, size in
            let bytes = UnsafeRawBufferPointer(start: pointer, count: size)
            return (0..<words).map { word in
                hex(bytes.loadUnaligned(fromByteOffset: offset + word * 4, as: UInt32.self), digits: 8)
            }
        }
        return (table, "\(host.joined()):\(hex(UInt32(port), digits: 4))")
    }

    /// Where the host is in `struct sockaddr_in` and `struct sockaddr_in6`.
    private static let fourOffset = 4
    private static let sixOffset = 8

    private static func hex(_ word: UInt32, digits: Int) -> String {
        let text = String(word, radix: 16, uppercase: true)
        return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
    }
}
#endif
