/// The name of an option in a coded form.
struct OptionName: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}

/// Reads the options of one configuration. One that is missing keeps its default; one that is unknown, of another kind, or
/// out of its range, is an error that names it, the value, and what is allowed: a slip in a file must not become a
/// default.
struct OptionReader {
    private let container: KeyedDecodingContainer<OptionName>

    /// - Parameters:
    ///   - names: The options that there are.
    ///   - orElse: What may stand in place of an object with them.
    init(_ decoder: any Decoder, _ names: [String], orElse: String? = nil) throws {
        let list = names.joined(separator: ", ")
        do {
            container = try decoder.container(keyedBy: OptionName.self)
        } catch DecodingError.typeMismatch {
            let allowed = (orElse.map { "\($0), or " } ?? "") + "an object with options of \(list)"
            throw decoder.codedError("\(CodedValue(of: decoder)), but must be \(allowed)")
        }
        for key in container.allKeys where !names.contains(key.stringValue) {
            throw error(key.stringValue, "no option '\(key.stringValue)'; there are \(list)")
        }
    }

    func has(_ name: String) -> Bool { container.contains(OptionName(stringValue: name)) }

    func value<Value: Decodable>(_ name: String, as type: Value.Type = Value.self) throws -> Value? {
        guard let word = CodedValue.word(for: Value.self) else {
            return try container.decodeIfPresent(Value.self, forKey: OptionName(stringValue: name))
        }
        do {
            return try container.decodeIfPresent(Value.self, forKey: OptionName(stringValue: name))
        } catch {
            // Foundation has errors of its own for a number that is not whole.
            let found = try container.decode(CodedValue.self, forKey: OptionName(stringValue: name))
            throw self.error(name, "\(name) is \(found), but must be \(word)")
        }
    }

    func value<Value: Decodable>(_ name: String, default usual: Value) throws -> Value {
        try value(name) ?? usual
    }

    func duration(_ name: String) throws -> Duration? { try value(name, as: DurationText.self)?.duration }

    func duration(_ name: String, default usual: Duration) throws -> Duration { try duration(name) ?? usual }

    /// An option that has to be given.
    func required<Value>(_ name: String, _ value: Value?) throws -> Value {
        guard let value else { throw error(name, "'\(name)' is missing") }
        return value
    }

    /// Checks what was read.
    func checked(_ validate: () throws(ConfigurationError) -> Void) throws {
        do throws(ConfigurationError) {
            try validate()
        } catch {
            throw DecodingError.dataCorrupted(
                .init(codingPath: container.codingPath, debugDescription: "\(error)", underlyingError: error))
        }
    }

    func error(_ name: String, _ words: String) -> DecodingError {
        .dataCorrupted(
            .init(codingPath: container.codingPath + [OptionName(stringValue: name)], debugDescription: words))
    }
}

/// Writes the options of one configuration, all of them.
struct OptionWriter {
    private var container: KeyedEncodingContainer<OptionName>

    init(_ encoder: any Encoder) { container = encoder.container(keyedBy: OptionName.self) }

    mutating func write(_ name: String, _ value: some Encodable) throws {
        try container.encode(value, forKey: OptionName(stringValue: name))
    }

    mutating func write(_ name: String, _ duration: Duration) throws { try write(name, DurationText(duration)) }
}
