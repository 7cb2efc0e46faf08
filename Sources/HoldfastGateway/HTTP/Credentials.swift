#if Gateway
/// What `Authorization` says, in one spelling: services take several spellings for the same credentials, and one who has
/// them must be one caller however they are written.
///
/// The usual spelling stays as it is, so that callers who use it keep their keys. Of credentials that some service reads
/// loosely, any other spelling is refused: there is no telling which of them the service would take for the same.
struct Credentials: Equatable {
    /// Why a value is not taken, in words for the caller.
    struct Fault: Error, Equatable {
        let words: String
    }

    /// The scheme in one case, a space, and the rest.
    let text: String

    /// - Parameter value: Of the field, without blanks around it.
    init(_ value: String) throws(Fault) {
        let bytes = value.utf8
        // A scheme is a token, and what follows it is a token or parameters (RFC 9110, sections 11.1 and 11.4). What is
        // beyond ASCII some services strip as white space, or drop as no UTF-8.
        guard bytes.allSatisfy(Self.isASCII) else {
            throw Fault(words: "Authorization has a byte that is not ASCII's (RFC 9110, section 11.4)")
        }
        let scheme = bytes.prefix { !HTTP1Lines.isBlank($0) }
        // RFC 9110, section 11.4: one space or more. Some send a tab, and are understood.
        let rest = Array(bytes[scheme.endIndex...].drop(while: HTTP1Lines.isBlank))
        // One word is a scheme without anything, or a secret without a scheme, for which many take `Bearer` as well.
        guard !rest.isEmpty else {
            guard !scheme.contains(where: Self.separates) else {
                throw Fault(words: "Authorization is neither credentials nor one token (RFC 9110, section 11.4)")
            }
            text = value.isEmpty ? "" : "Bearer \(Self.settled(Array(scheme)))"
            return
        }
        guard scheme.allSatisfy(HTTP1Lines.isToken) else {
            throw Fault(words: "Authorization begins with no scheme, which is a token (RFC 9110, section 11.1)")
        }
        let name = Substring(scheme).lowercased()
        switch name {
        case "basic":
            try Self.checkBase64(rest)
            text = "Basic \(String(decoding: rest, as: UTF8.self))"
        case "bearer", "token", "apikey", "api-key", "jwt", "key":
            // Many take the second word, whatever follows.
            guard let token = Self.token(rest) else {
                throw Fault(words: "behind the scheme of Authorization stands one token (RFC 6750, section 2.1)")
            }
            text = "\(Self.usual(name)) \(Self.settled(token))"
        default:
            text = "\(Self.usual(name)) \(try Self.parameters(rest))"
        }
    }

    private static func isASCII(_ byte: UInt8) -> Bool {
        HTTP1Lines.isBlank(byte) || (HTTP1Lines.isVisible(byte) && byte < 0x80)
    }

