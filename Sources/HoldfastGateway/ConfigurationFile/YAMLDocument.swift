#if Gateway
import Foundation
import Yams

/// Reads YAML into nodes that know their places, within bounds: a file is at most 4 MiB, nested at most 1,000 deep (which
/// libyaml sees to), and means no more than it says, since anchors and aliases are refused.
enum YAMLDocument {
    static let byteLimit = 4 << 20

    /// - Throws: A mistake: text that is no YAML cannot be read beyond it.
    static func compose(_ bytes: [UInt8], file: String) throws(ConfigurationMistake) -> Node? {
        let text = try YAMLText(bytes, file: file)
        let readable = try withoutReferences(text, file: file)
        do {
            // The values' own readers say what a value is, so that `off`, `no` and `010` are never taken for another type.
            return try Yams.compose(yaml: readable, .basic, .default, .utf8)
        } catch {
            throw mistake(error, in: text, file: file)
        }
    }

    /// Refuses anchors and aliases before anything is composed: a few lines of them can stand for more values than there
    /// is memory. What looks like one in a line of comment is blanked, so that nobody has to decide whether it is one.
    private static func withoutReferences(_ text: YAMLText, file: String) throws(ConfigurationMistake) -> String {
        var lines: [Substring] = []
        for (number, line) in text.lines.enumerated() {
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

    /// The column of an `&` or `*` with a name behind it, where a value may begin.
    private static func placeOfReference(in line: Substring) -> Int? {
        guard line.utf8.contains(where: { $0 == UInt8(ascii: "&") || $0 == UInt8(ascii: "*") }) else { return nil }
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

    private static func mistake(_ error: any Error, in text: YAMLText, file: String) -> ConfigurationMistake {
        func at(_ mark: Mark?, _ message: String) -> ConfigurationMistake {
            ConfigurationMistake(file: file, line: mark?.line, column: mark?.column, message: message)
        }
        func fault(_ fault: YAMLFault) -> ConfigurationMistake {
            ConfigurationMistake(
                file: file, line: fault.place.line, column: fault.place.column, message: fault.words)
        }
        // Not the error's own description, which quotes the line, and with it perhaps a secret.
        return switch error as? YamlError {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            fault(YAMLFault(in: text, problem, at: mark, context: context?.mark))
        case .duplicatedKeysInMapping(let names, let context):
            at(context.mark, "\(names.map(shown).joined(separator: ", ")) is given twice, but must be given once")
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
