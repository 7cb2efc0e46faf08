#if Gateway && (FUZZ || DEBUG)
import Foundation
@testable import HoldfastCommands
@testable import HoldfastGateway
import Yams

extension FuzzTarget {
    /// What files hold.
    static var files: [FuzzTarget] {
        [
            FuzzTarget("configuration", words: configurationWords, share: 0.4, run: configuration),
            FuzzTarget("yaml", words: yamlWords, share: 0.7, run: yaml),
            FuzzTarget("secret", words: ["\r", "\n", "=", "-----BEGIN CERTIFICATE-----\n", "-----END"], run: secret),
        ]
    }

    private static let yamlWords = [
        "&", "*", "&a ", "*a", " &a ", "- ", ": ", "? ", "!!str ", "!", "|\n", ">-\n", "{", "}", "[", "]", "\"", "'",
        "\n",
        "\r", "\u{85}", "\u{2028}", "\u{FEFF}", "<<: ", "%YAML 1.1\n", "---\n", "...\n", "#", "\\u", "\t", "~",
    ]

    private static let configurationWords =
        yamlWords + [
            "services:\n", "routes:\n", "listeners:\n", "limits:\n", "endpoints:", "http://a:80", "5s", "0s",
            "999999999d",
            "20%", "1e9", "-1", "16KiB", "9223372036854775807", "name: ", "path: ", "idempotency:\n", "profile: ",
            "retry:\n", "attempts: ", "hedge:\n", "breaker:\n", "off", "required", "{ host: \"*.a\" }",
        ]

    /// A file is refused with a reason and a place in it, or means something that can be said and carried out.
    private static func configuration(_ bytes: [UInt8]) throws -> Outcome {
        do throws(ConfigurationMistakes) {
            let file = try ConfigurationFile(bytes, path: "/nowhere/holdfast.yaml")
            let text = ConfigurationPlan(file).text
            try? file.configuration.validate()
            return Outcome("right", file.configuration.routes.count, file.warnings.count, text.utf8.count / 256)
        } catch {
            let lines = bytes.count { $0 == 0x0A || $0 == 0x0D } + bytes.count / 2 + 2
            var outcome = Outcome("wrong", error.all.count)
            for mistake in error.all {
                try expect(mistake.line.map { (1...lines).contains($0) } ?? true, "no such line: \(mistake)")
                outcome.add(String(mistake.message.suffix(24)))
            }
            try expect(!error.all.isEmpty, "it is refused without a reason")
            return outcome
        }
    }

    /// Whatever a file says, it means no more than is written in it: no anchor and no alias gets through.
    private static func yaml(_ bytes: [UInt8]) throws -> Outcome {
        let node: Node?
        do throws(ConfigurationMistake) {
            node = try YAMLDocument.compose(bytes, file: "f")
        } catch {
            return Outcome(String(error.message.prefix(40)))
        }
        guard let node else { return Outcome("nothing") }
        var (count, depth) = (0, 0)
        try walk(node, &count, &depth, 0)
        try expect(count <= 2 * bytes.count + 1, "\(bytes.count) bytes stand for \(count) values")
        return Outcome("nodes", count, depth)
    }

    private static func walk(_ node: Node, _ count: inout Int, _ depth: inout Int, _ level: Int) throws {
        count += 1
        depth = max(depth, level)
        try expect(count < 1 << 20, "more values than anybody wrote")
        switch node {
        case .scalar: break
        case .mapping(let mapping):
            for (key, value) in mapping {
                try walk(key, &count, &depth, level + 1)
                try walk(value, &count, &depth, level + 1)
            }
        case .sequence(let sequence): for value in sequence { try walk(value, &count, &depth, level + 1) }
        case .alias: throw Violation("an alias got through")
        }
    }

    private static func secret(_ bytes: [UInt8]) throws -> Outcome {
        if let token = SecretText.token(bytes) {
            try expect(token.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }, "a token with characters that none has")
        }
        if let key = SecretText.encryptionKey(bytes) { try expect(key.count == 32, "a key of \(key.count) bytes") }
        let isPEM = bytes.starts(with: Array("-----".utf8))
        return Outcome(
            "secret", SecretText.token(bytes) == nil ? 0 : 1, SecretText.encryptionKey(bytes) == nil ? 0 : 1,
            isPEM ? (PEM.certificates(bytes) == nil ? 1 : 2) : 0, isPEM ? (PEM.privateKey(bytes) == nil ? 1 : 2) : 0)
    }
}
#endif
