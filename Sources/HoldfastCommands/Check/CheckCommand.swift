#if Gateway
import ArgumentParser
import Holdfast
import HoldfastGateway

/// Says what a configuration file means, or what is wrong with it, without starting anything.
struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Check a configuration file, and say what it means.",
        discussion: """
            Every mistake is told with its line, and the command ends with 64. What is right is told in words: listeners, \
            services, routes with their policies from the outermost in, the store, limits. What is allowed and hardly \
            meant is a line that begins with "warning: ", on the standard error.
            """)

    @Argument(help: "The configuration file.")
    var file: String?

    @Flag(help: "End with 1 when there is a warning.")
    var strict = false

    @Flag(help: "Instead: print every option there is, as Markdown.")
    var reference = false

    func validate() throws {
        guard (file != nil) != reference else { throw ValidationError("name a file, or give --reference") }
        guard !strict || file != nil else { throw ValidationError("--strict needs a file") }
    }

    func run() async throws {
        guard let file else { return say(ConfigurationFile.referenceText) }
        let checked = try ConfigurationFile(path: file)
        try checked.requireReadableStore()
        say(ConfigurationPlan(checked).text)
        let warnings = checked.warnings
        for warning in warnings { complain("warning: \(warning)") }
        guard strict, !warnings.isEmpty else { return }
        let count = warnings.count == 1 ? "a warning" : "\(warnings.count) warnings"
        complain("holdfast: \(count), and --strict takes none")
        throw ExitCode(1)
    }
}
#endif
