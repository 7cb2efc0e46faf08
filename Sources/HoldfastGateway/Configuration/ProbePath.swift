#if Gateway
public import Holdfast

/// Where the service is asked what became of a key: `/charges/by-key/{key}`.
///
/// `{key}` stands for the key, and any other name for what the request's path has where the route's path has that name.
/// Values are percent-encoded, every byte but letters, digits, `-`, `.`, `_` and `~`, so that none of them ends a segment
/// or begins a query.
public struct ProbePath: Sendable, Hashable, CustomStringConvertible {
    private enum Part: Sendable, Hashable {
        case literal(String)
        case value(of: String)
    }

    /// What the key's place is called.
    static let key = "key"
    static let allowed = "a path that begins with '/', of at most 1024 visible characters, with {key} in it"

    private let parts: [Part]
    public let description: String

    /// Reads a template, which may have a query.
    ///
    /// - Throws: `ConfigurationError` for what is none. One without `{key}` would find the effect of another key.
    public init(_ text: String) throws(ConfigurationError) {
        func wrong(_ allowed: String) -> ConfigurationError {
            ConfigurationError(option: "path", value: text, allowed: allowed)
        }
        guard text.hasPrefix("/"), text.utf8.count <= 1_024, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }),
            !text.contains("#")
        else { throw wrong(Self.allowed) }
        var parts: [Part] = []
        var rest = text[...]
        while let open = rest.firstIndex(where: { "{}".contains($0) }) {
            let inside = rest[rest.index(after: open)...]
            guard rest[open] == "{", let close = inside.firstIndex(where: { "{}".contains($0) }),
                inside[close] == "}", close > inside.startIndex
            else { throw wrong("a path in which braces hold a name: {key}, {id}") }
            parts.append(.literal(String(rest[..<open])))
            parts.append(.value(of: String(inside[..<close])))
            rest = inside[inside.index(after: close)...]
        }
        parts.append(.literal(String(rest)))
        guard parts.contains(.value(of: Self.key)) else { throw wrong(Self.allowed) }
        let sample = parts.map { if case .literal(let text) = $0 { text } else { "x" } }.joined()
        guard RequestTarget.normalized(path: sample) != nil else {
            throw wrong(
                "a path without '.' and '..' segments, control characters and '\\', in which '%' begins an encoding")
        }
        self.parts = parts
        description = text
    }

    /// The names that stand for parts of the request's path.
    var names: Set<String> {
        Set(parts.compactMap { if case .value(let name) = $0, name != Self.key { name } else { nil } })
    }

    /// The target of the request that asks.
    ///
    /// - Parameters:
    ///   - path: The request's path, as it was sent: what is encoded in it is not encoded twice.
    ///   - pattern: The route's.
    /// - Returns: Nil where a value would lead to another path: one of its segments is `.` or `..`.
    func target(asking key: IdempotencyKey, path: Substring, of pattern: PathPattern) -> String? {
        let values = pattern.values(in: path)
        var target = ""
        for part in parts {
            switch part {
            case .literal(let text): target += text
            case .value(let name):
                let value = name == Self.key ? Array(key.description.utf8) : (values[name] ?? "").percentDecoded
                // Readers differ in when they decode, and some take a backslash for a slash.
                let segments = value.split { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") }
                guard !segments.contains(where: { $0 == [0x2E] || $0 == [0x2E, 0x2E] }) else { return nil }
                target += PercentEncoding.encoded(value)
            }
        }
        // It is read as requests are, but sent as it is.
        return RequestTarget.normalized(path: target) == nil ? nil : target
    }
}

extension Substring {
    /// What is not two digits after a percent sign stands for itself.
    fileprivate var percentDecoded: [UInt8] {
        var (bytes, rest) = ([UInt8](), utf8)
        while let byte = rest.popFirst() {
            let digits = rest.prefix(2)
            if byte == UInt8(ascii: "%"), digits.count == 2, !digits.contains(UInt8(ascii: "+")),
                let value = UInt8(Substring(digits), radix: 16)
            {
                bytes.append(value)
                rest.removeFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return bytes
    }
}
#endif
