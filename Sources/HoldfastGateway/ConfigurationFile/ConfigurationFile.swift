#if Gateway
public import Foundation
import Holdfast
public import HoldfastIdempotency
import Yams

/// A configuration file that was read and found right: what a gateway is told, in YAML.
///
/// ``referenceText`` lists every option. A file is at most 4 MiB; unknown keys, duplicate keys, values out of their range,
/// names of services that there are not, anchors and aliases are mistakes. Files that it names (certificates, keys, tokens)
/// are read with it, relative to its folder, so that what cannot be used is found at once.
public struct ConfigurationFile: Sendable {
    public let path: String
    public let configuration: GatewayConfiguration
    /// What outcomes are encrypted with, if the file names keys.
    public let sealing: PayloadSeal?
    /// What is allowed, and can hardly be meant: a route that is never reached, a service that no route goes to.
    public let warnings: [ConfigurationMistake]
    /// The files that were read: this one, and those that it names. A change of any is a reason to read again.
    public let files: [String]
    /// The options that it gives, as the reference calls them.
    let given: Set<String>
    private let places: [String: Place]

    /// Both counted from 1.
    struct Place: Sendable, Hashable {
        let line: Int
        let column: Int
    }

    /// Reads a file.
    ///
    /// - Parameters:
    ///   - path: The file. Names in it are relative to its folder.
    ///   - environment: Whose `HOLDFAST_STORE` says where keys are kept, if the file does not.
    /// - Throws: ``ConfigurationMistakes``: all of them.
    public init(
        path: String, environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(ConfigurationMistakes) {
        let bytes: [UInt8]
        do throws(ConfigurationError) {
            bytes = try BoundedFile.read(path, atMost: YAMLDocument.byteLimit)
        } catch {
            throw ConfigurationMistakes(
                all: [.init(file: path, line: nil, column: nil, message: "must be \(error.allowed)")], files: [path])
        }
        try self.init(bytes, path: path, environment: environment)
    }

    /// Where an option stands, or the section that it would stand in.
    ///
    /// - Parameter option: As messages name it, such as `listeners[0].tls.key`.
    /// - Returns: Nil where the file has neither.
    func place(of option: String) -> Place? {
        var name = option[...]
        while true {
            if let place = places[String(name)] { return place }
            guard let end = name.lastIndex(where: { $0 == "." || $0 == "[" }) else { return nil }
            name = name[..<end]
        }
    }

    /// Whether the file gives an option, as the reference calls it.
    package func gives(_ option: String) -> Bool { given.contains(option) }

    /// What somebody else has found wrong with an option, at its line.
    ///
    /// - Parameter option: As the reference calls it.
    package func mistake(at option: String, _ message: String) -> ConfigurationMistakes {
        let place = places[option]
        let mistake = ConfigurationMistake(
            file: path, line: place?.line, column: place?.column, message: "\(option): \(message)")
        return ConfigurationMistakes(all: [mistake], files: files, logFormat: configuration.logFormat)
    }

    /// Reads text as if it were in a file.
    init(_ bytes: [UInt8], path: String, environment: [String: String] = [:]) throws(ConfigurationMistakes) {
        let report = ReadingReport(file: path, environment: environment)
        let node: Node?
        do throws(ConfigurationMistake) {
            node = try YAMLDocument.compose(bytes, file: path)
        } catch {
            throw ConfigurationMistakes(all: [error], files: [path])
        }
        let section = SectionReader(report: report, path: "", general: "", node: node)
        configuration = GatewayConfiguration.read(section)
        section.finish()
        files = [path] + report.files
        guard report.mistakes.isEmpty else {
            throw ConfigurationMistakes(
                all: report.sortedMistakes, files: files, logFormat: configuration.logFormat)
        }
        self.path = path
        warnings = report.sortedWarnings
        given = report.given
        places = report.places
        do throws(ConfigurationError) {
            sealing = try report.sealingKeys.first.map { key throws(ConfigurationError) in
                try PayloadSeal(writing: key, reading: Array(report.sealingKeys.dropFirst()))
            }
        } catch {
            let mistake = ConfigurationMistake(file: path, line: nil, column: nil, message: "\(error)")
            throw ConfigurationMistakes(all: [mistake], files: files, logFormat: configuration.logFormat)
        }
    }
}
#endif
