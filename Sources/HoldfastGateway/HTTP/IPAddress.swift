#if Gateway
import Foundation
import NIOCore

/// An address of IPv4 or IPv6 as a number, so that two spellings are one address. An IPv4 address that is written as IPv6
/// (`::ffff:192.0.2.1`; RFC 4291, section 2.5.5.2) is the IPv4 address.
struct IPAddress: Sendable, Hashable, CustomStringConvertible {
    /// The longest spelling, without a zone.
    private static let longest = 45

    /// The 128 bits; an IPv4 address is the one of `::ffff:0:0/96`.
    let high: UInt64
    let low: UInt64

    var isFour: Bool { high == 0 && low >> 32 == 0xFFFF }

    private init(four: UInt32) {
        high = 0
        low = 0xFFFF << 32 | UInt64(UInt32(bigEndian: four))
    }

    /// - Parameter six: 16 bytes, as they are sent.
    private init(six: UnsafeRawBufferPointer) {
        high = UInt64(bigEndian: six.loadUnaligned(as: UInt64.self))
        low = UInt64(bigEndian: six.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
    }

    /// Nil for what has no IP address: a socket of the machine itself, and a client that has left already.
    init?(_ address: SocketAddress?) {
        guard let address else { return nil }
        let found: IPAddress? = address.withSockAddr { pointer, size in
            let bytes = UnsafeRawBufferPointer(start: pointer, count: size)
            switch address.protocol {
            case .inet:
                return IPAddress(
                    four: bytes.loadUnaligned(fromByteOffset: ListeningSockets.fourOffset, as: UInt32.self))
            case .inet6:
                return IPAddress(six: UnsafeRawBufferPointer(rebasing: bytes[ListeningSockets.sixOffset...].prefix(16)))
            default: return nil
            }
        }
        guard let found else { return nil }
        self = found
    }

    /// - Parameter bytes: 4 or 16, as they are sent; nil for any other number.
    init?(network bytes: some Collection<UInt8>) {
        let bytes = Array(bytes)
        switch bytes.count {
        case 4: self = bytes.withUnsafeBytes { IPAddress(four: $0.loadUnaligned(as: UInt32.self)) }
        case 16: self = bytes.withUnsafeBytes { IPAddress(six: $0) }
        default: return nil
        }
    }

    /// Reads an address without a port, brackets or a zone; nil for anything else.
    init?(text: some Collection<UInt8>) {
        guard (2...Self.longest).contains(text.count) else { return nil }
        // A NUL would end the text for the library, and letters beyond `f` are in no address.
        let isPlain = text.allSatisfy {
            (0x30...0x3A).contains($0) || $0 == UInt8(ascii: ".") || (0x61...0x66).contains($0 | 0x20)
        }
        guard isPlain else { return nil }
        let found: IPAddress? = withUnsafeTemporaryAllocation(of: CChar.self, capacity: Self.longest + 1) { room in
            var count = 0
            for byte in text {
                room[count] = CChar(bitPattern: byte)
                count += 1
            }
            room[count] = 0
            guard let start = room.baseAddress else { return nil }
            return withUnsafeTemporaryAllocation(byteCount: 16, alignment: 8) { bytes in
                if inet_pton(AF_INET, start, bytes.baseAddress) == 1 {
                    return IPAddress(four: bytes.loadUnaligned(as: UInt32.self))
                }
                return inet_pton(AF_INET6, start, bytes.baseAddress) == 1 ? IPAddress(six: .init(bytes)) : nil
            }
        }
        guard let found else { return nil }
        self = found
    }

    var description: String {
        guard !isFour else {
            return "\(low >> 24 & 0xFF).\(low >> 16 & 0xFF).\(low >> 8 & 0xFF).\(low & 0xFF)"
        }
        var words = (high.bigEndian, low.bigEndian)
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: Self.longest + 1) { room in
            // There is room for any address, so nothing can fail.
            _ = inet_ntop(AF_INET6, &words, room.baseAddress, socklen_t(room.count))
            return String(decoding: room.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
    }
}
#endif
