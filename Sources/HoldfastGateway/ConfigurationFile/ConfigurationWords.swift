#if Gateway
import Holdfast

// How values are written, in the configuration file and on the command line: one spelling for both.

extension Duration {
    private static let units: [(suffix: String, milliseconds: Int64)] = [
        ("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000),
    ]

    /// `250ms`, `5s`, `2m`, `24h`, `7d`: at most nine digits and one unit.
    package init?(words: String) {
        guard let unit = Self.units.first(where: { words.hasSuffix($0.suffix) }) else { return nil }
        let digits = words.dropLast(unit.suffix.count)
        guard digits.utf8.count <= 9, let count = digits.wholeNumber else { return nil }
        self = .milliseconds(Int64(count) * unit.milliseconds)
    }

    /// In the largest unit that needs no fraction.
    package var words: String {
        let (seconds, attoseconds) = components
        guard attoseconds % 1_000_000_000_000_000 == 0 else { return "\(self)" }
        let milliseconds = seconds * 1_000 + attoseconds / 1_000_000_000_000_000
        guard milliseconds != 0, let unit = Self.units.last(where: { milliseconds % $0.milliseconds == 0 }) else {
            return "0s"
        }
        return "\(milliseconds / unit.milliseconds)\(unit.suffix)"
    }
}

extension StringProtocol {
    /// Digits and nothing else: no sign, no zero in front, which is octal to some readers, no underscore. At most 18.
    package var wholeNumber: Int? {
        guard (1...18).contains(utf8.count), utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        guard utf8.count == 1 || utf8.first != 0x30 else { return nil }
        return Int(self)
    }

    /// `2`, `1.5`: no exponent, no infinity.
    package var decimalNumber: Double? {
        let parts = split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = parts.first, whole.wholeNumber != nil else { return nil }
        if parts.count == 2 {
            guard (1...9).contains(parts[1].utf8.count), parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) })
            else { return nil }
        }
        return Double(String(self))
    }

    /// `20%`, or `0.2`.
    package var share: Double? {
        guard hasSuffix("%") else { return decimalNumber }
        // Rounded once: 99.9 / 100 is more than 0.999.
        return dropLast().decimalNumber.map { ($0 * 1e10).rounded() / 1e12 }
    }

    /// `16KiB`, `1MiB`, `2GiB`, `1TiB`, or a number of bytes.
    package var size: Int? {
        for (unit, shift) in sizeUnits where hasSuffix(unit) {
            guard let count = dropLast(unit.utf8.count).wholeNumber, count <= Int.max >> shift else { return nil }
            return count << shift
        }
        return wholeNumber
    }
}

private let sizeUnits = [("KiB", 10), ("MiB", 20), ("GiB", 30), ("TiB", 40)]

/// A size in the largest unit that needs no fraction.
package func sizeWords(_ bytes: Int) -> String {
    guard bytes > 0, let unit = sizeUnits.last(where: { bytes % (1 << $0.1) == 0 }) else { return "\(bytes)" }
    return "\(bytes >> unit.1)\(unit.0)"
}

/// A number without a fraction that says nothing.
package func numberWords(_ number: Double) -> String {
    number.rounded() == number && abs(number) < 1e15 ? "\(Int64(number))" : "\(number)"
}

/// A share as a percentage, to a thousandth of a percent.
package func shareWords(_ share: Double) -> String {
    numberWords((share * 100_000).rounded() / 1_000) + "%"
}

extension GatewayConfiguration.Address {
    /// What is accepted, in words.
    package static let allowed = "HOST:PORT, with IPv6 addresses in brackets"

    /// `HOST:PORT`, with IPv6 addresses in brackets.
    package init?(words: String) {
        guard let colon = words.lastIndex(of: ":"), let port = words[words.index(after: colon)...].wholeNumber,
            (0...65_535).contains(port)
        else { return nil }
        var host = words[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
            guard host.contains(":") else { return nil }
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty, host.utf8.count <= 255, host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }),
            !host.contains(where: { "/?#@[]\\".contains($0) })
        else { return nil }
        self.init(host: String(host), port: port)
    }
}

extension ServiceConfiguration.Endpoint {
    /// `http://HOST[:PORT]` or `https://HOST[:PORT]`; without a port, 80 or 443.
    package init?(words: String) {
        let usesTLS = words.hasPrefix("https://")
        guard usesTLS || words.hasPrefix("http://") else { return nil }
        var authority = words.dropFirst(usesTLS ? "https://".count : "http://".count)
        if authority.hasSuffix("/") { authority = authority.dropLast() }
        let hasPort = !authority.hasSuffix("]") && authority.contains(":")
        guard
            let address = GatewayConfiguration.Address(
                words: hasPort ? String(authority) : "\(authority):\(usesTLS ? 443 : 80)"),
            address.port > 0
        else { return nil }
        self.init(address: address, usesTLS: usesTLS)
    }
}
#endif
