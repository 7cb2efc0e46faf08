#if Gateway
import Holdfast
import HoldfastIdempotency
import Yams

/// What comes of reading one configuration file, or of describing what could be in one.
final class ReadingReport {
    let file: String
    /// Whether the options are told, rather than read.
    let isDescribing: Bool
    private(set) var mistakes: [ConfigurationMistake] = []
    private(set) var warnings: [ConfigurationMistake] = []
    /// The options that exist, when describing.
    private(set) var options: [OptionReference] = []
    /// The options that the file gives.
    private(set) var given: Set<String> = []
    /// Where they are, by the names that messages give them.
    private(set) var places: [String: ConfigurationFile.Place] = [:]
    /// The files that it names, as they can be opened.
    private(set) var files: [String] = []
    /// What the encryption keys' files hold.
    var sealingKeys: [PayloadSeal.Key] = []
    /// What the process was given besides.
    let environment: [String: String]

    init(file: String, environment: [String: String] = [:], isDescribing: Bool = false) {
        self.file = file
        self.environment = environment
        self.isDescribing = isDescribing
    }

    /// - Parameter offset: Of the place within what begins at the mark.
    func mistake(_ mark: Mark?, offset: Int = 0, _ message: String) {
        let column = mark.map { $0.column + offset }
        mistakes.append(ConfigurationMistake(file: file, line: mark?.line, column: column, message: message))
    }

    func warning(_ mark: Mark?, _ message: String) {
        warnings.append(ConfigurationMistake(file: file, line: mark?.line, column: mark?.column, message: message))
    }

    func describe(_ option: OptionReference) {
        // What two sections share is described once for each, and what one reads twice, once.
        if !options.contains(where: { $0.path == option.path }) { options.append(option) }
    }

    func note(given path: String, at mark: Mark?) {
        given.insert(path)
        if places[path] == nil { note(path, at: mark) }
    }

    /// Where an option's value is, as messages name it.
    func note(_ option: String, at mark: Mark?) {
        if let mark { places[option] = ConfigurationFile.Place(line: mark.line, column: mark.column) }
    }

    /// Reads a file that the configuration names, relative to the configuration's folder.
    ///
    /// - Parameter isSecret: Whether nobody else may read it.
    func read(_ path: String, atMost limit: Int, isSecret: Bool = false) throws(ConfigurationError) -> [UInt8] {
        let whole = resolved(path)
        files.append(whole)
        return try BoundedFile.read(whole, atMost: limit, isSecret: isSecret)
    }

    /// A path as it can be opened.
    func resolved(_ path: String) -> String {
        guard !path.hasPrefix("/"), let slash = file.lastIndex(of: "/") else { return path }
        return String(file[...slash]) + path
    }

    /// In the order of lines: sections are checked as a whole after their options.
    var sortedMistakes: [ConfigurationMistake] { Self.sorted(mistakes) }
    var sortedWarnings: [ConfigurationMistake] { Self.sorted(warnings) }

    private static func sorted(_ mistakes: [ConfigurationMistake]) -> [ConfigurationMistake] {
        mistakes.enumerated().sorted { left, right in
            (left.element.line ?? 0, left.element.column ?? 0, left.offset)
                < (right.element.line ?? 0, right.element.column ?? 0, right.offset)
        }.map(\.element)
    }
}
#endif
