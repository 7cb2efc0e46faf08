#if Gateway
import Foundation
import NIOCore

/// Which sockets listen on an address, as the kernel tells: other gateways on the same address are seen here.
enum ListeningSockets {
    /// - Returns: The sockets' inode numbers; nil when the kernel does not tell.
    static func on(_ address: SocketAddress) -> Set<Int>? {
        guard let (table, local) = place(of: address), let text = listening(in: table) else { return nil }
        var inodes: Set<Int> = []
        for line in text.split(separator: "\n").dropFirst() {
            let columns = Self.columns(line)
            guard columns.count > 9, isListening(columns), columns[1] == local, let inode = Int(columns[9]) else {
                continue
            }
            inodes.insert(inode)
        }
        return inodes
    }

    /// The table as far as sockets listen, which come first. The kernel gives it a page at a time, and less than a page is
    /// not its end: what reads whole files, and takes that for one, sees the first few sockets.
    private static func listening(in table: String) -> String? {
        let file = open(table, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var text = ""
        var page = [UInt8](repeating: 0, count: 4_096)
        while true {
            let count = read(file, &page, page.count)
            guard count > 0 else { return count == 0 ? text : nil }
            text += String(decoding: page[..<count], as: UTF8.self)
            // A page holds whole lines.
            if let last = text.split(separator: "\n").dropFirst().last, !isListening(columns(last)) {
                return text
            }
        }
    }

    /// `sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode …`
    private static func columns(_ line: Substring) -> [Substring] { line.split(separator: " ", maxSplits: 10) }

    private static func isListening(_ columns: [Substring]) -> Bool { columns.count > 3 && columns[3] == "0A" }

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
    static let fourOffset = 4
    static let sixOffset = 8

    private static func hex(_ word: UInt32, digits: Int) -> String {
        let text = String(word, radix: 16, uppercase: true)
        return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
    }
}
#endif
