#if Gateway
import Foundation
import NIOHTTP1
import TestSupport
import Testing

@testable import HoldfastCommands
@testable import HoldfastGateway

/// Whoever collects a gateway's log reads each line in the form that was asked for, the first and the last among them.
@Suite struct LogFormatTests {
    private static let known = ["gateway", "--upstream", "http://127.0.0.1:1", "--store", "memory"]

    private func lines(_ text: String) throws -> [[String: Any]] {
        try text.split(separator: "\n").map { try object(Array($0.utf8)) }
    }

    @Test(arguments: [
        // What keeps a gateway from starting, and what it ends with.
        (["--listen", "127.0.0.1:TAKEN", "--admin", "127.0.0.1:0"], 1, "cannot listen on 127.0.0.1:"),
        (["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:TAKEN"], 1, "127.0.0.1:"),
        (["--store", "sqlite:/nowhere/at/all.db"], 78, "the store cannot be opened"),
        (["--store", "postgres://h/d?nonsense=1"], 64, "the store: "),
        (["--trip", "0"], 64, "must be"), (["--wait", "soon"], 64, "it must be a duration"),
        (["--key", "perhaps"], 64, "it must be one of required, optional, off"), (["--nonsense"], 64, "nonsense"),
    ])
    func `a start that fails is told in the log's form`(arguments: [String], status: Int, words: String) async throws {
        let taken = try await TestService.start { _, _ in .ok() }
        let more = arguments.map { $0.replacing("TAKEN", with: "\(taken.port)") }
        let common = more.contains("--store") ? Array(Self.known.prefix(3)) : Self.known
        for format in [["--log-format", "json"], ["--log-format=json"]] {
            let ended = try await HoldfastProcess.run(common + format + more)
            #expect(Int(ended.status) == status && ended.output == "", "\(ended.errors)")
            let last = try #require(try lines(ended.errors).last)
            #expect(last["level"] as? String == "critical")
            #expect((last["message"] as? String)?.contains(words) == true, "\(ended.errors)")
        }
        await taken.stop()
    }

    @Test func `what a file has wrong is told in the form that the file says, by a gateway and by nobody else`()
        async throws
    {
        do {
            let folder = try ConfigurationFolder()
            defer { folder.remove() }
            let path = try folder.write(
                """
                log: {format: json}
                listeners: [{address: nowhere}]
                services: {a: {endpoints: ["http://127.0.0.1:1"]}}
                routes: [{service: b}]
                """)
            let gateway = try await HoldfastProcess.run(["gateway", "--config", path])
            #expect(gateway.status == 64)
            let told = try lines(gateway.errors)
            #expect(told.count >= 2 && told.allSatisfy { ($0["message"] as? String)?.hasPrefix(path) == true })
            let check = try await HoldfastProcess.run(["check", path])
            #expect(check.status == 64 && check.errors.hasPrefix("\(path):2:"), "\(check.errors)")
            try folder.write("log: {format: json\n")
            let unreadable = try await HoldfastProcess.run(["gateway", "--config", path])
            #expect(unreadable.status == 64 && unreadable.errors.contains("level=critical message="))
        }
    }

    @Test func `everything that a gateway says from its start to its end is JSON`() async throws {
        let gateway = try await HoldfastProcess.start(Self.known + ["--log-format", "json"])
        #expect(try lines(gateway.greeting).first?["message"] as? String == "serving")
        gateway.signal(SIGTERM)
        let status = await gateway.end()
        #expect(status == 0)
        let errors = try await gateway.errors()
        for line in try lines(errors) { #expect(line["time"] != nil && line["level"] != nil) }
        #expect(errors.contains(#""keys":0,"#) && errors.contains(#""unknown":0}"#), "\(errors)")
    }

    @Test(arguments: [
        ("--log-level", "loud", "trace, debug, info, notice, warning, error, critical"),
        ("--log-format", "xml", "text, json"), ("--key", "perhaps", "required, optional, off"),
        ("--key-form", "long", "visible, word, uuid, uuid7"),
        ("--profile", "paypal", "ietf, stripe, iceberg, success-only"),
        ("--unknown", "guess", "refuse, rerun, probe"),
    ])
    func `a word that is none is told, with those that there are, in one line`(
        option: String, value: String, allowed: String
    ) async throws {
        let ended = try await HoldfastProcess.run(Self.known + [option, value])
        #expect(ended.status == 64 && ended.errors.split(separator: "\n").count == 1)
        #expect(ended.errors.contains("'\(value)' is invalid for '\(option) "), "\(ended.errors)")
        #expect(ended.errors.contains("it must be one of \(allowed)"), "\(ended.errors)")
    }

    @Test func `the same holds for every command`() async throws {
        let states = try await HoldfastProcess.run(["keys", "list", "--state", "lost"])
        #expect(states.errors.contains("it must be one of in-flight, completed, not-kept, unknown, released"))
        let level = try await HoldfastProcess.run(["admin", "log", "level", "loud", "--reason", "x"])
        #expect(level.status == 64 && level.errors.contains("it must be one of trace, debug, info, notice"))
        #expect(level.errors.split(separator: "\n").count == 1, "\(level.errors)")
    }

    @Test(
        arguments: [
            (["holdfast", "gateway", "--log-format", "json"], LogFormat.json), (["holdfast", "gateway"], nil),
            (["holdfast", "gateway", "--log-format=text"], .text), (["holdfast", "gateway", "--log-format"], nil),
            (["holdfast", "gateway", "--log-format", "xml"], nil),
            (["holdfast", "check", "--log-format", "json"], nil),
            (["holdfast"], nil), ([], nil),
        ] as [([String], LogFormat?)])
    func `a command line that cannot be read says all the same which form it asks for`(
        arguments: [String], format: LogFormat?
    ) {
        #expect(LogFormat(asked: arguments) == format)
    }
}
#endif
