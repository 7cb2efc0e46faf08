#if Gateway
/// What is known of one option of the configuration file: told by what reads it, so that the two cannot differ.
public struct OptionReference: Sendable, Hashable {
    /// The section it is in, such as `routes[].retry`; empty for the file itself.
    public let section: String
    public let name: String
    /// `duration`, `size`, `section`, …
    public let kind: String
    /// The values that are allowed, in words; empty where the kind says it.
    public let range: String
    /// What it is when it is not given; `required` where it must be.
    public let initial: String
    /// What it means.
    public let meaning: String

    /// The section and the name.
    public var path: String { section.isEmpty ? name : "\(section).\(name)" }
}

extension ConfigurationFile {
    /// Every option there is, section by section.
    public static var reference: [OptionReference] {
        let report = ReadingReport(file: "", isDescribing: true)
        _ = GatewayConfiguration.read(SectionReader(describing: report))
        var sections: [String] = []
        for option in report.options where !sections.contains(option.section) { sections.append(option.section) }
        return sections.flatMap { section in report.options.filter { $0.section == section } }
    }

    /// The reference as Markdown: a table for each section.
    public static var referenceText: String {
        var text = """
            # The configuration file

            Durations are `250ms`, `5s`, `2m`, `24h`, `7d`; sizes `16KiB`, `1MiB` or bytes; shares `20%` or `0.2`; flags \
            `true` or `false`. Files that are read are named relative to the configuration's folder, files that are \
            written relative to the working folder. Every key that is not listed here is refused. Anchors and aliases \
            are refused. A value may name variables of the environment: `${NAME}`, or `${NAME:-default}` where the \
            variable may be unset or empty; `$${` stands for `${`. Within `[…]` and `{…}` such a value needs quotes. `[]` stands for each of a list, `NAME` for each of a mapping.

            """
        var section: String?
        for option in reference {
            if option.section != section {
                section = option.section
                text += "\n## \(option.section.isEmpty ? "The file" : "`\(option.section)`")\n\n"
                text += "| option | kind | range | default | meaning |\n|---|---|---|---|---|\n"
            }
            let cells = [
                "`\(option.name)`", option.kind, option.range, option.initial, option.meaning,
            ].map { $0.replacing("|", with: "\\|") }
            text += "| \(cells.joined(separator: " | ")) |\n"
        }
        return text
    }
}
#endif
