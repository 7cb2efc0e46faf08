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

    /// What a mark ends.
    enum Mark: UInt8 {
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
    private let bytes: [UInt8]
    let marks: Marks
    /// Whether there are more readings than are weighed: too many kinds of marks, or one within what another may cut off, so
    /// that it matters which a service looks for first.
    let isAmbiguous: Bool
    /// Whether it has control characters. Where a service's expression ends with `$`, `/charges%0A` is `/charges`.
    let hasControls: Bool
    /// Whether it has a character of ASCII in more bytes than one: some decoders take it, and others put U+FFFD there.
    let hasLongForms: Bool

    /// - Parameter path: Without a query. What is no percent-encoding stands for itself.
    init(_ path: UnsafeBufferPointer<UInt8>) {
        var (marks, isAmbiguous, hasControls, hasLongForms) = (Marks(), false, false, false)
        bytes = [UInt8](unsafeUninitializedCapacity: path.count) { room, count in
            var decoder = Decoder(room)
            decoder.decode(path)
            (marks, isAmbiguous) = (decoder.marks, decoder.isAmbiguous)
            (hasControls, hasLongForms) = (decoder.hasControls, decoder.hasLongForms)
            count = decoder.count
        }
        // Parameters may be all that the first segment has.
        if bytes.count > 1, bytes[1] == UInt8(ascii: "/") || Mark(tag: bytes[1]).map({ $0 != .query }) == true {
            marks.insert(.host)
        }
        (self.marks, self.hasControls, self.hasLongForms) = (marks, hasControls, hasLongForms)
        self.isAmbiguous = isAmbiguous || marks.count > Self.weighed
    }

    init(_ path: some Collection<UInt8>) {
        self = path.withContiguousStorageIfAvailable { Self($0) } ?? Array(path).withUnsafeBufferPointer { Self($0) }
    }

    /// The reading that all spellings have in common which some service takes for the same; nil where there is none, because
    /// it matters what a service looks for first.
    var common: String? { isAmbiguous || marks.contains(.host) ? nil : path(taking: .all) }

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
        // A slash at each end, and every byte once at the most.
        String(unsafeUninitializedCapacity: bytes.count + 2) { room in
            var reading = Reading(room, skipsHost: taken.contains(.host) && marks.contains(.host))
            for byte in bytes {
                guard let mark = Mark(tag: byte) else {
                    if byte == UInt8(ascii: "/") { reading.endSegment() } else { reading.append(byte) }
                    continue
                }
                guard taken.contains(Marks(tag: byte)) else {
                    reading.append(Mark.untaken + mark.rawValue)
                    continue
                }
                switch mark {
                case .slash, .backslash: reading.endSegment()
                case .parameters: reading.isCut = true
                case .query: return reading.end()
                }
            }
            return reading.end()
        }
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
    init(tag: UInt8) { self.init(rawValue: 1 << UInt16(tag)) }
}
#endif
