#if Gateway
public import ArgumentParser
import Foundation
import Holdfast
import HoldfastGateway
import Logging
import NIOHTTP1

/// What a person sets in a running gateway: endpoints in and out of service, breakers, the log's level. Each says who, and
/// why, and both are in the gateway's log.
struct AdminCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "admin", abstract: "Drain endpoints, isolate breakers, set the log's level, in a running gateway.",
        discussion: """
            What is set counts until it is taken back, until its time is over (--for), or until its endpoint or service is \
            gone from the configuration. A reload of the file leaves it as it is; a restart ends it. Each gateway has its \
            own.
            """,
        subcommands: [ListOverrides.self, EndpointCommand.self, BreakerCommand.self, LogCommand.self])
}

/// Who does it, and why.
struct OperatorOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Why: it is logged, and shown while it counts.", valueName: "text"))
    var reason: String

    @Option(
        help: ArgumentHelp(
            "Who does it: it is logged, and shown while it counts. Default: this user, at this machine.",
            valueName: "name"))
    var by: String?

    /// At most 64 bytes, as the gateway takes it.
    var name: String { by ?? String("\(NSUserName())@\(ProcessInfo.processInfo.hostName)".prefix(64)) }
}

/// How long it counts.
struct TimeOption: ParsableArguments {
    @Option(
        name: .customLong("for"),
        help: ArgumentHelp(
            "How long it counts: 1s to 30d, such as 10m. Default: until it is taken back.", valueName: "duration"),
        transform: Words.duration)
    var time: Duration?
}

extension AdminOptions {
    /// Sends an order, and prints what is set then.
    fileprivate func send(_ order: OverrideOrder, to path: String) async throws {
        let answer = try await ask(
            .POST, "/api/admin/\(path)", body: Array(try JSONEncoder().encode(order)), as: OverrideList.self)
        say(json ? answer.text : answer.answer.table)
    }
}

struct ListOverrides: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List what is set, by whom and why; with --events what was done, too.")

    @Flag(help: "Also the latest 100 actions and endings, the oldest first.") var events = false
    @OptionGroup var options: AdminOptions

    func run() async throws {
        let answer = try await options.ask(.GET, "/api/admin", as: OverrideList.self)
        guard !options.json else { return say(answer.text) }
        say(answer.answer.table)
        guard events else { return }
        say("")
        for event in answer.answer.events {
            let target = [event.service, event.endpoint].compactMap { $0 }.joined(separator: " ")
            let value = event.weight.map { " \($0)" } ?? event.level.map { " \($0)" } ?? ""
            say(
                "\(event.at)  \(event.action)\(value)\(target.isEmpty ? "" : "  \(target)")  by \(event.by) from \(event.from): \(event.reason)"
            )
        }
    }
}

// MARK: Endpoints

struct EndpointCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "endpoint", abstract: "Take an endpoint out of service and back, or give it another weight.",
        subcommands: [Drain.self, Undrain.self, Disable.self, Enable.self, Weight.self])

    struct Target: ParsableArguments {
        @Argument(help: "The service, as the configuration calls it.") var service: String
        @Argument(
            help: "The endpoint, HOST:PORT; one of several addresses behind a name is HOST:PORT=ADDRESS.")
        var endpoint: String

        fileprivate func order(
            _ action: String, _ who: OperatorOptions, for time: Duration? = nil, weight: Int? = nil
        ) -> OverrideOrder {
            OverrideOrder(
                service: service, endpoint: endpoint, action: action, weight: weight, reason: who.reason, by: who.name,
                for: time?.words)
        }
    }

    struct Drain: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Send it no new request, and close its connections as they become idle.",
            discussion: "What it is doing goes on, and its health is still checked.")

        @OptionGroup var target: Target
        @OptionGroup var who: OperatorOptions
        @OptionGroup var time: TimeOption
        @OptionGroup var options: AdminOptions

        func run() async throws { try await options.send(target.order("drain", who, for: time.time), to: "endpoints") }
    }

    struct Undrain: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Take drain back.")

        @OptionGroup var target: Target
        @OptionGroup var who: OperatorOptions
        @OptionGroup var options: AdminOptions

        func run() async throws { try await options.send(target.order("undrain", who), to: "endpoints") }
    }

    struct Disable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Send it no new request, and leave its connections as they are.")

        @OptionGroup var target: Target
        @OptionGroup var who: OperatorOptions
        @OptionGroup var time: TimeOption
        @OptionGroup var options: AdminOptions

        func run() async throws {
            try await options.send(target.order("disable", who, for: time.time), to: "endpoints")
        }
    }

    struct Enable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Take disable back.")

        @OptionGroup var target: Target
        @OptionGroup var who: OperatorOptions
        @OptionGroup var options: AdminOptions

        func run() async throws { try await options.send(target.order("enable", who), to: "endpoints") }
    }

    struct Weight: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Give it more or fewer requests than its neighbours.",
            discussion: "50 is half of what an endpoint of the usual weight, 100, gets.")

        @OptionGroup var target: Target
        @Argument(help: "In percent of an equal share: 1 to 1000; 100 takes it back.") var weight: Int
        @OptionGroup var who: OperatorOptions
        @OptionGroup var time: TimeOption
        @OptionGroup var options: AdminOptions

        func run() async throws {
            try await options.send(target.order("weight", who, for: time.time, weight: weight), to: "endpoints")
        }
    }
}

