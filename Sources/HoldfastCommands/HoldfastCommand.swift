#if Gateway
public import ArgumentParser
import Foundation
import HoldfastGateway

/// The command `holdfast`.
public struct HoldfastCommand: AsyncParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "holdfast", abstract: "Calls between services, safe to make and safe to make again.",
        version: GatewayVersion.current,
        subcommands: [
            GatewayCommand.self, CheckCommand.self, DemoCommand.self, KeysCommand.self, AdminCommand.self,
            MigrateCommand.self, RecoverCommand.self,
        ])

    public init() {}

    /// Runs the command line. A wrong value ends with one line and exit code 64, a wrong configuration file with a line
    /// for each mistake and exit code 64, a key that is not there with one line and exit code 3, what else cannot be had with
    /// one line and exit code 1, or 78 where it helps nobody to start again.
    public static func runToTheEnd() async -> Never {
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            Foundation.exit(0)
        } catch let mistakes as ConfigurationMistakes {
            complain("\(mistakes)")
            Foundation.exit(64)
        } catch let missing as NoSuchRecord {
            complain("holdfast: \(missing)")
            Foundation.exit(NoSuchRecord.exitCode)
        } catch {
            let code = exitCode(for: error)
            if code.isSuccess || error is ExitCode { exit(withError: error) }
            let isUsage = code == .validationFailure
            let text = isUsage ? message(for: error) : "\(error)"
            let line = text.split(separator: "\n", maxSplits: 1).first.map(String.init) ?? "failed"
            complain("holdfast: \(line)")
            Foundation.exit(isUsage ? 64 : StartFault.status(of: error))
        }
    }
}

/// Writes a line for whoever started the command, at once, even when the output is not a terminal.
func say(_ line: String) {
    FileHandle.standardOutput.write(Data((line + "\n").utf8))
}

/// Writes a line about what is wrong.
func complain(_ line: String) {
    FileHandle.standardError.write(Data((line + "\n").utf8))
}
#endif
