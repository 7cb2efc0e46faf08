#if Gateway
import ArgumentParser
import HoldfastGateway
import HoldfastValkey

/// Says what a configuration file means, or what is wrong with it, without starting anything.
struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Check a configuration file, and say what it means.",
        discussion: """
            Every mistake is told with its line, and the command ends with 64. What is right is told in words: listeners, \
            services, routes with their policies from the outermost in, the store, limits.
            """)

    @Argument(help: "The configuration file.")
    var file: String?

    @Flag(help: "Instead: print every option there is, as Markdown.")
    var reference = false

    func validate() throws {
        guard (file != nil) != reference else { throw ValidationError("name a file, or give --reference") }
    }

    func run() async throws {
        guard let file else { return say(ConfigurationFile.referenceText) }
        let checked = try ConfigurationFile(path: file)
        if case .valkey(let url) = checked.configuration.store.location {
            do { _ = try ValkeyAddress(url: url) } catch { throw ValidationError("\(file): store.location: \(error)") }
        }
        say(ConfigurationPlan(checked).text)
        for warning in checked.warnings { complain("\(warning)") }
    }
}
#endif
