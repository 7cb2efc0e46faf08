#if Gateway
public import ArgumentParser
import Foundation
import HoldfastGateway
import Logging

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

    /// Runs the command line. What keeps a gateway from starting, or ends it, is told as its log would tell it; all else in
    /// plain lines. A wrong value ends with one line and exit code 64, a wrong configuration file with a line
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
        } catch {
            let failed = error as? FailedGateway
            end(failed?.reason ?? error, failed?.format ?? LogFormat(asked: CommandLine.arguments))
        }
    }

    /// - Parameter format: How it is told, where that is the log of a gateway; nil for plain lines.
    private static func end(_ error: any Error, _ format: LogFormat?) -> Never {
        func tell(_ line: String, plainly plain: String? = nil) {
            guard let format else { return complain(plain ?? "holdfast: \(line)") }
            Logger(label: "holdfast") { _ in GatewayLogHandler(format) }.critical("\(line)")
        }
        switch error {
        case let mistakes as ConfigurationMistakes:
            for mistake in mistakes.all { tell("\(mistake)", plainly: "\(mistake)") }
            Foundation.exit(64)
        case let missing as NoSuchRecord:
            tell("\(missing)")
            Foundation.exit(NoSuchRecord.exitCode)
        default:
            let code = exitCode(for: error)
            if code.isSuccess || error is ExitCode { exit(withError: error) }
            let isUsage = code == .validationFailure
            let text = isUsage ? message(for: error) : "\(error)"
            tell(text.split(separator: "\n", maxSplits: 1).first.map(String.init) ?? "failed")
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