// MARK: Breakers

struct BreakerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "breaker", abstract: "Hold a breaker open, let go of it, or close it.",
        subcommands: [Isolate.self, Release.self, Reset.self])

    struct Target: ParsableArguments {
        @Argument(help: "The service, as the configuration calls it.") var service: String
        @Argument(help: "One of its endpoints. Without, the breaker of the service as a whole is meant.")
        var endpoint: String?

        fileprivate func order(_ action: String, _ who: OperatorOptions, for time: Duration? = nil) -> OverrideOrder {
            OverrideOrder(
                service: service, endpoint: endpoint, action: action, reason: who.reason, by: who.name,
                for: time?.words)
        }
    }

    struct Isolate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Hold it open: no call passes, and no probe.")

        @OptionGroup var target: Target
        @OptionGroup var who: OperatorOptions
        @OptionGroup var time: TimeOption
        @OptionGroup var options: AdminOptions

        func run() async throws { try await options.send(target.order("isolate", who, for: time.time), to: "breakers") }
    }

    struct Release: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take isolate back: it goes on as it was before.")

        @OptionGroup var target: Target
        @OptionGroup var who: OperatorOptions
        @OptionGroup var options: AdminOptions

        func run() async throws { try await options.send(target.order("release", who), to: "breakers") }
    }

    struct Reset: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Close it, and have it forget what it has counted. An isolated one stays isolated.")

        @OptionGroup var target: Target
        @OptionGroup var who: OperatorOptions
        @OptionGroup var options: AdminOptions

        func run() async throws { try await options.send(target.order("reset", who), to: "breakers") }
    }
}

// MARK: The log

struct LogCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log", abstract: "Set the log's level, or have it as it is configured again.",
        subcommands: [Level.self, Reset.self])

    struct Level: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Log this and what is graver.")

        @Argument(
            help: ArgumentHelp(Logger.Level.allCases.map(\.rawValue).joined(separator: ", ") + "."),
            transform: Words.choice)
        var level: Logger.Level
        @OptionGroup var who: OperatorOptions
        @OptionGroup var time: TimeOption
        @OptionGroup var options: AdminOptions

        func run() async throws {
            let order = OverrideOrder(
                action: "level", level: level.rawValue, reason: who.reason, by: who.name, for: time.time?.words)
            try await options.send(order, to: "log")
        }
    }

    struct Reset: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Log as the configuration says.")

        @OptionGroup var who: OperatorOptions
        @OptionGroup var options: AdminOptions

        func run() async throws {
            try await options.send(OverrideOrder(action: "reset", reason: who.reason, by: who.name), to: "log")
        }
    }
}

extension OverrideList {
    /// For a person. The reason comes last: it may be long.
    fileprivate var table: String {
        let head = ["SERVICE", "ENDPOINT", "OVERRIDE", "BY", "SINCE", "UNTIL", "REASON"]
        let rows = overrides.map { override in
            let value = override.weight.map { " \($0)" } ?? override.level.map { " \($0)" } ?? ""
            return [
                override.service ?? "(log)", override.endpoint ?? "-", override.what + value, override.by, override.at,
                override.until ?? "-", override.reason,
            ]
        }
        var lines: [String] = []
        if rows.isEmpty {
            lines.append("Nothing is set: everything is as the configuration says.")
        } else {
            lines += TextTable(names: head, rows: rows).lines
        }
        if level != usualLevel { lines.append("The log's level is \(level); the configuration says \(usualLevel).") }
        return lines.joined(separator: "\n")
    }
}
#endif
