#if Gateway
import NIOCore

/// What a request's `Host` names (RFC 9110, section 7.2; RFC 3986, section 3.2.2): a name or an address, and maybe a port.
struct HostField: Equatable {
    enum Host: Equatable {
        /// In small letters, without a dot at the end.
        case name(String)
        case address(SocketAddress)
    }

    let host: Host
    let port: Int?

    /// Nil for what is no host: whoever reads such a field loosely may read another host than the next one does.
    init?(_ text: String) {
        let rest: Substring
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            let digits = text[text.index(after: text.startIndex)..<end]
            guard digits.contains(":"), !digits.contains("%"),
                let address = try? SocketAddress(ipAddress: String(digits), port: 0)
            else { return nil }
            host = .address(address)
            rest = text[text.index(after: end)...]
        } else {
            let name = text.prefix { $0 != ":" }
            guard let host = Self.host(name) else { return nil }
            self.host = host
            rest = text[name.endIndex...]
        }
        guard !rest.isEmpty else {
            port = nil
            return
        }
        let digits = rest.dropFirst()
        guard rest.first == ":", (1...5).contains(digits.utf8.count),
            digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = Int(digits), port <= 65_535
        else { return nil }
        self.port = port
    }

    private static func host(_ name: Substring) -> Host? {
        let isDotted = name.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == 0x2E }
        if isDotted { return (try? SocketAddress(ipAddress: String(name), port: 0)).map { .address($0) } }
        let name = name.hasSuffix(".") ? name.dropLast() : name
        return HostName.isName(String(name)) ? .name(name.lowercased()) : nil
    }
}
#endif
