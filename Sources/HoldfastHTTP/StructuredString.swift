/// A field whose value is one String of Structured Fields (RFC 9651, section 3.3.3), as `Idempotency-Key` is in the IETF's
/// draft: read as section 4.2 says, which is strict.
///
/// A String may be followed by parameters (section 3.1.2). They have to be well formed, and are ignored: a field that says
/// nothing of its parameters may get some one day, and whoever does not know them must not fail.
struct StructuredString {
    /// What stands between the quotation marks, without what escapes.
    let characters: [UInt8]

    /// Reads a whole field value, without the whitespace around it; nil for what is no String.
    init?(_ value: some Collection<UInt8>) {
        var reader = Reader(rest: Array(value)[...])
        guard let characters = reader.string(), reader.parameters(), reader.rest.isEmpty else { return nil }
        self.characters = characters
    }
}

/// Takes one construct after another from the front.
private struct Reader {
    var rest: ArraySlice<UInt8>

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard rest.first == UInt8(ascii: character) else { return false }
        rest.removeFirst()
        return true
    }

    private mutating func take(while holds: (UInt8) -> Bool) -> ArraySlice<UInt8> {
        let taken = rest.prefix(while: holds)
        rest.removeFirst(taken.count)
        return taken
    }

    /// Section 4.2.5: `\` escapes itself and the quotation mark alone, and all else is visible ASCII or a space.
    mutating func string() -> [UInt8]? {
        guard take("\"") else { return nil }
        var characters: [UInt8] = []
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\""): return characters
            case UInt8(ascii: "\\"):
                guard let escaped = rest.popFirst(), escaped == UInt8(ascii: "\"") || escaped == UInt8(ascii: "\\")
                else { return nil }
                characters.append(escaped)
            case 0x20...0x7E: characters.append(byte)
            default: return nil
            }
        }
        return nil
    }

    /// Section 4.2.3.2. Returns whether what is there is well formed, if anything is.
    mutating func parameters() -> Bool {
        while take(";") {
            _ = take { $0 == 0x20 }
            guard isKey() else { return false }
            if take("="), !isBareItem() { return false }
        }
        return true
    }

    /// Section 4.2.3.3.
    private mutating func isKey() -> Bool {
        guard let first = rest.first, isLower(first) || first == UInt8(ascii: "*") else { return false }
        _ = take { byte in isLower(byte) || isDigit(byte) || "_-.*".utf8.contains(byte) }
        return true
    }

    /// Section 4.2.3.1.
    private mutating func isBareItem() -> Bool {
        guard let first = rest.first else { return false }
        switch first {
        case UInt8(ascii: "\""): return string() != nil
        case UInt8(ascii: "-"): return isNumber(mayBeDecimal: true)
        case UInt8(ascii: "*"):
            return isToken()
        case UInt8(ascii: ":"): return isByteSequence()
        case UInt8(ascii: "?"):
            rest.removeFirst()
            return take("0") || take("1")
        case UInt8(ascii: "@"):
            rest.removeFirst()
            return isNumber(mayBeDecimal: false)
        case UInt8(ascii: "%"): return isDisplayString()
        default: return isDigit(first) ? isNumber(mayBeDecimal: true) : isLetter(first) && isToken()
        }
    }

    /// Section 4.2.4: 15 digits, or 12 with a point and up to three behind it.
    private mutating func isNumber(mayBeDecimal: Bool) -> Bool {
        _ = take("-")
        let whole = take(while: isDigit).count
        guard (1...15).contains(whole) else { return false }
        guard mayBeDecimal, take(".") else { return true }
        return whole <= 12 && (1...3).contains(take(while: isDigit).count)
    }

    /// Section 4.2.6.
    private mutating func isToken() -> Bool {
        !take { byte in Token.holds(byte) || byte == UInt8(ascii: ":") || byte == UInt8(ascii: "/") }.isEmpty
    }

    /// Section 4.2.7: base64, whose padding may be missing.
    private mutating func isByteSequence() -> Bool {
        guard take(":") else { return false }
        let digits = take { isLetter($0) || isDigit($0) || $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "/") }.count
        let padding = take { $0 == UInt8(ascii: "=") }.count
        return take(":") && digits % 4 != 1 && (padding == 0 || (padding < 3 && (digits + padding) % 4 == 0))
    }

    /// Section 4.2.10: UTF-8, of which all that is not visible ASCII is written as `%` and two digits in lower case.
    private mutating func isDisplayString() -> Bool {
        guard take("%"), take("\"") else { return false }
        var bytes: [UInt8] = []
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\""): return String(validating: bytes, as: UTF8.self) != nil
            case UInt8(ascii: "%"):
                let digits = rest.prefix(2)
                guard digits.count == 2, digits.allSatisfy({ isDigit($0) || (0x61...0x66).contains($0) }),
                    let decoded = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
                else { return false }
                rest.removeFirst(2)
                bytes.append(decoded)
            case 0x20...0x7E: bytes.append(byte)
            default: return false
            }
        }
        return false
    }
}

private func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
private func isLower(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte) }
private func isLetter(_ byte: UInt8) -> Bool { isLower(byte | 0x20) }
