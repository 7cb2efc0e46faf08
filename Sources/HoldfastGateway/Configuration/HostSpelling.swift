#if Gateway
import Foundation

/// One spelling for each host, so that two that mean one place are one: names have no case and no dot at their end
/// (RFC 4343, RFC 1034 section 3.1), addresses are numbers however they are written.
enum HostSpelling {
    /// - Parameter host: As a configuration has it, without brackets.
    static func canonical(_ host: String) -> String {
        var name = host.lowercased()
        if name.hasSuffix("."), name.utf8.count > 1 { name.removeLast() }
        if let address = IPAddress(text: name.utf8) ?? ofParts(name) { return address.description }
        return name
    }

    /// An address of IPv4 as `inet_aton` has it, which names are looked up by: one to four numbers, in ten, eight or
    /// sixteen digits, of which the last fills what is left (`127.1`, `0x7f.1`, `2130706433`).
    private static func ofParts(_ text: String) -> IPAddress? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard (1...4).contains(parts.count) else { return nil }
        var numbers: [UInt32] = []
        for part in parts {
            guard let number = number(part) else { return nil }
            numbers.append(number)
        }
        let last = numbers.removeLast()
        guard numbers.allSatisfy({ $0 <= 0xFF }), last <= UInt32.max >> (8 * UInt32(numbers.count)) else { return nil }
        var address = last
        for (place, number) in numbers.enumerated() { address |= number << (24 - 8 * UInt32(place)) }
        return withUnsafeBytes(of: address.bigEndian) { IPAddress(network: $0) }
    }

    private static func number(_ text: Substring) -> UInt32? {
        let (radix, digits): (Int, Substring) =
            if text.hasPrefix("0x") {
                (16, text.dropFirst(2))
            } else if text.hasPrefix("0"), text.utf8.count > 1 {
                (8, text.dropFirst())
            } else {
                (10, text)
            }
        // A sign is none of a number here.
        guard !digits.isEmpty, digits.allSatisfy({ $0.isASCII && $0.isHexDigit }) else { return nil }
        return UInt32(digits, radix: radix)
    }
}

/// What is this machine's own, as far as it says so without asking anybody.
enum OwnHost {
    /// The names that it calls itself by.
    static let names: Set<String> = {
        let name = HostSpelling.canonical(ProcessInfo.processInfo.hostName)
        return name.isEmpty ? [] : [name, String(name.prefix { $0 != "." })]
    }()

    /// Whether a name means this machine wherever it is asked (RFC 6761, section 6.3), or is one of those that are in
    /// every hosts file.
    static func isLoopback(_ name: String) -> Bool {
        name == "localhost" || name.hasSuffix(".localhost")
            || ["localhost.localdomain", "localhost4", "localhost6", "ip6-localhost", "ip6-loopback"].contains(name)
    }
}
#endif
