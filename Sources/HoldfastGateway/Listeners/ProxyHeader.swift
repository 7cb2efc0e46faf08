#if Gateway
/// What a balancer that passes on bytes, and not requests, says of a connection before its first byte: the PROXY protocol
/// (the HAProxy project's `proxy-protocol.txt`), versions 1 and 2.
struct ProxyHeader: Hashable {
    /// Who is connected to the balancer; nil where the balancer speaks for itself (`LOCAL`, as its checks do), or for
    /// somebody who has no address (`UNKNOWN`, a socket of its machine). Then it counts whom the connection is with.
    var source: IPAddress?
    /// Whether the balancer has ended TLS: an extension of version 2 says so.
    var isSecure = false

    enum Reading: Hashable {
        /// So far it may be one.
        case incomplete
        /// How many bytes it takes.
        case whole(ProxyHeader, length: Int)
        /// It is none, for this reason.
        case malformed(String)
    }

    /// What one may take with all its extensions, as nginx has it.
    static let bound = 4_096
    /// "108 bytes is always enough to store all the line and a trailing zero" of version 1.
    private static let lineBound = 107
    private static let line = Array("PROXY ".utf8)
    private static let signature: [UInt8] = [
        0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A,
    ]

    /// - Parameter bytes: All that has come.
    static func read(_ bytes: ArraySlice<UInt8>) -> Reading {
        if isBegun(bytes, signature) { return bytes.count < 16 ? .incomplete : readBinary(bytes) }
        if isBegun(bytes, line) { return readLine(bytes) }
        return .malformed("it does not begin as one")
    }

    private static func isBegun(_ bytes: ArraySlice<UInt8>, _ start: [UInt8]) -> Bool {
        bytes.prefix(start.count).elementsEqual(start.prefix(bytes.count))
    }

    // MARK: Version 1

    private static func readLine(_ bytes: ArraySlice<UInt8>) -> Reading {
        let start = bytes.prefix(lineBound)
        guard let end = start.firstRange(of: [0x0D, 0x0A])?.lowerBound else {
            return bytes.count < lineBound ? .incomplete : .malformed("its line does not end")
        }
        let length = end + 2 - bytes.startIndex
        let words = start[..<end].split(separator: 0x20, omittingEmptySubsequences: false)
        // "The receiver must ignore anything presented before the CRLF."
        if words.count >= 2, words[1].elementsEqual("UNKNOWN".utf8) { return .whole(ProxyHeader(), length: length) }
        guard words.count == 6 else { return .malformed("its line has not six words") }
        let isFour = words[1].elementsEqual("TCP4".utf8)
        guard isFour || words[1].elementsEqual("TCP6".utf8) else {
            return .malformed("it is of no family that is known")
        }
        // An IPv4 address that is written as IPv6 is one of IPv6 here.
        let addresses = words[2...3].compactMap { word in
            word.contains(UInt8(ascii: ":")) == isFour ? nil : IPAddress(text: word)
        }
        guard addresses.count == 2 else { return .malformed("its addresses cannot be read") }
        guard words[4...5].allSatisfy(isPort) else { return .malformed("its ports cannot be read") }
        return .whole(ProxyHeader(source: addresses[0]), length: length)
    }

    private static func isPort(_ word: ArraySlice<UInt8>) -> Bool {
        guard (1...5).contains(word.count), word.allSatisfy({ (0x30...0x39).contains($0) }) else { return false }
        guard word.count == 1 || word.first != 0x30 else { return false }
        return word.reduce(0) { $0 * 10 + Int($1 - 0x30) } <= 65_535
    }

    // MARK: Version 2

    /// - Parameter bytes: At least the first 16.
    private static func readBinary(_ bytes: ArraySlice<UInt8>) -> Reading {
        let start = bytes.startIndex
        let (command, family) = (bytes[start + 12], bytes[start + 13])
        let length = 16 + number(bytes[(start + 14)..<(start + 16)])
        guard length <= bound else { return .malformed("it is \(length) bytes long, and \(bound) are allowed") }
        guard command == 0x20 || command == 0x21 else { return .malformed("its version or command is unknown") }
        guard bytes.count >= length else { return .incomplete }
        // "The receiver must accept this connection as valid and must use the real connection endpoints", whatever follows.
        guard command == 0x21 else { return .whole(ProxyHeader(), length: length) }
        let rest = bytes[(start + 16)..<(start + length)]
        // What both addresses take, and the first of them.
        let (taken, first): (Int, Int) =
            switch family {
            case 0x00: (0, 0)
            case 0x11: (12, 4)
            case 0x21: (36, 16)
            case 0x31: (216, 0)
            default: (-1, 0)
            }
        guard taken >= 0 else { return .malformed("it is of no family that is known") }
        guard rest.count >= taken else { return .malformed("its addresses are not all there") }
        var header = ProxyHeader(source: IPAddress(network: rest.prefix(first)))
        // Without a family, nothing says where extensions would begin.
        guard family != 0 else { return .whole(header, length: length) }
        guard let isSecure = readExtensions(rest.dropFirst(taken)) else {
            return .malformed("its extensions are not all there")
        }
        header.isSecure = isSecure
        return .whole(header, length: length)
    }

    /// Passes over all of them but one. The checksum is not looked at: TCP has one.
    ///
    /// - Returns: Whether one says that the client came over TLS; nil where they do not end with the header.
    private static func readExtensions(_ bytes: ArraySlice<UInt8>) -> Bool? {
        var (rest, isSecure) = (bytes, false)
        while !rest.isEmpty {
            guard rest.count >= 3 else { return nil }
            let type = rest[rest.startIndex]
            let length = number(rest.dropFirst().prefix(2))
            guard rest.count >= 3 + length else { return nil }
            let value = rest.dropFirst(3).prefix(length)
            // PP2_TYPE_SSL, with PP2_CLIENT_SSL set, and what says whether a certificate was verified.
            if type == 0x20, length >= 5, let client = value.first { isSecure = client & 1 == 1 }
            rest = rest.dropFirst(3 + length)
        }
        return isSecure
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> Int { bytes.reduce(0) { $0 << 8 | Int($1) } }
}
#endif
