import HoldfastHTTP
import HoldfastIdempotency
import Testing

/// What is the same request, and what is another.
@Suite struct RequestFingerprintTests {
    private static let secret = StoreSecret.random()

    private static func print(
        _ type: String?, _ body: String, encodings: [String] = [], fields: [RequestFingerprint.Field] = [],
        in pieces: Int = 1
    ) -> Fingerprint {
        let bytes = Array(body.utf8)
        let size = max(1, bytes.count / pieces)
        let all = stride(from: 0, to: bytes.count, by: size).map { bytes[$0..<min($0 + size, bytes.count)] }
        return RequestFingerprint(
            method: "POST", target: "/charges", contentTypes: type.map { [$0] } ?? [], contentEncodings: encodings,
            fields: fields
        ).fingerprint(under: secret, body: all)
    }

    private static func form(_ boundary: String, _ parts: [String] = ["a=1", "b=2"]) -> String {
        parts.map { "--\(boundary)\r\nContent-Disposition: form-data\r\n\r\n\($0)\r\n" }.joined()
            + "--\(boundary)--\r\n"
    }

    private static func type(_ boundary: String) -> String { "multipart/form-data; boundary=\(boundary)" }

    // MARK: The media type

    @Test func `a media type that is spelled otherwise is the same`() {
        let one = Self.print("application/json;charset=utf-8", "{}")
        #expect(one == Self.print("Application/JSON; Charset=\"UTF-8\"", "{}"))
        #expect(one != Self.print("application/json", "{}"))
        #expect(one != Self.print("text/json;charset=utf-8", "{}"))
    }

    @Test func `an absent field, an empty one and one that is there twice are three`() {
        func print(_ types: [String], _ encodings: [String] = []) -> Fingerprint {
            RequestFingerprint(method: "POST", target: "/", contentTypes: types, contentEncodings: encodings)
                .fingerprint(under: Self.secret, body: [[UInt8]]())
        }
        let all = [
            print([]), print([""]), print(["a/b"]), print(["a/b", "a/b"]), print(["a/b", "c/d"]), print(["a/b, c/d"]),
            print([], ["gzip"]), print([], ["gzip", "br"]), print([], ["br, gzip"]), print(["gzip"]),
        ]
        #expect(Set(all).count == all.count)
    }

    @Test(arguments: [
        (["gzip"], ["GZIP"]), (["gzip"], ["x-gzip"]), (["gzip"], [" gzip\t"]), (["gzip", "br"], ["gzip, br"]),
        (["gzip", "br"], ["X-GZip ,,Br"]), (["compress"], ["X-Compress"]), ([], [""]), ([], [" ,"]),
    ])
    func `codings that are spelled otherwise are the same`(one: [String], other: [String]) {
        #expect(Self.print("a/b", "x", encodings: one) == Self.print("a/b", "x", encodings: other))
    }

    @Test func `what a route names counts with all its values, in order, and with its absence`() {
        func print(_ values: [String]...) -> Fingerprint {
            Self.print(nil, "", fields: values.enumerated().map { .init(name: "f\($0)", values: $1) })
        }
        let all = [
            print([], ["x"]), print(["x"], []), print(["x", "y"], []), print(["y", "x"], []), print(["x"], ["y"]),
            print([""], ["x"]), print(["xy"], []), print(["x,y"], []), print([], []), print(),
        ]
        #expect(Set(all).count == all.count)
    }

    @Test func `method, target and body do not run into one another, and pieces are one body`() {
        func print(_ method: String, _ target: String, _ body: String) -> Fingerprint {
            RequestFingerprint(method: method, target: target).fingerprint(under: Self.secret, body: [Array(body.utf8)])
        }
        let all = [print("PUT", "/a", "b"), print("PUT", "/ab", ""), print("PUT/", "a", "b"), print("PUT", "/", "ab")]
        #expect(Set(all).count == all.count)
        #expect(Self.print(nil, "amount=100", in: 1) == Self.print(nil, "amount=100", in: 5))
    }

    // MARK: Multipart

