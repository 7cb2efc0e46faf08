#if Gateway
/// The elements of a comma-separated list (RFC 9110, section 5.6.1), the last one first.
///
/// What a proxy adds stands behind what it was sent. Read from the left, a quotation mark that a client has left open
/// would swallow what proxies have added; from the right it is met when those have been read.
struct ListFromRight: Sequence, IteratorProtocol {
    private var rest: ArraySlice<UInt8>
    /// Whether a comma between quotation marks is part of its element.
    private let knowsQuotes: Bool
    private var isOver: Bool

    /// - Parameter value: Of one field, or of several, joined by commas.
    init(_ value: [UInt8], knowsQuotes: Bool) {
        rest = value[...]
        self.knowsQuotes = knowsQuotes
        isOver = value.isEmpty
    }

    /// - Returns: The next element that is not empty, without the whitespace around it. Where a quotation mark has no other,
    ///   all the rest is one, which nobody can read.
    mutating func next() -> ArraySlice<UInt8>? {
        while !isOver {
            let comma = lastComma
            let element = rest[(comma.map { $0 + 1 } ?? rest.startIndex)...].trimmed
            if let comma { rest = rest[..<comma] } else { isOver = true }
            if !element.isEmpty { return element }
        }
        return nil
    }

    private var lastComma: Int? {
        var isQuoted = false
        for place in rest.indices.reversed() {
            switch rest[place] {
            case UInt8(ascii: ",") where !isQuoted: return place
            case UInt8(ascii: "\"") where knowsQuotes && !(isQuoted && isEscaped(place)): isQuoted.toggle()
            default: break
            }
        }
        return nil
    }

    /// Whether an odd number of backslashes stands before it (RFC 9110, section 5.6.4).
    private func isEscaped(_ place: Int) -> Bool {
        rest[..<place].reversed().prefix { $0 == UInt8(ascii: "\\") }.count % 2 == 1
    }
}

extension ArraySlice<UInt8> {
    /// Without spaces and tabs at its ends.
    var trimmed: ArraySlice<UInt8> {
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
        let start = drop(while: isSpace)
        return start[..<(start.lastIndex { !isSpace($0) }.map { $0 + 1 } ?? start.startIndex)]
    }
}
#endif
