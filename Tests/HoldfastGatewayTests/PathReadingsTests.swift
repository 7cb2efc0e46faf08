#if Gateway
import NIOHTTP1
import Testing

@testable import HoldfastGateway

@Suite struct PathReadingsTests {
    private func common(_ path: String) -> String? { PathReadings(path.utf8).common }

    @Test(arguments: [
        "/charges", "/Charges", "/CHARGES", "/%63harges", "/%43harges", "/%2563harges", "/%252563harges",
        "/%25%36%33harges",
        "/charges/", "/charges//", "/charges/;", "/charges;", "/charges;a=b", "/charges;a;b=c", "/charges%3Ba",
        "/charges%253B", "/charges%2F", "/charges%252f", "/charges%5C", "/charges%3F", "/charges%3Fa=b", "/charges%23x",
        "/charges%20", "/%20charges", "/charges.", "/charges.%20.", "/charges%C2%A0", "/charges%E3%80%80",
        "/charges%C0%AF",
        "/charge%C5%BF", "/%EF%BD%83harges", "/%EF%BC%A3harges", "/%F0%9D%90%9Charges", "/%E2%93%92harges",
        "/%C1%A3harges",
        "/%EF%BC%85%36%33harges", "/charges%EF%BC%8F", "/charges%EF%BC%9B", "/charges%CD%BE", "/charges%C1%9C",
    ])
    func `spellings that some service takes for the same have one reading in common`(path: String) {
        #expect(common(path) == "/charges", "\(path) is read \(common(path) ?? "in no one way")")
    }

    @Test(arguments: [
        ("/a/b", "/a/b"), ("/a//b", "/a/b"), ("/a%2Fb", "/a/b"), ("/a%5Cb", "/a/b"), ("/a%252Fb", "/a/b"), ("/", "/"),
        ("/;a", nil), ("//a", nil), ("/%2Fa", nil), ("/%5Ca/b", nil), ("/a;b%2Fc", nil), ("/a;b%3Fc", nil),
        ("/a%2Fb%5Cc%3Bd", nil), ("/a;b/c%2Fd", "/a/c/d"), ("/a/%E9", "/a/\u{FFFD}"), ("/caf%C3%A9", "/café"),
        ("/%20", "/ "), ("/...", "/..."),
    ])
    func `the common reading is the freest, and there is none where it depends on the order`(
        path: String, reading: String?
    ) {
        #expect(common(path) == reading)
    }

    @Test func `a mark is read both ways, and all others one way`() {
        let readings = PathReadings("/Files/a%2Fb//c".utf8)
        let paths = readings.marks.subsets.map { PathReadings.spelled(readings.path(taking: $0)) }
        #expect(paths == ["/files/a%2Fb/c", "/files/a/b/c"])
        #expect(PathReadings("/a%2Fb%5Cc".utf8).marks.subsets.count == 4)
        #expect(
            PathReadings("//x/charges".utf8).marks.subsets.map { PathReadings("//x/charges".utf8).path(taking: $0) }
                == ["/x/charges", "/charges"])
    }

    @Test(arguments: [
        ("POST api.example.com/charges", ["POST api.example.com/charges"]),
        ("POST API.example.com.:8080/charges", ["POST api.example.com/charges"]),
        ("POST a/Charges/", ["POST a/charges", "POST a/Charges/"]), ("POST a/%63harges", ["POST a/charges"]),
        ("POST /charges", ["POST /charges"]), ("nonsense", ["nonsense"]), ("POST a/../b", ["POST a/../b"]),
    ])
    func `an operation is looked for as the gateway may have it`(text: String, scopes: [String]) {
        #expect(Operation.scopes(of: text) == scopes)
    }
}
#endif