    @Test(arguments: [
        ("x", "----WebKitFormBoundary7MA4YWxk"), ("===============1==", "0123456789abcdef"), ("a'b(c)", "\"q r s\""),
    ])
    func `the same parts under another boundary are the same request`(one: String, other: String) {
        let bare = other.filter { $0 != "\"" }
        #expect(Self.print(Self.type(one), Self.form(one)) == Self.print(Self.type(other), Self.form(bare)))
        #expect(
            Self.print(Self.type(one), Self.form(one)) != Self.print(Self.type(other), Self.form(bare, ["a=1", "b=3"])))
    }

    @Test func `whatever of the body differs is told apart`() {
        let bodies = [
            Self.form("x"), Self.form("x", ["b=2", "a=1"]), Self.form("x", ["a=1"]),
            Self.form("x", ["a=1", "b=2", ""]),
            Self.form("x", ["a=1\r\n", "b=2"]), "preamble\r\n" + Self.form("x"), "\r\n" + Self.form("x"),
            Self.form("x") + "epilogue", String(Self.form("x").dropLast(1)),
            Self.form("x").replacing("--x--", with: "--x-- "), Self.form("x").replacing("--x\r\n", with: "--x\t\r\n"),
            Self.form("x").replacing("form-data", with: "form-data; name=a"), "--x--\r\n", "--x--", "",
        ]
        #expect(Set(bodies.map { Self.print(Self.type("x"), $0) }).count == bodies.count)
        // And with the boundaries of another try, all of them again.
        let again = bodies.map { $0.replacing("--x", with: "--yz") }
        #expect(
            Set((bodies.map { Self.print(Self.type("x"), $0) }) + again.map { Self.print(Self.type("yz"), $0) }).count
                == bodies.count + 1, "only the empty body, which has no parts, is another under another boundary")
    }

    /// Where readers could disagree on the parts, the boundary counts like everything else.
    @Test(arguments: [
        "--X\r\n\r\na=1\n--X\r\n\r\nb=2\r\n--X--\r\n", "--X\r\n\r\na=1--X\r\n--X--\r\n",
        "--X\r\n\r\na=1\r\n--Xy\r\n--X--\r\n",
        "--X\r\n\r\na=1\r\n", "--X\r\n\r\na=1\r\n--X--\r\n--X\r\n", "--X\r\n--X--\r\n", "--X\n\na=1\n--X--\n",
        "--X\r\n\r\na=1\r\n--X-- x\r\n", "--X\r\n\r\na=1\r\n--X--\r\n--X--", "x--X\r\n\r\n\r\n--X--", "no parts at all",
        "\n--X\r\n\r\na\r\n--X--",
    ])
    func `a body that can be read in two ways is taken as it is`(template: String) {
        func print(_ boundary: String) -> Fingerprint {
            Self.print(Self.type(boundary), template.replacing("X", with: boundary))
        }
        #expect(print("one") != print("two"))
        #expect(print("one") == print("one"))
    }

    @Test func `content that spells the other try's delimiter is no delimiter`() {
        // Under `a`, one part that quotes `--b`; under `b`, two parts with what the first quoted.
        let quoting = Self.form("a", ["1\r\n--b\r\nContent-Disposition: form-data\r\n\r\n2"])
        #expect(Self.print(Self.type("a"), quoting) != Self.print(Self.type("b"), Self.form("b", ["1", "2"])))
    }

    @Test func `an encoded body is not taken apart, since the boundary is in it encoded`() {
        let one = Self.print(Self.type("a"), Self.form("a"), encodings: ["gzip"])
        #expect(one != Self.print(Self.type("b"), Self.form("b"), encodings: ["gzip"]))
        #expect(one != Self.print(Self.type("a"), Self.form("a")))
    }

    @Test func `a batch of sets of changes is the same under other boundaries`() {
        func batch(_ outer: String, _ inner: String, _ last: String = "2", fold: Bool = false) -> String {
            let type = "Content-Type: multipart/mixed;\(fold ? "\r\n\t" : " ")boundary=\(inner)"
            let set = ["1", last].map { "--\(inner)\r\n\r\n\($0)\r\n" }.joined() + "--\(inner)--\r\n"
            return "--\(outer)\r\n\(type)\r\nX: y\r\n\r\n\(set)\r\n--\(outer)--\r\n"
        }
        let one = Self.print(Self.type("batch_1"), batch("batch_1", "set_1"))
        #expect(one == Self.print(Self.type("batch_2"), batch("batch_2", "set_2")))
        #expect(one != Self.print(Self.type("batch_2"), batch("batch_2", "set_2", "3")))
        #expect(
            one == Self.print(Self.type("batch_2"), batch("batch_2", "set_2", fold: true)),
            "a folded line says the same")
    }

    /// What is beyond the bound is taken as it was sent, so that its boundary counts.
    @Test(arguments: [
        // Parts, sets of changes, and parts in each set; a set costs its parameter as well.
        (1_000, 0, 0, true), (1_001, 0, 0, false), (0, 1, 998, true), (0, 1, 999, false), (0, 200, 3, true),
        (0, 201, 3, false), (500, 100, 3, true), (500, 101, 3, false), (0, 5_000, 1, false),
    ])
    func `no more parts are told apart than a thousand, at whatever depth they are`(
        parts: Int, sets: Int, inEach: Int, isSame: Bool
    ) {
        func batch(_ outer: String, _ inner: String) -> String {
            let set = Self.form(inner, Array(repeating: "x", count: inEach))
            let type = "Content-Type: multipart/mixed; boundary=\(inner)"
            let all =
                String(repeating: "--\(outer)\r\n\r\nx\r\n", count: parts)
                + String(repeating: "--\(outer)\r\n\(type)\r\n\r\n\(set)\r\n", count: sets)
            return all + "--\(outer)--\r\n"
        }
        let one = Self.print(Self.type("a"), batch("a", "i"))
        #expect(one == Self.print(Self.type("a"), batch("a", "i")))
        #expect((one == Self.print(Self.type("b"), batch("b", "j"))) == isSame)
    }

    @Test(arguments: [
        ("CONTENT-TYPE: MULTIPART/mixed; boundary=", true), ("content-type:multipart/mixed;boundary=", true),
        ("Content-Type:\tmultipart/mixed; boundary=", true), ("Content-Types: multipart/mixed; boundary=", false),
        ("Content-Type : multipart/mixed; boundary=", false), ("Content-Type: text/plain; boundary=", false),
        ("X: y\r\nContent-Type: multipart/mixed; boundary=", true), ("Content-Type: multipartx/y; boundary=", false),
    ])
    func `a part is a multipart body where its head says so, in any case`(line: String, isOne: Bool) {
        func body(_ inner: String) -> String {
            "--a\r\n\(line)\(inner)\r\n\r\n\(Self.form(inner))\r\n--a--\r\n"
        }
        #expect((Self.print(Self.type("a"), body("i")) == Self.print(Self.type("a"), body("j"))) == isOne)
    }

    @Test func `what is no multipart keeps its boundary parameter`() {
        #expect(Self.print("text/plain; boundary=a", "x") != Self.print("text/plain; boundary=b", "x"))
        #expect(Self.print("multipart/mixed", "x") != Self.print("multipart/mixed; boundary=b", "x"))
    }

    /// A stranger chooses both the boundary and the body: the search must not depend on how alike they are.
    @Test func `bodies that are all beginnings of a delimiter cost what others cost`() {
        let boundary = String(repeating: "-", count: 68) + "x"
        let clock = ContinuousClock()
        let near = String(repeating: "-", count: 1 << 20)
        let far = String(repeating: "a", count: 1 << 20)
        func time(_ body: String) -> Duration {
            (0..<3).map { _ in clock.measure { _ = Self.print(Self.type(boundary), body) } }.min() ?? .zero
        }
        let (slow, usual) = (time(near), time(far))
        #expect(slow < usual * 10 + .milliseconds(20), "\(slow) for one, \(usual) for the other")
    }
}
