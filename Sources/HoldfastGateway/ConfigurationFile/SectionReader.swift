#if Gateway
import Holdfast
import Yams

/// One section of a configuration file, of which each option is read by a call that also says what it is called, what it
/// may be, what it is otherwise, and what it means.
///
/// The same calls describe the file: a reader without a node gives every option its default and records what was asked
/// for. So an option cannot be read and not be documented, or the other way round, and what nobody asked for is what the
/// file may not have. A wrong value is recorded, and its default is read instead, so that one look finds every mistake.
final class SectionReader {
    /// One value as it is written.
    struct Scalar {
        let text: String
        /// Not in quotes, so that it may be a number or a flag.
        let isPlain: Bool
        /// What of it stands in the file, where variables of the environment hold the rest.
        var variables: VariableText?
    }

    /// What a value is, for messages and the reference.
    struct Kind {
        let name: String
        let range: String
        let allowed: String

        /// - Parameters:
        ///   - name: For the reference.
        ///   - range: For the reference.
        ///   - allowed: What comes after "must be".
        init(_ name: String, _ range: String, allowed: String) {
            self.name = name
            self.range = range
            self.allowed = allowed
        }
    }

    let report: ReadingReport
    /// As messages name it: `services.payments.breaker`.
    let path: String
    /// As the reference names it: `services.NAME.breaker`.
    let general: String
    let mark: Mark?
    private let pairs: [(name: String, key: Node, value: Node)]
    private var known: [String] = []
    /// How many there were before it was read.
    let mistakesBefore: Int

    /// Describes the whole file.
    convenience init(describing report: ReadingReport) {
        self.init(report: report, path: "", general: "", node: nil)
    }

    /// - Parameter node: A mapping; anything else is a mistake. Nil is a section without options.
    init(report: ReadingReport, path: String, general: String, node: Node?) {
        (self.report, self.path, self.general, mark) = (report, path, general, node?.mark)
        mistakesBefore = report.mistakes.count
        guard let node else {
            pairs = []
            return
        }
        guard case .mapping(let mapping) = node, Self.hasUsualTag(node) else {
            pairs = []
            let name = path.isEmpty ? "the file" : path
            report.mistake(
                node.mark,
                "\(name) is \(Self.shownForSection(node)), but must be a section (options with values)\(Self.hint(for: node))"
            )
            return
        }
        var pairs: [(name: String, key: Node, value: Node)] = []
        for (key, value) in mapping {
            if case .scalar(let name) = key, Self.hasUsualTag(key) {
                pairs.append((name.string, key, value))
            } else {
                report.mistake(key.mark, "\(path.isEmpty ? "a key" : "a key of \(path)") must be a name")
            }
        }
        self.pairs = pairs
    }

    var isDescribing: Bool { report.isDescribing }

    func fullName(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }
    func generalName(_ name: String) -> String { general.isEmpty ? name : "\(general).\(name)" }

    /// Whether the file gives an option. Asking makes no option known.
    func has(_ name: String) -> Bool { pairs.contains { $0.name == name } }

    /// Where a value is; the section where it is not given.
    func mark(of name: String) -> Mark? { pairs.first { $0.name == name }?.value.mark ?? mark }

    /// What the section calls things, for a mapping whose keys are the user's to choose.
    var entries: [(name: String, key: Node, value: Node)] { pairs }

    /// Makes an option known, and finds its node.
    func node(_ name: String, _ kind: Kind, initial: String, _ meaning: String) -> Node? {
        known.append(name)
        if isDescribing {
            report.describe(
                OptionReference(
                    section: general, name: name, kind: kind.name, range: kind.range, initial: initial,
                    meaning: meaning))
            return nil
        }
        guard let value = pairs.first(where: { $0.name == name })?.value else {
            if initial == "required" { mistake(nil, "\(fullName(name)) is missing, but must be \(kind.allowed)") }
            return nil
        }
        report.note(given: generalName(name), at: value.mark)
        report.note(fullName(name), at: value.mark)
        return value
    }

    /// Reads one value.
    ///
    /// - Parameters:
    ///   - initial: What the reference says of the default. `required`: it is a mistake to leave it out.
    ///   - isSecret: Whether the value may not be shown.
    ///   - parse: Returns nil for what is not allowed, or throws what is.
    /// - Returns: Nil where there is none, or a wrong one.
    func value<Value>(
        _ name: String, _ kind: Kind, initial: String, isSecret: Bool = false, _ meaning: String,
        _ parse: (Scalar) throws(ConfigurationError) -> Value?
    ) -> Value? {
        guard let node = node(name, kind, initial: initial, meaning) else { return nil }
        return parsed(node, as: fullName(name), kind, isSecret: isSecret, parse)
    }

    /// Reads a scalar, or records what is wrong with it.
    func parsed<Value>(
        _ node: Node, as name: String, _ kind: Kind, isSecret: Bool = false,
        _ parse: (Scalar) throws(ConfigurationError) -> Value?
    ) -> Value? {
        var allowed = kind.allowed
        var isVariable = false
        do throws(VariableText.Fault) {
            if let scalar = try Self.scalar(node, in: report.environment) {
                isVariable = scalar.variables != nil
                do throws(ConfigurationError) {
                    if let value = try parse(scalar) { return value }
                } catch {
                    allowed = error.allowed
                }
            }
        } catch {
            let offset = Self.isWrittenAsRead(node) ? error.offset : 0
            report.mistake(node.mark, offset: offset, "\(name) \(error.words)")
            return nil
        }
        // What the environment holds may be a secret, wherever it was put by mistake.
        let found = isVariable ? "\(Self.shown(node)), whose value" : "\(Self.shown(node)), but"
        report.mistake(node.mark, isSecret ? "\(name) must be \(allowed)" : "\(name) is \(found) must be \(allowed)")
        return nil
    }

