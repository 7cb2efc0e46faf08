#if Gateway
import Foundation
import TestSupport
import Testing

@testable import HoldfastGateway

/// Slips of the pen in a configuration file: each is told where it is, in words of a person.
@Suite struct ConfigurationSlipsTests {
    struct Slip: Sendable, CustomTestStringConvertible {
        let text: String
        let place: String
        let words: String
        var testDescription: String { "\(place) \(words)" }

        init(_ text: String, _ place: String, _ words: String) {
            (self.text, self.place, self.words) = (text, place, words)
        }
    }

    static let slips: [Slip] = [
        // Marks of byte order, and bytes that are none of a text.
        Slip("\u{FEFF}threads: 4\n", "1:1", "byte order mark"),
        Slip("threads: 4\n\u{FEFF}log: {level: info}\n", "2:1", "byte order mark"),
        Slip("threads: 4\nlog: {level: in\u{FEFF}fo}\n", "2:16", "byte order mark"),
        Slip("threads: 4\u{0}\n", "1:11", "U+0000"), Slip("a: b\n\u{1}\n", "2:1", "U+0001"),
        Slip("a: \"\u{7}\"\n", "1:5", "U+0007"), Slip("# \u{1B}[2J\n", "1:3", "U+001B"),
        Slip("a: b\u{B}\n", "1:5", "U+000B"),
        // Within brackets.
        Slip("a: {b:[c]}\n", "1:6", "a ':' within brackets needs a blank behind it"),
        // Tabs.
        Slip("services:\n\tpayments:\n\t\tendpoints: [http://a]\n", "2:1", "a tab stands in the indentation"),
        Slip("services:\n  payments:\n\t  endpoints: [http://a]\n", "3:1", "a tab stands in the indentation"),
        Slip("services:\n  payments:\n  \tendpoints: [http://a]\n", "3:3", "a tab stands in the indentation"),
        Slip("routes:\n  -\tname: a\n    service: b\n", "2:4", "a tab stands behind '-'"),
        Slip("admin: {}\n\t\nlog: {}\n", "2:1", "a tab stands here"),
        Slip("routes: - name: a\n", "1:9", "begin the list in the next line"),
        Slip("{\n\t\"threads\": 4\n\t\"log\": {}\n}\n", "1:1", "no ',' before line 3"),
        // Blanks that are none.
        Slip("admin:\n\u{A0}\u{A0}address: a\n", "2:1", "a no-break space stands in the indentation"),
        Slip("admin:\n  address:\u{A0}a\n  tokenFile: b\n", "2:11", "a no-break space"),
        Slip("threads:\u{A0}4\n", "1:1", "a no-break space"), Slip("threads:\u{3000}4\nlog: {}\n", "1:9", "U+3000"),
        // A blank that is missing.
        Slip("threads:4\nroutes: []\n", "1:9", "'threads:' is not followed by a blank: write 'threads: …'"),
        Slip("routes: []\nthreads:4\n", "2:9", "'threads:' is not followed by a blank"),
        Slip("threads:4\n\n# and\nlog: {}\n", "1:9", "'threads:' is not followed by a blank"),
        Slip("threads:4\n", "1:1", "'threads:' is not followed by a blank"),
        Slip("admin:\n  address:127.0.0.1:9090\n  tokenFile: x\n", "2:11", "'address:' is not followed by a blank"),
        Slip("admin:\n  tokenFile: x\n  address:127.0.0.1:9090\n", "3:11", "'address:' is not followed by a blank"),
        Slip("admin:\n  address:127.0.0.1:9090\n", "2:3", "'address:' is not followed by a blank"),
        Slip("limits:\n  connections:5\nthreads: 4\n", "2:3", "'connections:' is not followed by a blank"),
        Slip("log: {level:info}\n", "1:7", "'level:' is not followed by a blank"),
        Slip("log: {level:info, format: text}\n", "1:7", "'level:' is not followed by a blank"),
        Slip("routes:\n  - name:a\n    service: b\n", "2:10", "'name:' is not followed by a blank"),
        Slip("routes:\n  - name: a\n    service:b\n", "3:13", "'service:' is not followed by a blank"),
        Slip(
            "services:\n  a:\n    endpoints:[http://a]\n    connections: 4\n", "3:15",
            "'endpoints:' is not followed by a blank"),
        Slip("routes:\n  -name: a\n    service: b\n", "2:4", "'-' is not followed by a blank: write '- name'"),
        // Other signs than a colon.
        Slip("threads=4\nlog: {}\n", "1:8", "'=' and not by ':'"),
        Slip("threads = 4\nlog: {}\n", "1:9", "'=' and not by ':'"),
        Slip("threads：4\nlog: {}\n", "1:8", "'：' and not by ':'"), Slip("threads\nlog: {}\n", "2:4", "lacks its ':'"),
        // What is opened and not closed, or closed and not opened.
        Slip("log: {level: \"info}\nthreads: 4\n", "1:14", "a quote is opened here"),
        Slip("threads: '4\nx: y\n", "1:10", "a quote is opened here"),
        Slip("services:\n  a:\n    endpoints: [http://a\n    connections: 4\n", "3:16", "has no ']'"),
        Slip("log: {level: info\nthreads: 4\n", "1:6", "has no '}'"),
        Slip("a: [b]]\n", "1:7", "']' stands here"), Slip("a: {b: c}}\n", "1:10", "'}' stands here"),
        // Indentation.
        Slip("admin:\n  address: a\n    tokenFile: b\n", "3:14", "does not fit the line before"),
        Slip("admin:\n    address: a\n  tokenFile: b\n", "3:3", "indented as none before it"),
        Slip("routes:\n  - name: a\n   service: b\n", "3:4", "indented as none before it"),
        Slip("admin:\n  address: a\n  - b\n", "3:3", "an entry of a list stands here"),
        // Values.
        Slip("service: a: b\n", "1:11", "put the value in quotes"),
        Slip("threads: 4 log: x\n", "1:15", "put the value in quotes"),
        Slip("a: \"\\q\"\n", "1:5", "this backslash"), Slip("a: @b\n", "1:4", "begins with '@'"),
        Slip("a: `b`\n", "1:4", "begins with '`'"), Slip("a: %b\n", "1:4", "begins with '%'"),
        Slip("%b: c\n", "1:3", "begins with '%'"),
        Slip("threads: 4\n---\nthreads: 5\n", "2:1", "a second document"),
        Slip("threads: 4\n...\nthreads: 5\n", "3:1", "a second document"),
        Slip("a: |x\n", "1:5", "behind '|'"), Slip("a: *b\n", "1:4", "anchor or alias"),
        Slip("a: 1\na: 2\n", "1:1", "given twice"),
    ]

