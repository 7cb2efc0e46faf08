#if Gateway
/// A slip of the pen in one line of YAML: what one reads as an option with its value, and YAML as something else.
struct YAMLSlip {
    /// Where it is, in Unicode scalars from the line's start.
    let offset: Int
    /// What is wrong.
    let words: String
    /// What to do about it.
    let remedy: String

    /// For a message that says something else first.
    var hint: String { "; \(words): \(remedy)" }

    /// - Parameter line: Of the file, or of a value that was read from it.
    /// - Returns: Nil where none is seen.
    init?(_ line: some StringProtocol) {
        let scalars = Array(line.unicodeScalars)
        let start = scalars.firstIndex { !Self.isBlank($0) } ?? scalars.count
        guard start < scalars.count, scalars[start] != "#" else { return nil }
        if let tab = scalars[..<start].firstIndex(of: "\t") {
            self.init(tab, "a tab stands in the indentation", "indent with blanks")
            return
        }
        if let odd = scalars[..<start].firstIndex(where: { $0 != " " }) {
            self.init(odd, "\(Self.name(scalars[odd])) stands in the indentation", "indent with blanks")
            return
        }
        var place = start
        // Entries of a list, which may hold another list.
        while place + 1 < scalars.count, scalars[place] == "-", Self.isBlank(scalars[place + 1]) {
            if let tab = scalars[place...].dropFirst().prefix(while: Self.isBlank).firstIndex(of: "\t") {
                self.init(tab, "a tab stands behind '-'", "write a blank")
                return
            }
            place = scalars[place...].dropFirst().firstIndex { !Self.isBlank($0) } ?? scalars.count
        }
        if place + 1 < scalars.count, scalars[place] == "-", Self.isNameStart(scalars[place + 1]) {
            self.init(place + 1, "'-' is not followed by a blank", "write '- \(Self.word(scalars, place + 1))'")
            return
        }
        guard place < scalars.count, Self.isNameStart(scalars[place]) else { return nil }
        let name = Self.word(scalars, place)
        var end = place + name.unicodeScalars.count
        guard end < scalars.count else { return nil }
        if scalars[end] == ":" {
            end += 1
            // Of a URL, `http:` is no option.
            guard end < scalars.count, scalars[end] != " ", !scalars[end...].starts(with: "//".unicodeScalars) else {
                return nil
            }
            guard scalars[end] != "\t" else { return nil }
            let found =
                Self.isBlank(scalars[end])
                ? "'\(name):' is followed by \(Self.name(scalars[end])) and not by a blank"
                : "'\(name):' is not followed by a blank"
            self.init(end, found, "write '\(name): …'")
            return
        }
        let mark = scalars[end...].first { !Self.isBlank($0) }
        if mark == "=" || mark == "\u{FF1A}", let offset = scalars[end...].firstIndex(where: { !Self.isBlank($0) }) {
            let found = mark.map { String($0) } ?? ""
            self.init(offset, "'\(name)' is followed by '\(found)' and not by ':'", "write '\(name): …'")
            return
        }
        return nil
    }

    private init(_ offset: Int, _ words: String, _ remedy: String) {
        (self.offset, self.words, self.remedy) = (offset, words, remedy)
    }

    private static func word(_ scalars: [Unicode.Scalar], _ start: Int) -> String {
        scalars[start...].prefix { isNameStart($0) || ("0"..."9").contains($0) || $0 == "-" || $0 == "_" }
            .map { String($0) }.joined()
    }

    private static func isNameStart(_ scalar: Unicode.Scalar) -> Bool {
        ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar)
    }

    /// What looks like a blank, whether it is one for YAML or not.
    private static func isBlank(_ scalar: Unicode.Scalar) -> Bool {
        scalar == "\t" || scalar.properties.generalCategory == .spaceSeparator
    }

    private static func name(_ scalar: Unicode.Scalar) -> String {
        switch scalar {
        case "\u{A0}", "\u{202F}": "a no-break space"
        case "\t": "a tab"
        default: "the character \(scalar.codePoint)"
        }
    }
}

extension Unicode.Scalar {
    /// `U+00A0`.
    var codePoint: String {
        let digits = String(value, radix: 16, uppercase: true)
        return "U+" + String(repeating: "0", count: max(0, 4 - digits.utf8.count)) + digits
    }
}
#endif
