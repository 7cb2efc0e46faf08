#if Gateway
/// White space beyond ASCII, which is part of a value for HTTP (RFC 9110, section 5.5) and no part of it for services that
/// strip what they are sent: one value is as many as a client likes, if it counts.
///
/// A byte that is no part of well-formed UTF-8 is what ISO 8859-1 has in its place. That is weighed for bytes that stand
/// alone, and not for those of which UTF-8 makes a letter: `à` (C3 A0) and `х` (D1 85) end with a byte that would be a
/// space, and end many names.
enum StrippedSpace {
    /// Whether a value begins or ends with it.
    static func surrounds(_ value: String) -> Bool {
        // What is all ASCII has none. HTTP has stripped ASCII's own.
        guard let first = value.utf8.first, let last = value.utf8.last, first >= 0x80 || last >= 0x80 else {
            return false
        }
        let scalars = value.unicodeScalars
        return scalars.first.map(isOne) == true || scalars.last.map(isOne) == true
    }

    /// What has the property White_Space (Python, Go, Java's `strip`, .NET), and what JavaScript and older readers strip
    /// besides: marks of byte order, and spaces without a width.
    private static func isOne(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x85, 0xA0, 0x1680, 0x180E, 0x2000...0x200B, 0x2028, 0x2029, 0x202F, 0x205F, 0x2060, 0x3000, 0xFEFF: true
        // The bytes 85 and A0, as ``FieldBytes`` keeps them.
        case 0x10FF85, 0x10FFA0: true
        default: false
        }
    }
}
#endif
