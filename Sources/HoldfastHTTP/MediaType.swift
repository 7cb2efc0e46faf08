/// What a body is, as `Content-Type` says it: `text/html; charset=utf-8`. Two that mean the same are equal, however they
/// are written (RFC 9110, section 8.3.1).
///
/// The type, the subtype and the names of parameters are compared without regard to case, a value as it is, and that of
/// `charset` without regard to case; in quotes or not, with whitespace around or not, in this order or in another.
public struct MediaType: Sendable, Hashable {
    /// In lower case.
    public let type: String
    /// In lower case.
    public let subtype: String
    /// By their names, in lower case.
    public let parameters: [String: String]

    /// The most `;`, and so the most parameters. Media types in use have two or three; each costs a microsecond, and a
    /// stranger would have thousands.
    static let parameterBound = 32

    /// Reads a field's value. Nil for what is none, for one with more than 32 parameters, and for one that names a
    /// parameter twice, which readers understand differently. A value that is not in quotes may have characters that would need them, but `"`, `,`, `;` and `\`:
    /// boundaries are often written so.
    public init?(_ text: String) {
        var reader = Reader(rest: Array(text.utf8)[...])
        reader.skipSpace()
        guard let type = reader.token(), reader.take("/"), let subtype = reader.token() else { return nil }
        var parameters: [String: String] = [:]
        var left = Self.parameterBound
        reader.skipSpace()
        while reader.take(";") {
            guard left > 0 else { return nil }
            left -= 1
            reader.skipSpace()
            // `;` may stand alone.
            if reader.rest.isEmpty || reader.rest.first == UInt8(ascii: ";") { continue }
            guard let name = reader.token()?.lowercased(), reader.take("="), let value = reader.value(),
                parameters[name] == nil
            else { return nil }
            parameters[name] = name == "charset" ? value.lowercased() : value
            reader.skipSpace()
        }
        guard reader.rest.isEmpty else { return nil }
        self.type = type.lowercased()
        self.subtype = subtype.lowercased()
        self.parameters = parameters
    }
}

private struct Reader {
    var rest: ArraySlice<UInt8>

    mutating func skipSpace() { rest = rest.drop { $0 == 0x20 || $0 == 0x09 } }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard rest.first == UInt8(ascii: character) else { return false }
        rest.removeFirst()
        return true
    }

    mutating func token() -> String? { run(Token.holds) }

    mutating func value() -> String? {
        guard rest.first == UInt8(ascii: "\"") else {
            return run { $0 > 0x20 && $0 < 0x7F && !"\",;\\".utf8.contains($0) }
        }
        rest.removeFirst()
        var value: [UInt8] = []
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: value, as: UTF8.self)
            case UInt8(ascii: "\\"):
                guard let escaped = rest.popFirst(), Self.isText(escaped) else { return nil }
                value.append(escaped)
            default:
                guard Self.isText(byte) else { return nil }
                value.append(byte)
            }
        }
        return nil
    }

    private static func isText(_ byte: UInt8) -> Bool { byte == 0x09 || (byte >= 0x20 && byte != 0x7F) }

    private mutating func run(_ isPart: (UInt8) -> Bool) -> String? {
        let part = rest.prefix(while: isPart)
        guard !part.isEmpty else { return nil }
        rest = rest[part.endIndex...]
        return String(decoding: part, as: UTF8.self)
    }
}
