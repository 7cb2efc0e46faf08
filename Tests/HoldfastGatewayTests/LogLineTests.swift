#if Gateway
import Foundation
import HoldfastHTTP
import Logging
import TestSupport
import Testing

@testable import HoldfastGateway

/// The gateway's own log: whatever a value holds, it is one value, on one line.
@Suite struct LogLineTests {
    private static let time: Int64 = 1_795_552_025_123

    /// What clients, services and files may put into a value.
    static let hostile: [String] = [
        "", " ", "plain", "10.0.0.1:80", "two words", "a=b", "=", "\"", "\"\"", "a\"b=c d", "\\", "\\n", "a\\", "'",
        "`",
        "\n", "a\nlevel=error message=forged", "a\r\nb", "\r", "\t", "\0", "\u{1}", "\u{7F}", "\u{85}", "\u{9B}31m",
        "\u{1B}[2J\u{1B}[31m",
        "\u{1B}]0;title\u{7}", "\u{2028}", "\u{2029}", "a\u{2028}time=2026", "\u{202E}drow", "\u{2066}x", "\u{200B}",
        "\u{FEFF}",
        "\u{E0001}", "\u{E000}", "\u{FFFF}", "\u{FFFD}", "é", "e\u{301}", "日本", "👩\u{200D}👩", "\u{10FFFF}",
        "a\u{10FF80}b",
        "}", "{\"a\":1}", "\",\"level\":\"error", "</script>", "%0a", "$(id)", String(repeating: "x y\n", count: 5_000),
        String(decoding: [0x66, 0xFF, 0xC0, 0x80, 0xED, 0xA0, 0x80, 0x22] as [UInt8], as: UTF8.self),
    ]

