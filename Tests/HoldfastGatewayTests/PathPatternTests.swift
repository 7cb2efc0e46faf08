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

    @Test(arguments: ["charges", "", "/a?b", "/a#b", "/{}", "/x{id}", "/{id}x", "/*/a", "/a*", "/ a", "/é"])
    func `what is no pattern is refused with its value`(text: String) {
        let error = #expect(throws: ConfigurationError.self) { try PathPattern(text) }
        #expect(error?.value == text)
    }

    private func expectEqual(_ value: Bool, _ expected: Bool) { #expect(value == expected) }
}
#endif
