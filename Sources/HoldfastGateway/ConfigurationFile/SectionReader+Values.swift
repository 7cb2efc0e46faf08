#if Gateway
import Holdfast

// The kinds of values there are. Each comes in two shapes: with a default, or with a word for what its absence means.

extension SectionReader {
    func duration(
        _ name: String, default initial: Duration, in range: ClosedRange<Duration>, _ meaning: String
    ) -> Duration {
        duration(name, in: range, unset: initial.words, meaning) ?? initial
    }

    func duration(_ name: String, in range: ClosedRange<Duration>, unset: String, _ meaning: String) -> Duration? {
        value(name, .duration(range), initial: unset, meaning) { Duration(words: $0.text).within(range) }
    }

    func integer(_ name: String, default initial: Int, in range: ClosedRange<Int>, _ meaning: String) -> Int {
        integer(name, in: range, unset: "\(initial)", meaning) ?? initial
    }

    func integer(_ name: String, in range: ClosedRange<Int>, unset: String, _ meaning: String) -> Int? {
        value(name, .integer(range), initial: unset, meaning) { $0.number(in: range) }
    }

    func size(_ name: String, default initial: Int, in range: ClosedRange<Int>, _ meaning: String) -> Int {
        size(name, in: range, unset: sizeWords(initial), meaning) ?? initial
    }

    func size(_ name: String, in range: ClosedRange<Int>, unset: String, _ meaning: String) -> Int? {
        let words = "\(sizeWords(range.lowerBound)) to \(sizeWords(range.upperBound))"
        return value(
            name, Kind("size", words, allowed: "a size such as 16KiB, 1MiB or 4096, from \(words)"), initial: unset,
            meaning
        ) { $0.text.size.within(range) }
    }

    func share(_ name: String, default initial: Double, in range: ClosedRange<Double>, _ meaning: String) -> Double {
        let words = "\(shareWords(range.lowerBound)) to \(shareWords(range.upperBound))"
        return value(
            name, Kind("share", words, allowed: "a share such as 20% or 0.2, from \(words)"),
            initial: shareWords(initial), meaning
        ) { $0.text.share.within(range) } ?? initial
    }

    func factor(_ name: String, in range: ClosedRange<Double>, unset: String, _ meaning: String) -> Double? {
        let words = "\(numberWords(range.lowerBound)) to \(numberWords(range.upperBound))"
        return value(name, Kind("number", words, allowed: "a number from \(words)"), initial: unset, meaning) {
            $0.isPlain ? $0.text.decimalNumber.within(range) : nil
        }
    }

    func flag(_ name: String, default initial: Bool, _ meaning: String) -> Bool {
        value(name, Kind("flag", "", allowed: "true or false"), initial: "\(initial)", meaning) { scalar in
            guard scalar.isPlain else { return nil }
            return ["true": true, "false": false][scalar.text]
        } ?? initial
    }

    /// One of some words.
    func choice<Value>(
        _ name: String, of choices: [(word: String, value: Value)], unset: String, _ meaning: String
    ) -> Value? {
        let words = choices.map(\.word).joined(separator: ", ")
        return value(name, Kind("choice", words, allowed: "one of \(words)"), initial: unset, meaning) { scalar in
            choices.first { $0.word == scalar.text }?.value
        }
    }

    /// One of an enumeration's words.
    func choice<Value: RawRepresentable & CaseIterable>(
        _ name: String, default initial: Value, _ meaning: String
    ) -> Value where Value.RawValue == String {
        choice(name, of: Value.allCases.map { ($0.rawValue, $0) }, unset: initial.rawValue, meaning) ?? initial
    }

    /// A text that is one of those that `parse` takes.
    func text<Value>(
        _ name: String, _ kind: String = "text", allowed: String, unset: String, isSecret: Bool = false,
        _ meaning: String, _ parse: (String) throws(ConfigurationError) -> Value?
    ) -> Value? {
        value(name, Kind(kind, allowed, allowed: allowed), initial: unset, isSecret: isSecret, meaning) {
            scalar throws(ConfigurationError) in try parse(scalar.text)
        }
    }

    /// A path of a file that is read here and now.
    ///
    /// - Parameter isSecret: Whether nobody else may read it.
    func file<Value>(
        _ name: String, unset: String, _ meaning: String, holding what: String, atMost limit: Int = 1 << 20,
        isSecret: Bool = false,
        _ parse: ([UInt8]) throws(ConfigurationError) -> Value?
    ) -> (path: String, content: Value)? {
        text(name, "file", allowed: what, unset: unset, meaning) { [report] path throws(ConfigurationError) in
            guard !path.isEmpty else { return nil }
            let bytes = try report.read(path, atMost: limit, isSecret: isSecret)
            guard let content = try parse(bytes) else { return nil }
            return (report.resolved(path), content)
        }
    }
}

extension SectionReader.Scalar {
    func number(in range: ClosedRange<Int>) -> Int? { isPlain ? text.wholeNumber.within(range) : nil }
}

extension SectionReader.Kind {
    static func duration(_ range: ClosedRange<Duration>) -> Self {
        let words = "\(range.lowerBound.words) to \(range.upperBound.words)"
        return Self("duration", words, allowed: "a duration such as 250ms, 5s, 2m, 24h or 7d, from \(words)")
    }

    static func integer(_ range: ClosedRange<Int>) -> Self {
        let words = "\(range.lowerBound) to \(range.upperBound)"
        return Self("number", words, allowed: "a whole number from \(words)")
    }
}

extension Optional where Wrapped: Comparable {
    /// The value, if it is in a range.
    func within(_ range: ClosedRange<Wrapped>) -> Wrapped? {
        guard let self, range.contains(self) else { return nil }
        return self
    }
}
#endif
