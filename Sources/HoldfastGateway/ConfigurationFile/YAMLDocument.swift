#if Gateway
import Foundation
import Yams

/// Reads YAML into nodes that know their places, within bounds: a file is at most 4 MiB, nested at most 1,000 deep (which
/// libyaml sees to), and means no more than it says, since anchors and aliases are refused.
enum YAMLDocument {
    static let byteLimit = 4 << 20

    /// - Throws: A mistake: text that is no YAML cannot be read beyond it.
    static func compose(_ bytes: [UInt8], file: String) throws(ConfigurationMistake) -> Node? {
        guard !bytes.starts(with: [0xEF, 0xBB, 0xBF]) else {
            throw ConfigurationMistake(
                file: file, line: 1, column: 1,
                message:
                    "the file begins with a byte order mark, but must begin with its text: save it as UTF-8 without one"
            )
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ConfigurationMistake(file: file, line: nil, column: nil, message: "the file must be text in UTF-8")
        }
        let readable = try withoutReferences(text, file: file)
        do {
            // The values' own readers say what a value is, so that `off`, `no` and `010` are never taken for another type.
            return try Yams.compose(yaml: readable, .basic, .default, .utf8)
        } catch {
            throw mistake(error, file: file)
        }
    }

    /// Refuses anchors and aliases before anything is composed: a few lines of them can stand for more values than there
    /// is memory. What looks like one in a line of comment is blanked, so that nobody has to decide whether it is one.
    private static func withoutReferences(_ text: String, file: String) throws(ConfigurationMistake) -> String {
        guard text.utf8.contains(where: { $0 == UInt8(ascii: "&") || $0 == UInt8(ascii: "*") }) else { return text }
        var lines: [Substring] = []
        for (number, line) in text.split(omittingEmptySubsequences: false, whereSeparator: isBreak).enumerated() {
            guard let column = placeOfReference(in: line) else {
                lines.append(line)
                continue
            }
            guard line.drop(while: { $0 == " " || $0 == "\t" }).first == "#" else {
                throw ConfigurationMistake(
                    file: file, line: number + 1, column: column,
                    message: "this reads like an anchor or alias, but must be the value itself: "
                        + "write it out, or quote it (\"*.example.com\")")
            }
            lines.append("#")
        }
        return lines.joined(separator: "\n")
    }

    /// Whether a line ends here for YAML. Vertical tabs and form feeds, which end one elsewhere, it does not allow.
    private static func isBreak(_ character: Character) -> Bool {
        character.isNewline && character != "\u{B}" && character != "\u{C}"
    }

    /// The column of an `&` or `*` with a name behind it, where a value may begin.
    private static func placeOfReference(in line: Substring) -> Int? {
        var before: Unicode.Scalar = " "
        let scalars = Array(line.unicodeScalars)
        for (place, scalar) in scalars.enumerated() {
            defer { before = scalar }
            guard scalar == "&" || scalar == "*", " \t[{,:?-".unicodeScalars.contains(before) || !before.isASCII,
                place + 1 < scalars.count
            else { continue }
            let next = scalars[place + 1]
            // Any name that libyaml takes, and what other readers would.
            guard !" \t]},".unicodeScalars.contains(next) else { continue }
            return place + 1
        }
        return nil
    }

    private static func mistake(_ error: any Error, file: String) -> ConfigurationMistake {
        func at(_ mark: Mark?, _ message: String) -> ConfigurationMistake {
            ConfigurationMistake(file: file, line: mark?.line, column: mark?.column, message: message)
        }
        // Not the error's own description, which quotes the line, and with it perhaps a secret.
        return switch error as? YamlError {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            at(mark, "no YAML: \(context.map { "\($0.text), " } ?? "")\(problem)")
        case .duplicatedKeysInMapping(let names, let context):
            at(context.mark, "\(names.map(shown).joined(separator: ", ")) is given twice, but must be given once")
        case .reader(let problem, _, _, _): at(nil, "no YAML: \(problem)")
        default: at(nil, "no YAML")
        }
    }
}

/// A text as a message shows it: short, on one line, and in quotes where it would not stand out.
func shown(_ text: String) -> String {
    guard !text.isEmpty else { return "empty" }
    var short = ""
    for scalar in text.unicodeScalars.prefix(64) {
        short += scalar.value < 0x20 || scalar.value == 0x7F ? "?" : String(scalar)
    }
    if text.unicodeScalars.count > 64 { short += "…" }
    return short.contains(" ") ? "'\(short)'" : short
}
#endif