    private func line(_ format: LogFormat, _ message: String, _ metadata: Logger.Metadata = [:]) throws -> String {
        let bytes = LogLine.bytes(format, time: Self.time, level: .notice, message: message, metadata: metadata)
        let text = try #require(String(validating: bytes, as: UTF8.self))
        #expect(
            bytes.last == UInt8(ascii: "\n")
                && text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).count == 2)
        // Nothing in it moves a cursor, turns the direction of writing or has no width.
        let unseen = text.dropLast().unicodeScalars.filter {
            switch $0.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned: true
            default: false
            }
        }
        #expect(unseen.isEmpty, "\(unseen.map { String($0.value, radix: 16) })")
        return String(text.dropLast())
    }

    @Test(arguments: hostile) func `a value is one value in a line of text, and comes back as it was`(value: String)
        throws
    {
        let fields = try Logfmt.fields(line(.text, value, ["first": "\(value)", "second": "2"]))
        #expect(fields.map(\.name) == ["time", "level", "message", "first", "second"])
        #expect(fields.map(\.value).suffix(3) == [value.readable, value.readable, "2"])
    }

    @Test(arguments: hostile) func `a value is one value in a line of JSON, and comes back as it was`(value: String)
        throws
    {
        let read = try object(Array(line(.json, value, ["first": "\(value)"]).utf8))
        #expect(Set(read.keys) == ["time", "level", "message", "first"])
        for name in ["message", "first"] {
            let text = try #require(read[name] as? String)
            #expect(Array(text.unicodeScalars) == Array(value.readable.unicodeScalars))
        }
    }

    @Test(arguments: hostile) func `a name makes no other field`(name: String) throws {
        let fields = try Logfmt.fields(line(.text, "m", [name: "1"]))
        #expect(fields.count == 4 && fields[3].value == "1", "\(fields)")
        #expect(try object(Array(line(.json, "m", [name: "1"]).utf8)).count == 4)
    }

    @Test func `a byte that is no UTF-8 is shown as what stands for it, in both forms`() throws {
        let bytes: [UInt8] = [0x61, 0xE9, 0x62]
        let kept = bytes.withUnsafeBytes { String(decoding: FieldBytes.escaped($0), as: UTF8.self) }
        #expect(kept != "a\u{FFFD}b")
        try expectEqual(Logfmt.fields(line(.text, kept))[2].value, "a\u{FFFD}b")
        try expectEqual(object(Array(line(.json, kept).utf8))["message"] as? String, "a\u{FFFD}b")
        #expect(RequestReport.of(detail: kept).detail == "a\u{FFFD}b")
    }

    @Test func `a line of text is what people and logfmt read, and quotes what has to be`() throws {
        let metadata: Logger.Metadata = [
            "service": "payments", "endpoint": "10.0.0.1:80", "reason": "5 in a row", "empty": "", "time": "x",
            "two words": "1",
            "inner": ["b": "2", "a": "x y"], "list": ["1", "2"],
        ]
        let expected =
            #"time=2026-11-24T20:27:05.123Z level=notice message="closed → open" empty="" endpoint=10.0.0.1:80 "#
            + #"inner.a="x y" inner.b=2 list="[\"1\", \"2\"]" reason="5 in a row" service=payments _time=x two_words=1"#
        try expectEqual(line(.text, "closed → open", metadata), expected)
    }

    @Test func `a line of JSON has each member once, whatever the names`() throws {
        let metadata: Logger.Metadata = ["a b": "1", "a_b": "2", "a=b": "3", "level": "x", "inner": ["k": ["v", "w"]]]
        let text = try line(.json, "m", metadata)
        let read = try object(Array(text.utf8))
        #expect(Set(read.keys) == ["time", "level", "message", "a_b", "_a_b", "__a_b", "_level", "inner"])
        #expect(read["level"] as? String == "notice" && (read["inner"] as? [String: [String]]) == ["k": ["v", "w"]])
    }

    @Test(
        arguments: [
            (.stringConvertible(4711), "4711"), (.stringConvertible(Int64.max), "9223372036854775807"),
            (.stringConvertible(UInt32(7)), "7"), (.stringConvertible(-1), "-1"), (.stringConvertible(1.5), "1.5"),
            (.stringConvertible(30.0), "30"), (.stringConvertible(Float(0.25)), "0.25"),
            (.stringConvertible(true), "true"),
            (.stringConvertible(false), "false"),
            (.array([.stringConvertible(1), .stringConvertible(false)]), "[1,false]"),
            (.dictionary(["a": .stringConvertible(2)]), #"{"a":2}"#),
            // JSON has no such number, and what is text stays text.
            (.stringConvertible(Double.nan), #""nan""#), (.stringConvertible(Double.infinity), #""inf""#),
            ("12", #""12""#),
            ("true", #""true""#), (.stringConvertible(Duration.seconds(1)), #""1.0 seconds""#),
        ] as [(Logger.MetadataValue, String)])
    func `numbers are numbers in JSON, and truth is truth`(value: Logger.MetadataValue, written: String) throws {
        let text = try line(.json, "m", ["v": value])
        #expect(text.hasSuffix(#","message":"m","v":\#(written)}"#), "\(text)")
        _ = try object(Array(text.utf8))
        if case .stringConvertible = value {
            let bare = written.replacing("\"", with: "")
            try expectEqual(Logfmt.fields(line(.text, "m", ["v": value]))[3].value, bare)
        }
    }

    @Test func `lines of several threads do not mix, and each is written whole`() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "holdfast-lines-\(UUID()).log").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let descriptor = open(folder, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        defer { close(descriptor) }
        let output = LogOutput(descriptor)
        await withTaskGroup(of: Void.self) { group in
            for writer in 0..<8 {
                group.addTask {
                    let logger = Logger(label: "test") { _ in GatewayLogHandler(.json, to: output) }
                    for number in 0..<200 {
                        logger.notice(
                            "a line",
                            metadata: [
                                "writer": "\(writer)", "number": "\(number)",
                                "long": "\(String(repeating: "x", count: 8_000))",
                            ])
                    }
                }
            }
        }
        let lines = try String(contentsOfFile: folder, encoding: .utf8).split(separator: "\n")
        #expect(lines.count == 1_600)
        for line in lines { #expect(try object(Array(line.utf8))["message"] as? String == "a line") }
    }

    @Test func `what is below the level costs no line, and metadata of the logger is in each`() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "holdfast-level-\(UUID()).log").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let descriptor = open(folder, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        defer { close(descriptor) }
        var logger = Logger(label: "test") { _ in GatewayLogHandler(.text, to: LogOutput(descriptor)) }
        logger.logLevel = .warning
        logger[metadataKey: "gateway"] = "edge 1"
        logger.notice("unseen")
        logger.warning("seen", metadata: ["a": "1"])
        let text = try String(contentsOfFile: folder, encoding: .utf8)
        #expect(
            text.hasSuffix(" level=warning message=seen a=1 gateway=\"edge 1\"\n") && !text.contains("unseen"),
            "\(text)")
    }
}

/// Reads a line as a strict reader of logfmt does: names, `=`, and values that are bare or a JSON string.
enum Logfmt {
    struct Fault: Error { let rest: String }

    static func fields(_ line: String) throws -> [(name: String, value: String)] {
        var fields: [(name: String, value: String)] = []
        var rest = Array(line.utf8)[...]
        while !rest.isEmpty {
            if !fields.isEmpty, rest.popFirst() != UInt8(ascii: " ") {
                throw Fault(rest: String(decoding: rest, as: UTF8.self))
            }
            let name = rest.prefix { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "=") && $0 != UInt8(ascii: "\"") }
            rest = rest[name.endIndex...]
            guard !name.isEmpty, rest.popFirst() == UInt8(ascii: "=") else {
                throw Fault(rest: String(decoding: rest, as: UTF8.self))
            }
            var value = rest.prefix { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "=") && $0 != UInt8(ascii: "\"") }
            if rest.first == UInt8(ascii: "\"") {
                var end = rest.index(after: rest.startIndex)
                while end < rest.endIndex, rest[end] != UInt8(ascii: "\"") {
                    end += rest[end] == UInt8(ascii: "\\") ? 2 : 1
                }
                guard end < rest.endIndex else { throw Fault(rest: String(decoding: rest, as: UTF8.self)) }
                value = rest[...end]
                let whole = try JSONSerialization.jsonObject(with: Data(value), options: .fragmentsAllowed)
                fields.append((String(decoding: name, as: UTF8.self), whole as? String ?? ""))
            } else {
                guard !value.isEmpty else { throw Fault(rest: String(decoding: rest, as: UTF8.self)) }
                fields.append((String(decoding: name, as: UTF8.self), String(decoding: value, as: UTF8.self)))
            }
            rest = rest[value.endIndex...]
        }
        return fields
    }
}
#endif
