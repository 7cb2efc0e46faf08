#if Gateway
import Foundation
import NIOCore
import NIOPosix

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Looks names up, all the addresses behind them.
enum AddressLookup {
    /// The most addresses of one name that are used; those that sort first.
    static let bound = 64

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// The addresses of a host, sorted, so that the same answer in another order changes nothing. An address is its own.
    static func addresses(of address: GatewayConfiguration.Address) async throws -> [SocketAddress] {
        if let literal = try? SocketAddress(ipAddress: address.host, port: address.port) { return [literal] }
        return try await NIOThreadPool.singleton.runIfActive { try lookUp(address) }
    }

    private static func lookUp(_ address: GatewayConfiguration.Address) throws -> [SocketAddress] {
        var hints = addrinfo()
        #if canImport(Glibc)
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        #else
        hints.ai_socktype = SOCK_STREAM
        #endif
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(address.host, "\(address.port)", &hints, &list)
        guard code == 0 else {
            throw Failure(description: "'\(address.host)' cannot be looked up: \(String(cString: gai_strerror(code)))")
        }
        defer { freeaddrinfo(list) }
        var found: Set<String> = []
        var entry = list
        while let info = entry?.pointee {
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            let named = getnameinfo(
                info.ai_addr, info.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
            if named == 0 {
                let digits = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
                found.insert(String(decoding: digits, as: UTF8.self))
            }
            entry = info.ai_next
        }
        guard !found.isEmpty else { throw Failure(description: "'\(address.host)' has no address") }
        return try found.sorted().prefix(bound).map { try SocketAddress(ipAddress: $0, port: address.port) }
    }
}
#endif
