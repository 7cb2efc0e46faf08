#if Gateway
/// What one pass over the bytes of a path and a query finds: what no target may have, where the path ends, and whether
/// all who read the path read the same.
struct TargetScan {
    /// What a path has that somebody reads as something else.
    struct Traits: OptionSet {
        let rawValue: UInt8

        /// Letters in upper case, which some compare with lower case.
        static let upperCase = Traits(rawValue: 1)
        /// Percent-encodings.
        static let encoded = Traits(rawValue: 2)
        /// Parameters (`;`).
        static let parameters = Traits(rawValue: 4)
        /// Empty segments, a slash at the end, or a dot at the end of a segment.
        static let loose = Traits(rawValue: 8)
    }

    /// Why there is no request for such a target.
    enum Fault: Error, Equatable {
        case notAPath, forbiddenByte, notASCII, fragment, backslash, dotSegments, badEncoding, encodedControl, longForm
    }

    private(set) var pathLength: Int
    private(set) var traits: Traits = []
    private(set) var fault: Fault?

    /// - Parameter bytes: What begins with the path.
    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        pathLength = bytes.count
        guard bytes.first == UInt8(ascii: "/") else {
            fault = .notAPath
            return
        }
        var (position, previous) = (0, UInt8(ascii: "a"))
        reading: while position < bytes.count {
            let byte = bytes[position]
            if !Self.isPlain(byte) {
                switch byte {
                case UInt8(ascii: "/"):
                    if previous == byte || previous == UInt8(ascii: ".") { traits.insert(.loose) }
                case UInt8(ascii: "."):
                    if previous == UInt8(ascii: "/"), Self.isDotSegment(bytes, from: position) {
                        fault = fault ?? .dotSegments
                    }
                case 0x41...0x5A: traits.insert(.upperCase)
                case UInt8(ascii: "%"): traits.insert(.encoded)
                case UInt8(ascii: ";"): traits.insert(.parameters)
                case UInt8(ascii: "?"): break reading
                case UInt8(ascii: "\\"): fault = fault ?? .backslash
                default: fault = fault ?? Self.fault(of: byte)
                }
            }
            previous = byte
            position += 1
        }
        pathLength = position
        if previous == UInt8(ascii: "."), position > 1 { traits.insert(.loose) }
        if previous == UInt8(ascii: "/"), position > 1 { traits.insert(.loose) }
        // Nothing decides on the query, and the service is sent it byte by byte.
        while position < bytes.count {
            let byte = bytes[position]
            if byte <= 0x20 || byte >= 0x7F || byte == UInt8(ascii: "#") { fault = fault ?? Self.fault(of: byte) }
            position += 1
        }
    }

    /// Whether all who read the path read these bytes.
    var isPlain: Bool { traits.isEmpty }

    private static func fault(of byte: UInt8) -> Fault {
        byte == UInt8(ascii: "#") ? .fragment : byte >= 0x80 ? .notASCII : .forbiddenByte
    }

    /// Whether the segment that begins here is `.` or `..`.
    private static func isDotSegment(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Bool {
        var end = start + 1
        if end < bytes.count, bytes[end] == UInt8(ascii: ".") { end += 1 }
        return end == bytes.count || bytes[end] == UInt8(ascii: "/") || bytes[end] == UInt8(ascii: "?")
    }

    /// Whether a byte means itself to everybody: of the visible ones all but letters in upper case and `/ . % ; ? \ #`. A bit
    /// for each.
    private static func isPlain(_ byte: UInt8) -> Bool {
        let half: UInt64 = byte < 0x40 ? 0x77FF_3FD6_0000_0000 : 0x7FFF_FFFF_E800_0001
        return byte < 0x80 && half >> UInt64(byte & 0x3F) & 1 == 1
    }
}
#endif
