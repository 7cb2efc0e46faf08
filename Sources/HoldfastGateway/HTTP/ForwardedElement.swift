#if Gateway
/// One element of `Forwarded` (RFC 7239, section 4): what one proxy said of the request that it received.
struct ForwardedElement {
    /// Who sent it; nil where that has no address, or is not said.
    private(set) var address: IPAddress?
    private(set) var proto: [UInt8]?
    private(set) var host: [UInt8]?

    /// What cannot be read says nothing: neither who sent it, nor how.
    init(_ bytes: ArraySlice<UInt8>) {
        var reader = Reader(bytes)
        var read: [String: [UInt8]] = [:]
        while !reader.isAtEnd {
            // Between two semicolons there may be nothing.
            if reader.passesSemicolon() { continue }
            // A parameter that stands twice could be read in two ways.
            guard let name = reader.name(), let value = reader.value(),
                read.updateValue(value, forKey: name) == nil, reader.isAtEnd || reader.passesSemicolon()
            else { return }
        }
        address = read["for"].flatMap { ForwardedNode.address($0[...]) }
        proto = read["proto"]
        host = read["host"]
    }

    /// `token=value` pairs, whose values are tokens or quoted strings.
    private struct Reader {
        private var rest: ArraySlice<UInt8>

        init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

        var isAtEnd: Bool { rest.isEmpty }

        mutating func passesSemicolon() -> Bool {
            // No whitespace is allowed around it, and some proxies put one there.
            rest = rest.trimmed
            guard rest.first == UInt8(ascii: ";") else { return false }
            rest = rest.dropFirst().trimmed
            return true
        }

        mutating func name() -> String? {
            let name = takeToken()
            guard !name.isEmpty, rest.popFirst() == UInt8(ascii: "=") else { return nil }
            return String(decoding: name, as: UTF8.self).lowercased()
        }

        mutating func value() -> [UInt8]? {
            guard rest.first == UInt8(ascii: "\"") else {
                let value = takeToken()
                return value.isEmpty ? nil : Array(value)
            }
            rest = rest.dropFirst()
            var value: [UInt8] = []
            while let byte = rest.popFirst() {
                switch byte {
                case UInt8(ascii: "\""): return value
                case UInt8(ascii: "\\"):
                    guard let escaped = rest.popFirst() else { return nil }
                    value.append(escaped)
                default: value.append(byte)
                }
            }
            return nil
        }

        /// A colon and brackets are no part of a token, and stand bare in what some proxies write.
        private mutating func takeToken() -> ArraySlice<UInt8> {
            let token = rest.prefix {
                $0 > 0x20 && $0 < 0x7F && !"\"(),/;<=>?@\\{}".utf8.contains($0)
            }
            rest = rest[token.endIndex...]
            return token
        }
    }
}
#endif
