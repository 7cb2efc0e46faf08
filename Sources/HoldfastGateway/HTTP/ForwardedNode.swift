#if Gateway
/// Who was before a hop, in that hop's words: an address, with or without a port.
enum ForwardedNode {
    /// Reads what proxies write: `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:4711`; in
    /// `Forwarded`, a port may be a word that begins with `_` (RFC 7239, section 6).
    ///
    /// - Returns: Nil for `unknown`, for a name that was made up (`_hidden`), and for everything else.
    static func address(_ text: ArraySlice<UInt8>) -> IPAddress? {
        if text.first == UInt8(ascii: "[") {
            guard let end = text.firstIndex(of: UInt8(ascii: "]")), isPort(text[(end + 1)...]),
                let address = IPAddress(text: text[(text.startIndex + 1)..<end]),
                text[..<end].contains(UInt8(ascii: ":"))
            else { return nil }
            return address
        }
        let colons = text.count { $0 == UInt8(ascii: ":") }
        guard colons == 1, let colon = text.firstIndex(of: UInt8(ascii: ":")) else { return IPAddress(text: text) }
        // One colon stands before a port: an address of IPv6 has at least two.
        return isPort(text[colon...]) ? IPAddress(text: text[..<colon]) : nil
    }

    /// Whether it is a colon and a port, or nothing.
    private static func isPort(_ text: ArraySlice<UInt8>) -> Bool {
        guard let colon = text.first else { return true }
        let port = text.dropFirst()
        guard colon == UInt8(ascii: ":") else { return false }
        if port.first == UInt8(ascii: "_") {
            return port.count > 1 && port.count <= 64
                && port.allSatisfy { isLetterOrDigit($0) || "._-".utf8.contains($0) }
        }
        return (1...5).contains(port.count) && port.allSatisfy { (0x30...0x39).contains($0) }
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20)
    }
}
#endif
