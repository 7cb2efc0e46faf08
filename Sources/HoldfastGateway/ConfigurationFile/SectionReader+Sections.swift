#if Gateway
import Holdfast
import Yams

// Sections within sections, lists of them, and mappings whose names the user chooses.

extension SectionReader {
    /// Reads a section if it is there.
    func section<Value>(
        _ name: String, unset: String, _ meaning: String, _ read: (SectionReader) -> Value
    ) -> Value? {
        let kind = Kind("section", "", allowed: "a section (options with values)")
        guard let node = node(name, kind, initial: unset, meaning) else {
            if isDescribing { _ = inner(name, nil, read) }
            return nil
        }
        return inner(name, node, read)
    }

    /// Reads a section, or a value that stands for a whole one.
    func section<Value>(
        _ name: String, or plain: Kind, unset: String, _ meaning: String,
        value parse: (Scalar) throws(ConfigurationError) -> Value?, _ read: (SectionReader) -> Value
    ) -> Value? {
        let kind = Kind(
            "\(plain.name) or section", plain.range, allowed: "\(plain.allowed), or a section (options with values)")
        guard let node = node(name, kind, initial: unset, meaning) else {
            if isDescribing { _ = inner(name, nil, read) }
            return nil
        }
        if case .mapping = node { return inner(name, node, read) }
        return parsed(node, as: fullName(name), kind, parse)
    }

    private func inner<Value>(_ name: String, _ node: Node?, _ read: (SectionReader) -> Value) -> Value {
        run(SectionReader(report: report, path: fullName(name), general: generalName(name), node: node), read)
    }

    private func run<Value>(_ reader: SectionReader, _ read: (SectionReader) -> Value) -> Value {
        let value = read(reader)
        reader.finish()
        return value
    }

    /// Reads a list of sections.
    func list<Value>(
        _ name: String, count: ClosedRange<Int>, unset: String, _ meaning: String,
        _ read: (SectionReader) -> Value
    ) -> [Value] {
        guard let nodes = nodes(name, "sections", count: count, unset: unset, meaning) else {
            if isDescribing {
                let general = generalName(name) + "[]"
                _ = run(SectionReader(report: report, path: general, general: general, node: nil), read)
            }
            return []
        }
        return nodes.enumerated().map { place, node in
            report.note("\(fullName(name))[\(place)]", at: node.mark)
            return run(
                SectionReader(
                    report: report, path: "\(fullName(name))[\(place)]", general: "\(generalName(name))[]", node: node),
                read)
        }
    }

    /// Reads a list of values. A wrong one is left out.
    func values<Value>(
        _ name: String, count: ClosedRange<Int>, of kind: Kind, unset: String, _ meaning: String,
        _ parse: (Scalar) throws(ConfigurationError) -> Value?
    ) -> [Value]? {
        guard let nodes = nodes(name, kind.allowed, count: count, unset: unset, meaning) else { return nil }
        return nodes.enumerated().compactMap { place, node in
            parsed(node, as: "\(fullName(name))[\(place)]", kind, parse)
        }
    }

    private func nodes(
        _ name: String, _ what: String, count: ClosedRange<Int>, unset: String, _ meaning: String
    ) -> [Node]? {
        let words = "\(count.lowerBound) to \(count.upperBound)"
        let kind = Kind("list of \(what)", words, allowed: "a list of \(words) of \(what)")
        guard let node = node(name, kind, initial: unset, meaning) else { return nil }
        guard case .sequence(let sequence) = node, Self.hasUsualTag(node) else {
            report.mistake(node.mark, "\(fullName(name)) is \(Self.shown(node)), but must be \(kind.allowed)")
            return []
        }
        guard count.contains(sequence.count) else {
            report.mistake(node.mark, "\(fullName(name)) has \(sequence.count), but must be \(kind.allowed)")
            return []
        }
        return Array(sequence)
    }

    /// Reads sections under names that the user chooses.
    func mapping<Value>(
        _ name: String, count: ClosedRange<Int>, unset: String, _ meaning: String,
        _ read: (_ name: String, SectionReader) -> Value
    ) -> [Value] {
        let words = "\(count.lowerBound) to \(count.upperBound)"
        let kind = Kind("sections by name", words, allowed: "\(words) sections, each under a name of its own")
        let general = generalName(name) + ".NAME"
        guard let node = node(name, kind, initial: unset, meaning) else {
            if isDescribing {
                _ = run(SectionReader(report: report, path: general, general: general, node: nil)) { read("NAME", $0) }
            }
            return []
        }
        guard case .mapping(let mapping) = node, count.contains(mapping.count) else {
            let what = if case .mapping(let mapping) = node { "\(mapping.count) sections" } else { Self.shown(node) }
            report.mistake(node.mark, "\(fullName(name)) is \(what), but must be \(kind.allowed)")
            return []
        }
        let whole = SectionReader(report: report, path: fullName(name), general: generalName(name), node: node)
        return whole.entries.map { entry in
            run(
                SectionReader(
                    report: report, path: whole.fullName(entry.name), general: general, node: entry.value)
            ) { read(entry.name, $0) }
        }
    }

    /// Reads a mapping of names to texts, which the user chooses both.
    func texts<Value>(
        _ name: String, count: ClosedRange<Int>, of kind: Kind, unset: String, _ meaning: String,
        _ parse: (_ name: String, Scalar) throws(ConfigurationError) -> Value?
    ) -> [String: Value]? {
        let words = "\(count.lowerBound) to \(count.upperBound)"
        let whole = Kind("texts by name", words, allowed: "\(words) of \(kind.allowed)")
        guard let node = node(name, whole, initial: unset, meaning) else { return nil }
        guard case .mapping(let mapping) = node, count.contains(mapping.count) else {
            let what = if case .mapping(let mapping) = node { "\(mapping.count)" } else { Self.shown(node) }
            report.mistake(node.mark, "\(fullName(name)) is \(what), but must be \(whole.allowed)")
            return [:]
        }
        let reader = SectionReader(report: report, path: fullName(name), general: generalName(name), node: node)
        var values: [String: Value] = [:]
        for entry in reader.entries {
            values[entry.name] = parsed(entry.value, as: reader.fullName(entry.name), kind) {
                scalar throws(ConfigurationError) in try parse(entry.name, scalar)
            }
        }
        return values
    }
}
#endif
