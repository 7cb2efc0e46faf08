#if Gateway && (FUZZ || DEBUG)
import ArgumentParser
import Foundation
import Holdfast
@testable import HoldfastCommands
@testable import HoldfastGateway
import HoldfastHTTP

extension FuzzTarget {
    /// What one field, one option or one argument says.
    static var values: [FuzzTarget] {
        [
            .text("idempotency-key", words: ["\"", "\\\"", "\\\\", "é", "\u{0}"], run: key),
            .text(
                "retry-after",
                words: ["120", "999999999", "Fri, 31 Dec 1999 23:59:59 GMT", "\n", "Feb", "0000", "9999", ":60"],
                run: retryAfter),
            .text("lineage", words: ["999999999", "0001"], run: lineage),
            .text(
                "traceparent", words: ["00-", "ff-", "0123456789abcdef", "-01", "0000000000000000"], run: traceParent),
            .text(
                "hop-by-hop", words: ["close", "keep-alive", ",", "İ", "Transfer-Encoding"], share: 0.5, run: hopByHop),
            .text("request-id", words: ["0123456789abcdef", "+", "-", "=", " ", ";", "\n"], run: requestID),
            .text(
                "words",
                words: [
                    "ms", "s", "m", "h", "d", "KiB", "MiB", "GiB", "TiB", "%", ".", "http://", "https://", "[", "]:",
                    ":",
                ],
                run: readWords),
            .text("path-pattern", words: ["/", "*", "{", "}", "{id}", "//", "/*", "/{a}/", "\n"], run: pathPattern),
            .text(
                "probe-path", words: ["{key}", "{id}", "/", "?", "%2e%2e", "%2F", "\\", "..", "#", "\n"], run: probePath
            ),
            .text(
                "json", words: ["\"", "\\", "\u{2028}", "\u{0}", "\n", "\u{7F}", "\u{10FFFF}"], share: 0.5, run: json),
            .text("arguments", words: argumentWords, share: 0.1, run: arguments),
        ]
    }