    func mistake(_ name: String?, _ message: String) {
        report.mistake(name.map { mark(of: $0) } ?? mark, message)
    }

    /// Records an option that means nothing beside another.
    func refuse(_ names: [String], because reason: String) {
        for name in names where has(name) { mistake(name, "\(fullName(name)) must not be given \(reason)") }
    }

    /// The last safety net: what the options together must be, unless one of them is wrong already.
    func check(_ validate: () throws(ConfigurationError) -> Void) {
        guard !isDescribing, report.mistakes.count == mistakesBefore else { return }
        do throws(ConfigurationError) {
            try validate()
        } catch {
            mistake(nil, path.isEmpty ? "\(error)" : "\(path): \(error)")
        }
    }

    /// Records the keys that nobody asked for. Call it when everything has been read.
    func finish() {
        guard !isDescribing else { return }
        for (name, key, _) in pairs where !known.contains(name) {
            let section = path.isEmpty ? "the file" : path
            let slip = YAMLSlip(name)
            let hint = slip?.hint ?? nearest(to: name, among: known).map { "; did you mean '\($0)'?" } ?? ""
            // What stands behind a slip was meant as a value, and may be a secret.
            let shownName =
                slip.map { $0.offset > 0 ? String(name.unicodeScalars.prefix($0.offset)) + "…" : name } ?? name
            report.mistake(
                key.mark,
                "\(section) has no option \(HoldfastGateway.shown(shownName))\(hint.isEmpty ? "; it has \(listed(known))" : hint)"
            )
        }
    }
}

extension SectionReader {
    /// A value with what its variables hold, unless it is a list or a section, or has a tag that would make it something
    /// else.
    static func scalar(_ node: Node, in environment: [String: String]) throws(VariableText.Fault) -> Scalar? {
        guard case .scalar(let scalar) = node, hasUsualTag(node) else { return nil }
        guard let variables = try VariableText(scalar.string) else {
            return Scalar(text: scalar.string, isPlain: scalar.style == .plain)
        }
        // Within brackets YAML has a variable stand in quotes, which therefore say nothing of what it holds.
        return Scalar(text: try variables.value(in: environment), isPlain: true, variables: variables)
    }

    /// Whether the parts of a value are where they seem. In quotes it may be written otherwise than it is read.
    private static func isWrittenAsRead(_ node: Node) -> Bool {
        guard case .scalar(let scalar) = node else { return false }
        return scalar.style == .plain
    }

    static func hasUsualTag(_ node: Node) -> Bool {
        let tag =
            switch node {
            case .scalar(let scalar): scalar.tag
            case .mapping(let mapping): mapping.tag
            case .sequence(let sequence): sequence.tag
            case .alias(let alias): alias.tag
            }
        let usual: [Tag.Name] = [.implicit, .nonSpecific, .str, .seq, .map]
        return usual.contains { $0.rawValue == tag.rawValue }
    }

    /// The same where a section should be: a text may be an option's value, and a secret.
    private static func shownForSection(_ node: Node) -> String {
        guard case .scalar(let scalar) = node, hasUsualTag(node) else { return shown(node) }
        return scalar.string.contains(":") ? "a text" : shown(node)
    }

    /// How a text that stands for a section was probably meant.
    static func hint(for node: Node) -> String {
        guard case .scalar(let scalar) = node, scalar.style == .plain else { return "" }
        return YAMLSlip(scalar.string)?.hint ?? ""
    }

    /// What is there, for a message.
    static func shown(_ node: Node) -> String {
        guard hasUsualTag(node) else { return "a value with a tag" }
        switch node {
        case .scalar(let scalar): return HoldfastGateway.shown(scalar.string)
        case .mapping: return "a section"
        case .sequence: return "a list"
        case .alias: return "an alias"
        }
    }
}

/// Names, as a sentence has them.
func listed(_ names: [String]) -> String {
    names.count > 1 ? "\(names.dropLast().joined(separator: ", ")) and \(names[names.count - 1])" : names.joined()
}

/// The name that was probably meant: at most a third of its letters away.
func nearest(to name: String, among names: [String]) -> String? {
    guard name.utf8.count <= 64 else { return nil }
    let distances = names.map { (name: $0, distance: distance(name.lowercased(), $0.lowercased())) }
    guard let best = distances.min(by: { $0.distance < $1.distance }), best.distance <= max(1, name.count / 3)
    else { return nil }
    return best.name
}

/// How many letters have to be put in, taken out or changed (Levenshtein).
private func distance(_ left: String, _ right: String) -> Int {
    let (left, right) = (Array(left.utf8), Array(right.utf8))
    var row = Array(0...right.count)
    for (place, letter) in left.enumerated() {
        var diagonal = row[0]
        row[0] = place + 1
        for (column, other) in right.enumerated() {
            let changed = diagonal + (letter == other ? 0 : 1)
            diagonal = row[column + 1]
            row[column + 1] = min(changed, row[column] + 1, diagonal + 1)
        }
    }
    return row[right.count]
}
#endif
