#if Gateway
/// The text of a configuration file as lines, with what no YAML may hold found before YAML is looked for.
struct YAMLText {
    let lines: [Substring]

    /// - Throws: A mistake at its place: text that is not UTF-8, marks of byte order, control characters.
    init(_ bytes: [UInt8], file: String) throws(ConfigurationMistake) {
        func mistake(_ line: Int, _ column: Int, _ message: String) -> ConfigurationMistake {
            ConfigurationMistake(file: file, line: line, column: column, message: message)
        }
        guard !bytes.starts(with: [0xEF, 0xBB, 0xBF]) else {
            throw mistake(
                1, 1,
                "the file begins with a byte order mark, but must begin with its text: save it as UTF-8 without one")
        }
        guard !bytes.starts(with: [0xFF, 0xFE]), !bytes.starts(with: [0xFE, 0xFF]) else {
            throw mistake(1, 1, "the file begins with UTF-16's byte order mark, but must be UTF-8: save it as that")
        }
        // Each byte that is no UTF-8 is read as U+FFFD, which is right if it was there before.
        let text = String(decoding: bytes, as: UTF8.self)
        lines = text.split(omittingEmptySubsequences: false, whereSeparator: Self.isBreak)
        if !text.utf8.elementsEqual(bytes) {
            let (line, column) = Self.place(in: Self.validPrefix(of: bytes))
            throw mistake(line, column, "a byte here is no UTF-8: save the file as UTF-8")
        }
        for (number, line) in lines.enumerated() {
            for (place, scalar) in line.unicodeScalars.enumerated() where Self.isForbidden(scalar) {
                let words =
                    scalar == "\u{FEFF}"
                    ? "a byte order mark stands here: take it out"
                    : "the character \(scalar.codePoint) stands here, which YAML does not allow"
                throw mistake(number + 1, place + 1, words)
            }
        }
    }

    /// Whether a line ends here for YAML. Vertical tabs and form feeds, which end one elsewhere, it does not allow.
    static func isBreak(_ character: Character) -> Bool {
        character.isNewline && character != "\u{B}" && character != "\u{C}"
    }

    /// YAML 1.1, section 4.1.1. A byte order mark it does allow, and readers differ about what it is.
    private static func isForbidden(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x09, 0x0A, 0x0D, 0x85: false
        case 0..<0x20, 0x7F..<0xA0, 0xFEFF, 0xFFFE, 0xFFFF: true
        default: false
        }
    }

    private static func validPrefix(of bytes: [UInt8]) -> String {
        var (parser, rest, count) = (Unicode.UTF8.ForwardParser(), bytes.makeIterator(), 0)
        while case .valid(let scalar) = parser.parseScalar(from: &rest) { count += scalar.count }
        return String(decoding: bytes[..<count], as: UTF8.self)
    }

    /// Where the next character would be.
    private static func place(in prefix: String) -> (line: Int, column: Int) {
        let lines = prefix.split(omittingEmptySubsequences: false, whereSeparator: isBreak)
        return (max(1, lines.count), (lines.last?.unicodeScalars.count ?? 0) + 1)
    }
}
#endif