    @Test(arguments: slips) func `a slip is told at its place, in words`(slip: Slip) throws {
        let found = mistakes(slip.text).filter { !$0.contains("is missing") && !$0.contains("has no option a") }
        #expect(found.contains { $0.hasPrefix("holdfast.yaml:\(slip.place): ") && $0.contains(slip.words) }, "\(found)")
    }

    @Test(arguments: slips) func `no message says what only a programmer reads`(slip: Slip) {
        for message in mistakes(slip.text) {
            for word in [
                "Optional(", "Swift.", "Error Domain", "YamlError", "Mark(", "Node.", "nil", "NSCocoa", "scanner(",
                "parser(", "while scanning",
                "simple key", "mapping values", "block mapping", "token", "indicator", "<document",
            ] where !slip.text.contains(word) {
                #expect(!message.contains(word), "\(message)")
            }
            #expect(!message.contains("\n") && message.unicodeScalars.allSatisfy { $0.value >= 0x20 })
        }
    }

    @Test(
        arguments: [
            ([0x61, 0xFF], "1:2"), ([0x61, 0x3A, 0x20, 0x62, 0x0A, 0xC3, 0xA9, 0xC3, 0x0A], "2:2"),
            ([0xC0, 0x80], "1:1"),
            ([0x0A, 0x0A, 0xED, 0xA0, 0x80], "3:1"),
        ] as [([UInt8], String)])
    func `a byte that is no UTF-8 is told at its place`(bytes: [UInt8], place: String) {
        let error = #expect(throws: ConfigurationMistakes.self) { try ConfigurationFile(bytes, path: "x") }
        #expect(
            error?.description.hasPrefix("x:\(place): a byte here is no UTF-8") == true, "\(error?.description ?? "")")
    }

    @Test(arguments: [[0xFF, 0xFE, 0x61, 0x00], [0xFE, 0xFF, 0x00, 0x61]] as [[UInt8]])
    func `a file in UTF-16 is told so`(bytes: [UInt8]) {
        let error = #expect(throws: ConfigurationMistakes.self) { try ConfigurationFile(bytes, path: "x") }
        #expect(error?.description.hasPrefix("x:1:1: the file begins with UTF-16's byte order mark") == true)
    }

    @Test(arguments: [
        "key:\tvalue", "a: b", "a:", "# x:y", "  - a: b", "- - a: b", "http://a:80/b", "\"a:b\": c", "'a=b': c",
        "a.b:c d", "-1", "- -", "---",
        "a b=c", "", "   ", "\t", "\t# x", "*:80",
    ])
    func `what is right is no slip`(line: String) { #expect(YAMLSlip(line) == nil) }

    @Test(arguments: [
        "store:\n  location:postgres://ada:hush@db/keys\n", "store: postgres://ada:hush@db/keys\n",
        "store: {location:postgres://ada:hush@db/keys}\n", "store: {location: postgres://ada:hush@db/keys\n",
        "store:\n\tlocation: postgres://ada:hush@db/keys\n", "store: {location: \"postgres://ada:hush@db/keys}\n",
        "store:\n  location = postgres://ada:hush@db/keys\nthreads: 1\n",
        "store: {location: [postgres://ada:hush@db/keys]}\n", "store:\n  location: postgres://ada:hush@db/keys: 1\n",
        "store:postgres://ada:hush@db/keys\n", "store:\n  - location: postgres://ada:hush@db/keys\n",
        "store:\n  location: postgres://ada:hush@db/${keys\n",
    ])
    func `a slip beside a secret does not have it quoted`(text: String) {
        let found = mistakes(text)
        #expect(!found.isEmpty && !found.joined().contains("hush"), "\(found)")
    }

    @Test func `lines that end as Windows has it are lines`() throws {
        let text = ConfigurationFolder.least.replacing("\n", with: "\r\n")
        try expectEqual(read(text), read(ConfigurationFolder.least))
        #expect(mistakes(text + "    deadline: x\r\n").first?.hasPrefix("holdfast.yaml:7:15: ") == true)
    }
}
#endif