    private static func key(_ text: String) throws -> Outcome {
        guard let key = try? IdempotencyKey(fieldValue: text) else { return Outcome("none") }
        let name = key.description
        try expect(
            (1...IdempotencyKey.maximumLength).contains(name.utf8.count)
                && name.utf8.allSatisfy { (0x21...0x7E).contains($0) }, "a key that is none: \(name.debugDescription)")
        // Both forms of the same characters name the same key.
        let escaped = name.map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : "\($0)" }.joined()
        try expect((try? IdempotencyKey(fieldValue: "\"\(escaped)\"")) == key, "quoted, it is another key: \(name)")
        var outcome = Outcome("key", name.utf8.count / 32)
        for form in KeyRules.Form.allCases {
            outcome.add((try? KeyRules(form: form, length: 8...64).check(key)) == nil ? 0 : 1)
        }
        return outcome
    }

    private static func retryAfter(_ text: String) throws -> Outcome {
        // The answer's own `Date` is on the second line.
        let lines = text.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard let wait = RetryAfter.parse(lines[0], date: lines.count == 2 ? lines[1] : nil) else {
            return Outcome("none")
        }
        try expect(wait >= .zero && wait <= .seconds(999_999_999), "a wait of \(wait)")
        try expect(RetryAfter.parse(RetryAfter.format(wait)) == max(wait, .seconds(1)), "written, it is another wait")
        return Outcome("wait", Int(wait.components.seconds))
    }

    private static func lineage(_ text: String) throws -> Outcome {
        let attempts = LineageFields.attempts(text)
        try expect((1...9_999).contains(attempts), "\(attempts) attempts")
        guard let timeout = LineageFields.timeout(text) else { return Outcome("no timeout", attempts) }
        try expect(timeout > .zero && timeout <= .seconds(1_000_000), "a timeout of \(timeout)")
        try expect(LineageFields.timeout(LineageFields.format(timeout: timeout)) == timeout, "written, it is another")
        return Outcome("timeout", attempts, Int(timeout.components.seconds))
    }

    private static func traceParent(_ text: String) throws -> Outcome {
        guard let parent = TraceParent(text) else { return Outcome("none", text.utf8.count) }
        try expect(TraceParent(parent.description) == parent, "written, it is another: \(parent)")
        return Outcome("trace", parent.isSampled ? 1 : 0, text.utf8.count)
    }

    private static func hopByHop(_ text: String) throws -> Outcome {
        let named = HopByHop.named(by: text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init))
        for name in named {
            try expect(name.lowercased() == name, "a name that is not in lower case: \(name)")
            try expect(HopByHop.stays(name, named: named), "a name that is named, and crosses: \(name)")
        }
        return Outcome("names", named.count, named.last?.utf8.count ?? 0)
    }

    private static func requestID(_ text: String) throws -> Outcome {
        guard let id = RequestID(text) else { return Outcome("none", text.utf8.count) }
        try expect(id.description == text, "\(text) is read as \(id)")
        try expect(id.withBytes { Array($0) } == Array(text.utf8), "\(text) is written as something else")
        return Outcome("id", text.utf8.count)
    }

    private static func readWords(_ text: String) throws -> Outcome {
        var outcome = Outcome("words")
        if let duration = Duration(words: text) {
            try expect(
                Duration(words: duration.words) == duration || duration.words.utf8.count > 11, "\(duration.words)")
            outcome.add("duration \(duration.words.last ?? " ")")
        }
        if let number = text.wholeNumber { outcome.add(number) }
        if let size = text.size {
            try expect(size >= 0 && sizeWords(size).size == size, "a size of \(size)")
            outcome.add("size \(sizeWords(size).last ?? " ")")
        }
        if let share = text.share {
            try expect(share.isFinite && share >= 0, "a share of \(share)")
            outcome.add("share \(shareWords(share).utf8.count)")
        }
        if let address = GatewayConfiguration.Address(words: text) {
            try expect(GatewayConfiguration.Address(words: address.description) == address, "\(address)")
            outcome.add("address \(address.host.contains(":"))")
        }
        if let endpoint = ServiceConfiguration.Endpoint(words: text) {
            try expect(ServiceConfiguration.Endpoint(words: endpoint.description) == endpoint, "\(endpoint)")
            outcome.add("endpoint \(endpoint.usesTLS)")
        }
        return outcome
    }

    /// A pattern, another one, and a path, a line each.
    private static func pathPattern(_ text: String) throws -> Outcome {
        let lines = text.split(separator: "\n", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
        guard let first = try? PathPattern(lines[0]) else { return Outcome("none") }
        try expect((try? PathPattern(first.description)) == first, "written, it is another pattern: \(first)")
        guard lines.count > 1, let second = try? PathPattern(lines[1]) else { return Outcome("one") }
        let path = lines.last ?? "/"
        let matches = (first.matches(path[...].utf8), second.matches(path[...].utf8))
        if first.covers(second) {
            try expect(!matches.1 || matches.0, "\(first) covers \(second), and does not take \(path)")
        }
        return Outcome(
            "two", first.covers(second) ? 1 : 0, second.covers(first) ? 1 : 0, matches.0 ? 1 : 0, matches.1 ? 1 : 0)
    }

    /// A template, a route's pattern, a path and a key, a line each. Whatever the path and the key hold, what is asked for
    /// has the template's segments and query, and no others.
    private static func probePath(_ text: String) throws -> Outcome {
        let lines = text.split(separator: "\n", maxSplits: 3, omittingEmptySubsequences: false).map(String.init)
        guard let template = try? ProbePath(lines[0]) else { return Outcome("none") }
        try expect((try? ProbePath(template.description)) == template, "written, it is another template: \(template)")
        guard lines.count == 4, let pattern = try? PathPattern(lines[1]), let key = try? IdempotencyKey(lines[3]) else {
            return Outcome("alone", template.names.count)
        }
        guard let target = template.target(asking: key, path: lines[2][...], of: pattern) else {
            return Outcome("leads elsewhere", template.names.count)
        }
        var (literal, depth) = ("", 0)
        for character in template.description {
            if character == "{" { depth += 1 }
            if depth == 0 { literal.append(character) }
            if character == "}" { depth -= 1 }
        }
        try expect(target.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }, "no target: \(target.debugDescription)")
        for mark in "/?#\\".utf8 {
            try expect(
                target.utf8.count { $0 == mark } == literal.utf8.count { $0 == mark },
                "\(target) is not of the form of \(template)")
        }
        let segments = target.prefix { $0 != "?" }.split(separator: "/")
        try expect(!segments.contains { $0 == "." || $0 == ".." }, "\(target) leads elsewhere")
        return Outcome("asked", segments.count, template.names.count, target.utf8.count / 32)
    }

    /// Whatever a text holds, what is written is JSON, on one line, and says the same.
    private static func json(_ text: String) throws -> Outcome {
        let number = Double(text) ?? Double(bitPattern: Outcome(text).mark)
        var json = JSONText()
        json.object { json in
            json.member("text", text)
            json.member("count", text.utf8.count)
            json.member("number", number)
            json.member("time", Duration.nanoseconds(Int64(bitPattern: Outcome(text).mark)))
            json.name("list")
            json.array { json in
                for part in text.split(separator: ",", maxSplits: 8) { json.string(String(part)) }
                json.object { $0.member("holds", text.isEmpty) }
            }
        }
        try expect(!json.bytes.contains { $0 < 0x20 || $0 == 0x7F }, "a control character in JSON")
        guard let read = try? JSONSerialization.jsonObject(with: Data(json.bytes)) as? [String: Any] else {
            throw Violation("no JSON: \(String(decoding: json.bytes, as: UTF8.self))")
        }
        try expect((read["text"] as? String).map { Array($0.utf8) } == Array(text.utf8), "it says something else")
        try expect((read["list"] as? [Any])?.count == text.split(separator: ",", maxSplits: 8).count + 1, "the list")
        return Outcome("json", json.bytes.count - text.utf8.count, (read["list"] as? [Any])?.count ?? 0)
    }

    private static let argumentWords = [
        "\ngateway\n", "\ncheck\n", "\ndemo\n", "\nkeys\n", "\nmigrate\n", "\n--config\n", "\n--upstream\n",
        "\n--listen\n", "\n--admin\n", "\n--store\n", "\n--help", "\n--retention\n", "\n--", "\n-", "=", "5s", "24h",
        "http://127.0.0.1:80", "memory", "\n--reference\n", "\nlist\n", "\nresolve\n", "\n--deadline\n", "\n--version",
    ]

    /// A line for each argument.
    private static func arguments(_ text: String) throws -> Outcome {
        let words = text.split(separator: "\n").prefix(24).map(String.init)
        do {
            return Outcome("\(type(of: try HoldfastCommand.parseAsRoot(Array(words))))")
        } catch {
            let message = HoldfastCommand.message(for: error)
            try expect(message.utf8.count < 1 << 20, "a message of \(message.utf8.count) bytes")
            return Outcome("wrong", Int(HoldfastCommand.exitCode(for: error).rawValue), message.utf8.count)
        }
    }
}
#endif
