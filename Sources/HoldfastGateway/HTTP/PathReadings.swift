#if Gateway
/// How services may read one path: each more freely than it is spelled.
///
/// They differ in much that RFC 3986 leaves to them. Some compare letters in any case, merge slashes, pass over one at the
/// end, decode twice, or trim. Where that is all, there is one freest reading, and whatever a service makes of the path has
/// the same freest reading as the path. But some characters (``Marks``) end a segment, or the path, for one service and are
/// part of a name for another: for each kind that occurs there are two readings, and both count.
struct PathReadings {
    /// The characters that end something for one service and nothing for another, by what they are and how often they are
    /// encoded: a service decodes once what it takes for a slash, or twice, or never.
    struct Marks: OptionSet, Hashable {
        let rawValue: UInt16

        static let all = Marks(rawValue: .max)
        /// Two slashes at the start, behind which some look for a host: to them `//x/charges` is `/charges` at `x` (RFC 3986,
        /// section 4.2).
        static let host = Marks(rawValue: 1 << 13)

        /// Each with and without, for as many kinds as are weighed.
        var subsets: [Marks] {
            var subsets: [Marks] = [[]]
            var rest = rawValue
            while rest != 0 {
                let lowest = Marks(rawValue: rest & (~rest &+ 1))
                subsets += subsets.map { $0.union(lowest) }
                rest &= rest &- 1
            }
            return subsets
        }

        var count: Int { rawValue.nonzeroBitCount }
    }

    private enum Mark: UInt8 {
        case slash, backslash
        /// Up to the end of the segment.
        case parameters
        /// Up to the end of the path: a query or a fragment.
        case query

        /// What is read where nobody takes it for a mark. Control characters are refused, so their bytes are free.
        static let untaken: UInt8 = 0x1C
        /// `1 + kind * 3 + depth`.
        static let tags: ClosedRange<UInt8> = 1...12

        func tag(depth: Int) -> UInt8 { 1 + rawValue * 3 + UInt8(depth) }

        init?(tag: UInt8) {
            guard Self.tags.contains(tag) else { return nil }
            self.init(rawValue: (tag - 1) / 3)
        }

        var isSlash: Bool { self == .slash || self == .backslash }

        var character: UInt8 {
            switch self {
            case .slash: UInt8(ascii: "/")
            case .backslash: UInt8(ascii: "\\")
            case .parameters: UInt8(ascii: ";")
            case .query: UInt8(ascii: "?")
            }
        }
    }

    /// How many kinds of marks are weighed in one path.
    static let weighed = 2

    /// The path, decoded to its end and in lower case, with tags for marks.
    private var bytes: [UInt8] = []
    private(set) var marks: Marks = []
    /// Whether there are more readings than are weighed: too many kinds of marks, or one within what another may cut off, so
    /// that it matters which a service looks for first.
    private(set) var isAmbiguous = false
    /// Whether it has control characters. Where a service's expression ends with `$`, `/charges%0A` is `/charges`.
    private(set) var hasControls = false
    private var isInParameters = false

    /// - Parameter path: Without a query. What is no percent-encoding stands for itself.
    init(_ path: some Collection<UInt8>) {
        bytes.reserveCapacity(path.count)
        var rest = path[...]
        while let byte = rest.popFirst() {
            let digits = rest.prefix(2)
            if byte == UInt8(ascii: "%"), digits.count == 2, let high = digits.first,
                let low = digits.dropFirst().first,
                let value = PercentEncoding.value(high, low)
            {
                rest.removeFirst(2)
                push(value, depth: 1)
            } else {
                push(byte, depth: 0)
            }
        }
        // Parameters may be all that the first segment has.
        if bytes.count > 1, bytes[1] == UInt8(ascii: "/") || Mark(tag: bytes[1]).map({ $0 != .query }) == true {
            marks.insert(.host)
        }
        if marks.count > Self.weighed { isAmbiguous = true }
    }

    /// The reading that all spellings have in common which some service takes for the same; nil where there is none, because
    /// it matters what a service looks for first.
    var common: String? { isAmbiguous || marks.contains(.host) ? nil : path(taking: .all) }

    // MARK: Decoding

    private mutating func push(_ byte: UInt8, depth: Int) {
        append(byte, depth: depth)
        // What was decoded may complete another encoding.
        while let byte = takeEncoding() { append(byte, depth: 2) }
    }

