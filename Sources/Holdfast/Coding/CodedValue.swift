/// What stands in a file in place of what is wanted, in words: for the message that says so.
struct CodedValue: Decodable, CustomStringConvertible {
    let description: String

    init(from decoder: any Decoder) throws {
        description = Self.words(try? decoder.singleValueContainer())
    }

    /// - Parameter decoder: At the value.
    init(of decoder: any Decoder) {
        description = Self.words(try? decoder.singleValueContainer())
    }

    private static func words(_ container: (any SingleValueDecodingContainer)?) -> String {
        guard let container else { return "a list or an object" }
        if container.decodeNil() { return "null" }
        if let truth = try? container.decode(Bool.self) { return "\(truth)" }
        if let number = try? container.decode(Int.self) { return "\(number)" }
        if let number = try? container.decode(Double.self) { return "\(number)" }
        if let text = try? container.decode(String.self) { return String(reflecting: text) }
        return "a list or an object"
    }

    /// What a plain value of this type is; nil for one that says so itself.
    static func word(for type: Any.Type) -> String? {
        switch type {
        case is Int.Type: "a whole number"
        case is Double.Type: "a number"
        case is Bool.Type: "true or false"
        case is String.Type: "a word in quotes"
        case is DurationText.Type: DurationText.allowed
        default: nil
        }
    }
}

extension Decoder {
    /// An error about the value that the decoder is at. It begins with the option's name, if it has one.
    func codedError(_ words: String) -> DecodingError {
        let name = codingPath.last.flatMap { $0.intValue == nil ? "\($0.stringValue) is " : nil } ?? ""
        return .dataCorrupted(.init(codingPath: codingPath, debugDescription: name + words))
    }
}
