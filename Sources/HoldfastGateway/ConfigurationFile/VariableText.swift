#if Gateway
import Holdfast

/// A value of the configuration file that names variables of the environment: `${NAME}`, or `${NAME:-default}` for one that
/// may be unset or empty. `$${` stands for `${` itself; any other `$` is what it is.
///
/// What a variable holds is not looked at again, so nothing in it is a reference. Names of options are never read so.
struct VariableText {
    /// What is wrong with a value, in words that quote nothing of the environment.
    struct Fault: Error {
        /// Of the reference, in Unicode scalars from the value's start.
        let offset: Int
        /// What comes after the option's name.
        let words: String
    }

    /// The most bytes of a value with what its variables hold.
    static let bound = 64 << 10

    private enum Part {
        case text(String)
        case variable(String, initial: String?, offset: Int)
    }

    private let parts: [Part]

    /// - Returns: Nil for a value that names none, which is as it stands.
    init?(_ text: String) throws(Fault) {
        guard text.utf8.contains(UInt8(ascii: "$")) else { return nil }
        let scalars = Array(text.unicodeScalars)
        var (parts, plain, place) = ([Part](), String.UnicodeScalarView(), 0)
        func flush() {
            if !plain.isEmpty { parts.append(.text(String(plain))) }
            plain = .init()
        }
        while place < scalars.count {
            let rest = scalars[place...]
            if rest.starts(with: "$${".unicodeScalars) {
                plain.append(contentsOf: "${".unicodeScalars)
                place += 3
            } else if rest.starts(with: "${".unicodeScalars) {
                flush()
                let inner = rest.dropFirst(2).prefix { $0 != "}" }
                guard inner.endIndex < scalars.count, let part = Self.reference(inner, at: place) else {
                    throw Fault(
                        offset: place,
                        words:
                            "has '${' without a name and '}' behind it: write ${NAME} or ${NAME:-default}, or $${ for the characters themselves"
                    )
                }
                parts.append(part)
                place = inner.endIndex + 1
            } else {
                plain.append(scalars[place])
                place += 1
            }
        }
        flush()
        self.parts = parts
    }

    private static func reference(_ inner: ArraySlice<Unicode.Scalar>, at offset: Int) -> Part? {
        let name = inner.prefix { $0 == "_" || ($0.isASCII && $0.properties.isAlphabetic) || ("0"..."9").contains($0) }
        guard let first = name.first, !("0"..."9").contains(first) else { return nil }
        let rest = inner[name.endIndex...]
        guard !rest.isEmpty else { return .variable(Self.text(name), initial: nil, offset: offset) }
        // A variable within a default would leave its '}' behind where the outer one is set.
        guard rest.starts(with: ":-".unicodeScalars), rest.firstRange(of: "${".unicodeScalars) == nil else {
            return nil
        }
        return .variable(Self.text(name), initial: Self.text(rest.dropFirst(2)), offset: offset)
    }

    private static func text(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
        var text = String.UnicodeScalarView()
        text.append(contentsOf: scalars)
        return String(text)
    }

    /// The value with what its variables hold.
    func value(in environment: [String: String]) throws(Fault) -> String {
        var value = ""
        for part in parts {
            switch part {
            case .text(let text): value += text
            case .variable(let name, let initial, let offset):
                let held = environment[name]
                guard let text = initial.map({ held.flatMap { $0.isEmpty ? nil : $0 } ?? $0 }) ?? held else {
                    throw Fault(
                        offset: offset,
                        words:
                            "needs the variable \(shown(name)), which the environment does not have: set it, or write ${\(shown(name)):-default}"
                    )
                }
                value += text
            }
            guard value.utf8.count <= Self.bound else {
                throw Fault(offset: 0, words: "must be at most \(sizeWords(Self.bound)) with what its variables hold")
            }
        }
        return value
    }

    /// What of the value stands in the file, with something else for what variables hold.
    func written(holding other: String, in environment: [String: String]) -> String {
        parts.map { part in
            switch part {
            case .text(let text): text
            case .variable(let name, let initial, _):
                if let initial, environment[name]?.isEmpty ?? true { initial } else { other }
            }
        }.joined()
    }
}
#endif
