#if Gateway
public import Holdfast

/// Which paths a route takes: one path, a template with names for segments, or everything below a prefix.
///
/// `/charges` is that path alone; `/charges/{id}` any one segment after it; `/charges/*` everything below `/charges/`, and
/// `/charges` itself. Paths are compared normalized (RFC 3986, section 6.2.2): a letter is the same whether or not it is
/// percent-encoded, a slash is not. The gateway refuses paths with `.` and `..` segments, which one reader resolves and
/// another does not, and those that a service may read as another route's.
public struct PathPattern: Sendable, Hashable, CustomStringConvertible {
    private enum Segment: Sendable, Hashable {
        case literal(String)
        /// Any one, under a name.
        case named(String)

        var isNamed: Bool { if case .named = self { true } else { false } }
    }

    private let segments: [Segment]
    private let isPrefix: Bool
    public let description: String

    /// Every path.
    public static let any = PathPattern(segments: [], isPrefix: true, description: "/*")

    private init(segments: [Segment], isPrefix: Bool, description: String) {
        self.segments = segments
        self.isPrefix = isPrefix
        self.description = description
    }

    /// Reads a pattern.
    ///
    /// - Throws: `ConfigurationError` for what is none: at most 1,024 bytes and 64 segments, beginning with `/`.
    public init(_ text: String) throws(ConfigurationError) {
        func wrong(_ allowed: String) -> ConfigurationError {
            ConfigurationError(option: "path", value: text, allowed: allowed)
        }
        guard text.hasPrefix("/"), text.utf8.count <= 1_024, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw wrong("a path that begins with '/', of at most 1024 visible characters")
        }
        guard !text.contains("?"), !text.contains("#") else { throw wrong("a path without a query") }
        var parts = text.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        isPrefix = parts.last == "*"
        if isPrefix { parts.removeLast() }
        guard parts.count <= 64 else { throw wrong("a path of at most 64 segments") }
        var segments: [Segment] = []
        for part in parts {
            if part.hasPrefix("{"), part.hasSuffix("}"), part.utf8.count > 2 {
                segments.append(.named(String(part.dropFirst().dropLast())))
            } else if part.contains(where: { "{}*".contains($0) }) {
                throw wrong("'{name}' for a whole segment, and '*' for all that follow, at the end")
            } else {
                guard let literal = RequestTarget.normalized(path: "/\(part)") else {
                    throw wrong(
                        "a path without '.' and '..' segments, control characters and '\\', in which '%' begins an encoding"
                    )
                }
                segments.append(.literal(String(literal.dropFirst())))
            }
        }
        self.segments = segments
        description = text
    }

    /// What its own names have that some services take for the end of a segment, or of the path.
    var marks: PathReadings.Marks {
        segments.reduce(into: []) { marks, segment in
            if case .literal(let text) = segment { marks.formUnion(PathReadings(text.utf8).marks) }
        }
    }

    /// The pattern of the paths that a service takes for one of these, if it reads as ``PathReadings/path(taking:)`` does.
    func read(taking marks: PathReadings.Marks) -> PathPattern {
        var read: [Segment] = []
        for segment in segments {
            guard case .literal(let text) = segment else {
                read.append(segment)
                continue
            }
            let path = PathReadings("/\(text)".utf8).path(taking: marks)
            read += path.split(separator: "/").map { .literal(String($0)) }
        }
        // The root.
        if read.isEmpty, !isPrefix { read = [.literal("")] }
        return PathPattern(segments: read, isPrefix: isPrefix, description: description)
    }

    /// The first segment that a path must have; nil if any will do.
    var firstSegment: Substring? {
        if case .literal(let text)? = segments.first { text[...] } else { nil }
    }

    /// Whether a path, without its query, is one of these.
    public func matches(_ path: Substring.UTF8View) -> Bool {
        var rest = path
        guard rest.popFirst() == UInt8(ascii: "/") else { return false }
        var isOver = false
        for (place, segment) in segments.enumerated() {
            if isOver { return false }
            let end = rest.firstIndex(of: UInt8(ascii: "/")) ?? rest.endIndex
            let part = rest[..<end]
            switch segment {
            case .literal(let text): guard part.elementsEqual(text.utf8) else { return false }
            case .named: guard !part.isEmpty else { return false }
            }
            isOver = end == rest.endIndex
            if !isOver { rest = rest[rest.index(after: end)...] }
            if place == segments.count - 1 { return isPrefix || isOver }
        }
        return isPrefix || rest.isEmpty
    }

    /// Whether it takes the same paths, said in the same way.
    func isSame(as other: PathPattern) -> Bool { segments == other.segments && isPrefix == other.isPrefix }

    /// The names that it has for segments.
    var names: Set<String> { Set(segments.compactMap { if case .named(let name) = $0 { name } else { nil } }) }

    /// What a path that is one of these has where the pattern has names.
    func values(in path: Substring) -> [String: Substring] {
        var values: [String: Substring] = [:]
        for (segment, part) in zip(segments, path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)) {
            if case .named(let name) = segment { values[name] = part }
        }
        return values
    }

    /// Whether every path that is one of another pattern's is one of these.
    func covers(_ other: PathPattern) -> Bool {
        if segments.isEmpty, isPrefix { return true }
        guard other.segments.count >= segments.count, isPrefix || !other.isPrefix else { return false }
        guard isPrefix || other.segments.count == segments.count else { return false }
        return zip(segments, other.segments).allSatisfy { mine, theirs in
            // An empty segment is none that a name stands for.
            mine == theirs || (mine.isNamed && theirs != .literal(""))
        }
    }
}
#endif
