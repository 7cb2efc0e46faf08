#if Gateway
import Holdfast
@testable import HoldfastGateway
import Testing

@Suite struct PathPatternTests {
    @Test(arguments: [
        ("/charges", "/charges", true), ("/charges", "/charges/", false), ("/charges", "/charges/1", false),
        ("/charges", "/chargesx", false), ("/charges", "/", false),
        ("/charges/{id}", "/charges/1", true), ("/charges/{id}", "/charges/", false),
        ("/charges/{id}", "/charges/1/refunds", false), ("/charges/{id}/refunds", "/charges/1/refunds", true),
        ("/charges/*", "/charges", true), ("/charges/*", "/charges/", true), ("/charges/*", "/charges/1/2", true),
        ("/charges/*", "/chargesx", false), ("/*", "/", true), ("/*", "/a/b", true), ("/", "/", true),
        ("/", "/a", false), ("/a//b", "/a//b", true), ("/a//b", "/a/b", false),
    ])
    func `a pattern takes its own paths and no others`(pattern: String, path: String, isTaken: Bool) throws {
        try expectEqual(PathPattern(pattern).matches(path[...].utf8), isTaken)
    }

    @Test(arguments: [
        ("/by-key/{key}", "k", "/charges/1", "/by-key/k"),
        ("/by-key?key={key}&id={id}", "a&b=c", "/charges/1", "/by-key?key=a%26b%3Dc&id=1"),
        ("/{id}/{key}", "a/b%?#\"~", "/charges/%2f+%zz", "/%2F%2B%25zz/a%2Fb%25%3F%23%22~"),
        ("/{key}/{key}", "...", "/charges/1", "/.../..."),
        ("/{id}/{key}", "k", "/charges/%2e%2e", nil), ("/{key}", "..", "/charges/1", nil),
        ("/{key}", "a/../b", "/charges/1", nil), ("/{key}", "a\\.", "/charges/1", nil),
        ("/.{key}", ".", "/charges/1", nil), ("/a/%2e{key}", ".", "/charges/1", nil),
    ])
    func `a key is asked about where its path says and nowhere else`(
        template: String, key: String, path: String, target: String?
    ) throws {
        let pattern = try PathPattern("/charges/{id}")
        let asked = try ProbePath(template).target(asking: IdempotencyKey(key), path: path[...], of: pattern)
        #expect(asked == target)
    }

    @Test(arguments: [
        "by-key/{key}", "/by-key", "/{id}", "/{key", "/key}", "/{}{key}", "/{{key}}", "/{key}#a", "/ {key}",
    ])
    func `what is no path to ask at is refused with its value`(text: String) {
        let error = #expect(throws: ConfigurationError.self) { try ProbePath(text) }
        #expect(error?.value == text)
    }

    @Test(arguments: ["charges", "", "/a?b", "/a#b", "/{}", "/x{id}", "/{id}x", "/*/a", "/a*", "/ a", "/é"])
    func `what is no pattern is refused with its value`(text: String) {
        let error = #expect(throws: ConfigurationError.self) { try PathPattern(text) }
        #expect(error?.value == text)
    }

    private func expectEqual(_ value: Bool, _ expected: Bool) { #expect(value == expected) }
}
#endif