    private mutating func append(_ byte: UInt8, depth: Int) {
        switch byte {
        case UInt8(ascii: "/") where depth == 0:
            isInParameters = false
            bytes.append(byte)
        case UInt8(ascii: "/"): append(.slash, depth)
        case UInt8(ascii: "\\"): append(.backslash, depth)
        case UInt8(ascii: ";"): append(.parameters, depth)
        case UInt8(ascii: "?"), UInt8(ascii: "#"): append(.query, depth)
        case 0x41...0x5A: bytes.append(byte | 0x20)
        case 0..<0x20, 0x7F: hasControls = true
        default: bytes.append(byte)
        }
    }

    private mutating func append(_ mark: Mark, _ depth: Int) {
        if mark == .parameters { isInParameters = true } else if isInParameters { isAmbiguous = true }
        let tag = mark.tag(depth: depth)
        marks.insert(Marks(tag: tag))
        bytes.append(tag)
    }

    /// Takes away an encoding at the end of what was decoded, and returns what it stands for.
    private mutating func takeEncoding() -> UInt8? {
        guard let last = bytes.last, bytes.count > 1 else { return nil }
        if last < 0x80 {
            guard bytes.count > 2, bytes[bytes.count - 3] == UInt8(ascii: "%"),
                let value = PercentEncoding.value(bytes[bytes.count - 2], last)
            else { return nil }
            bytes.removeLast(3)
            return value
        }
        guard let (scalar, length) = ASCIITwins.lastScalar(of: bytes), let twin = ASCIITwins.twin(of: scalar) else {
            return nil
        }
        bytes.removeLast(length)
        return twin
    }

    // MARK: Reading

    /// Whether a segment is `.` or `..` to somebody. Which services resolve them, and when, nobody can know.
    var hasDotSegments: Bool {
        var (length, dots, isSegment) = (0, 0, false)
        func isDots() -> Bool { isSegment && length == dots && (1...2).contains(dots) }
        for byte in bytes {
            let mark = Mark(tag: byte)
            if byte == UInt8(ascii: "/") || mark != nil {
                if isDots() { return true }
                (length, dots) = (0, 0)
                isSegment = byte == UInt8(ascii: "/") || mark?.isSlash == true
            } else if byte != UInt8(ascii: " ") {
                length += 1
                if byte == UInt8(ascii: ".") { dots += 1 }
            }
        }
        return isDots()
    }

    /// The path as somebody reads it who takes these marks for ends, and the others for parts of names: in lower case,
    /// without empty segments, and segments without spaces around them and dots at their end.
    func path(taking taken: Marks) -> String {
        var path: [UInt8] = []
        path.reserveCapacity(bytes.count)
        var name: [UInt8] = []
        var isCut = false
        var isHost = taken.contains(.host) && marks.contains(.host)
        func endSegment() {
            let trimmed = Self.trimmed(name)
            if isHost, !trimmed.isEmpty {
                isHost = false
            } else if !trimmed.isEmpty {
                path.append(UInt8(ascii: "/"))
                path.append(contentsOf: trimmed)
            }
            name.removeAll(keepingCapacity: true)
            isCut = false
        }
        reading: for byte in bytes {
            let mark = Mark(tag: byte).flatMap { taken.contains(Marks(tag: byte)) ? $0 : nil }
            switch mark {
            case .slash?, .backslash?: endSegment()
            case .parameters?: isCut = true
            case .query?: break reading
            case nil where byte == UInt8(ascii: "/"): endSegment()
            case nil:
                guard !isCut else { continue }
                name.append(Mark(tag: byte).map { Mark.untaken + $0.rawValue } ?? byte)
            }
        }
        endSegment()
        return path.isEmpty ? "/" : String(decoding: path, as: UTF8.self)
    }

    /// A name that would be nothing is left as it is: no segment comes or goes by being trimmed.
    private static func trimmed(_ name: [UInt8]) -> ArraySlice<UInt8> {
        var rest = name[...].drop { $0 == UInt8(ascii: " ") }
        while let last = rest.last, last == UInt8(ascii: " ") || last == UInt8(ascii: ".") { rest.removeLast() }
        return rest.isEmpty ? name[...] : rest
    }

    /// A reading as a target spells it.
    static func spelled(_ reading: String) -> String {
        reading.utf8.reduce(into: "") { text, byte in
            if let mark = Mark(rawValue: byte &- Mark.untaken) {
                text += PercentEncoding.encoded(CollectionOfOne(mark.character))
            } else {
                text += PercentEncoding.encoded(CollectionOfOne(byte), keeping: UInt8(ascii: "/"))
            }
        }
    }
}

extension PathReadings.Marks {
    fileprivate init(tag: UInt8) { self.init(rawValue: 1 << UInt16(tag)) }
}
#endif
