#if Gateway
public import Holdfast

/// Addresses that begin with the same bits: `10.0.0.0/8`, `2001:db8::/32`, or an address alone. `0.0.0.0/0` is all of IPv4,
/// and `::/0` all of IPv6; what came as `::ffff:192.0.2.1` is IPv4.
public struct AddressRange: Sendable, Hashable, CustomStringConvertible {
    static let allowed = "an address, or a range of addresses such as 10.0.0.0/8 or 2001:db8::/32"

    private let first: IPAddress
    /// How many bits are the same, of 32 or 128.
    private let length: Int

    /// - Throws: `ConfigurationError` for anything else, and for a range that has bits behind its length: it is read in
    ///   two ways.
    public init(_ words: String) throws(ConfigurationError) {
        let parts = words.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let part = parts.first, let address = IPAddress(text: part.utf8) else { throw Self.error(words) }
        let all = address.isFour ? 32 : 128
        var length = all
        if parts.count == 2 {
            guard let given = parts[1].wholeNumber else { throw Self.error(words) }
            // Written as IPv6, an IPv4 range has 96 bits more.
            length = address.isFour && part.utf8.contains(UInt8(ascii: ":")) ? given - 96 : given
        }
        guard (0...all).contains(length) else { throw Self.error(words) }
        self.length = length
        first = address
        guard isWhole else {
            throw ConfigurationError(
                option: "range", value: words, allowed: "\(Self.allowed), with no bit set behind its length")
        }
    }

    private static func error(_ words: String) -> ConfigurationError {
        ConfigurationError(option: "range", value: words, allowed: allowed)
    }

    /// How many of the 128 bits are the same.
    private var bits: Int { first.isFour ? length + 96 : length }

    private var isWhole: Bool {
        first.high << min(bits, 64) == 0 && (bits < 64 || first.low << (bits - 64) == 0)
            && (bits >= 64 || first.low == 0)
    }

    /// Whether it is every address of its family.
    var isEverybody: Bool { length == 0 }

    func contains(_ address: IPAddress) -> Bool {
        guard address.isFour == first.isFour else { return false }
        return (address.high ^ first.high) >> (64 - min(bits, 64)) == 0
            && (bits <= 64 || (address.low ^ first.low) >> (128 - bits) == 0)
    }

    public var description: String { length == (first.isFour ? 32 : 128) ? "\(first)" : "\(first)/\(length)" }
}

extension [AddressRange] {
    func contain(_ address: IPAddress) -> Bool { contains { $0.contains(address) } }
}
#endif
