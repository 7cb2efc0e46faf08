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
        let scheme = bytes.prefix { !HTTP1Lines.isBlank($0) }
        // RFC 9110, section 11.4: one space or more. Some send a tab, and are understood.
        let rest = bytes[scheme.endIndex...].drop(while: HTTP1Lines.isBlank)
        // One word is a scheme without anything, or a secret without a scheme: then its case counts.
        guard !rest.isEmpty else {
            text = value
            return
        }
        let name = Substring(scheme).lowercased()
        let said = Array(rest)
        switch name {
        case "basic": try Self.checkBase64(said)
        case "bearer", "token", "apikey", "api-key", "jwt", "key":
            // Many take the second word, whatever follows.
            guard said.allSatisfy(Self.isToken) else {
                throw Fault(words: "behind the scheme of Authorization stands one token (RFC 6750, section 2.1)")
            }
        default: break
        }
        text = "\(Self.usual(name)) \(Self.settled(said))"
    }

    /// The scheme as nearly everybody writes it (RFC 9110, section 11.1: its case means nothing).
    private static func usual(_ scheme: String) -> String {
        switch scheme {
        case "aws4-hmac-sha256", "aws4-ecdsa-p256-sha256", "hmac-sha256": scheme.uppercased()
        case "apikey": "ApiKey"
        case "oauth": "OAuth"
        case "scram-sha-256", "dpop", "gnap", "hoba", "jwt": Self.acronym(scheme)
        default: scheme.prefix(1).uppercased() + scheme.dropFirst()
        }
    }

    private static func acronym(_ scheme: String) -> String { scheme == "dpop" ? "DPoP" : scheme.uppercased() }

    /// A comma would begin another credential, as lists of fields that were joined have it.
    private static func isToken(_ byte: UInt8) -> Bool {
        HTTP1Lines.isVisible(byte) && byte < 0x80 && byte != UInt8(ascii: ",")
    }

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