    /// Where some readers end a token: a list of fields that were joined goes on behind a comma, and Rails reads
    /// `token="t"; nonce="n"`.
    private static func separates(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: ",") || byte == UInt8(ascii: ";") || byte == UInt8(ascii: "\"")
    }

    /// One token, which may be said as a parameter, as Rails does.
    private static func token(_ said: [UInt8]) -> [UInt8]? {
        var token = said[...]
        if token.count > 6, String(decoding: token.prefix(6), as: UTF8.self).is("token=") {
            token = token.dropFirst(6)
            let isQuoted = token.count > 2 && token.first == UInt8(ascii: "\"") && token.last == UInt8(ascii: "\"")
            if isQuoted { token = token.dropFirst().dropLast() }
        }
        let isOne = token.allSatisfy { HTTP1Lines.isVisible($0) && !separates($0) }
        return isOne && !token.isEmpty ? Array(token) : nil
    }

    /// One word, or parameters with what stands between them as most write it: a comma and a space (RFC 9110, section 11.2).
    private static func parameters(_ said: [UInt8]) throws(Fault) -> String {
        var parts: [[UInt8]] = [[]]
        var (isQuoted, isEscaped) = (false, false)
        for byte in said {
            if !isQuoted, HTTP1Lines.isBlank(byte) || byte == UInt8(ascii: ",") {
                if parts.last?.isEmpty == false { parts.append([]) }
                continue
            }
            if byte == UInt8(ascii: "\""), !isEscaped { isQuoted.toggle() }
            isEscaped = isQuoted && byte == UInt8(ascii: "\\") && !isEscaped
            parts[parts.count - 1].append(byte)
        }
        if parts.last?.isEmpty == true { parts.removeLast() }
        let isOneWord = parts.count == 1 && parts[0].count == said.count
        // Of several words, many take the first.
        let areParameters = parts.allSatisfy { ($0.firstIndex(of: UInt8(ascii: "=")) ?? 0) > 0 }
        guard !isQuoted, !parts.isEmpty, isOneWord || areParameters else {
            throw Fault(
                words: "behind the scheme of Authorization stands one token, or parameters (RFC 9110, section 11.4)")
        }
        guard !isOneWord else { return settled(parts[0]) }
        return parts.map { String(decoding: $0, as: UTF8.self) }.joined(separator: ", ")
    }

    /// The scheme as nearly everybody writes it (RFC 9110, section 11.1: its case means nothing).
    private static func usual(_ scheme: String) -> String {
        switch scheme {
        case "aws4-hmac-sha256", "aws4-ecdsa-p256-sha256", "hmac-sha256": scheme.uppercased()
        case "apikey": "ApiKey"
        case "oauth": "OAuth"
        // GitHub, Rails and others take either.
        case "token": "Bearer"
        case "scram-sha-256", "dpop", "gnap", "hoba", "jwt": Self.acronym(scheme)
        default: scheme.prefix(1).uppercased() + scheme.dropFirst()
        }
    }

    private static func acronym(_ scheme: String) -> String { scheme == "dpop" ? "DPoP" : scheme.uppercased() }

    // MARK: Base64

    /// RFC 7617, section 2, and RFC 4648, section 4: readers skip what is not of the alphabet, or take the other alphabet
    /// for it, and bits that stand for nothing.
    private static func checkBase64(_ text: [UInt8]) throws(Fault) {
        let digits = text.prefix { sextet($0) != nil && !"-_".utf8.contains($0) }
        let padding = text.dropFirst(digits.count)
        let isWhole =
            padding.allSatisfy { $0 == UInt8(ascii: "=") } && text.count % 4 == 0 && padding.count <= 2
            && unused(of: digits) == 0
        guard isWhole else {
            throw Fault(words: "behind Basic stands Base64 in its one spelling (RFC 7617, section 2)")
        }
    }

    /// Of a JSON Web Token, the signature is the one part that may be spelled in several ways and is the same: with other bits
    /// where none count, with the other alphabet, and with padding.
    private static func settled(_ credentials: [UInt8]) -> String {
        let text = String(decoding: credentials, as: UTF8.self)
        let parts = credentials.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        // What begins with a brace is JSON's object, and the head of one.
        guard parts.count == 3, parts[0].count > 1, parts[0].first == UInt8(ascii: "e"),
            sextet(parts[0].dropFirst().first ?? 0).map({ $0 >= 48 }) == true
        else { return text }
        let digits = parts[2].prefix { sextet($0) != nil }
        guard !digits.isEmpty, parts[2].dropFirst(digits.count).allSatisfy({ $0 == UInt8(ascii: "=") }) else {
            return text
        }
        var signature = digits.map { byte -> UInt8 in
            switch byte {
            case UInt8(ascii: "+"): UInt8(ascii: "-")
            case UInt8(ascii: "/"): UInt8(ascii: "_")
            default: byte
            }
        }
        if let last = sextet(signature[signature.count - 1]) {
            let settled = last - unused(of: signature)
            signature[signature.count - 1] = digit(settled)
        }
        let signed = (parts[0] + [UInt8(ascii: ".")] + parts[1] + [UInt8(ascii: ".")])
        return String(decoding: signed + signature, as: UTF8.self)
    }

    /// The bits of the last digit that stand for nothing.
    private static func unused(of digits: some BidirectionalCollection<UInt8>) -> UInt8 {
        guard let last = digits.last.flatMap(sextet) else { return 0 }
        return switch digits.count % 4 {
        case 2: last & 0x0F
        case 3: last & 0x03
        default: 0
        }
    }

    /// A digit's value, in either alphabet (RFC 4648, sections 4 and 5).
    private static func sextet(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x41...0x5A: byte - 0x41
        case 0x61...0x7A: byte - 0x61 + 26
        case 0x30...0x39: byte - 0x30 + 52
        case UInt8(ascii: "+"), UInt8(ascii: "-"): 62
        case UInt8(ascii: "/"), UInt8(ascii: "_"): 63
        default: nil
        }
    }

    /// Of the alphabet for URLs.
    private static func digit(_ sextet: UInt8) -> UInt8 {
        switch sextet {
        case 0..<26: sextet + 0x41
        case 26..<52: sextet - 26 + 0x61
        case 52..<62: sextet - 52 + 0x30
        case 62: UInt8(ascii: "-")
        default: UInt8(ascii: "_")
        }
    }
}
#endif
