import Holdfast
import HoldfastHTTP
import Testing

/// The field `Idempotency-Key`, as RFC 9651 has its Strings and as the bare keys of others are.
@Suite struct IdempotencyKeyFieldTests {
    private func key(_ value: String) -> String? { try? IdempotencyKey(fieldValue: value).description }

    @Test(arguments: [
        (#""8e03978e""#, "8e03978e"), ("8e03978e", "8e03978e"), (#""a\"b""#, #"a"b"#), (#""a\\b""#, #"a\b"#),
        (#""\\\"""#, #"\""#), (#"a\b"#, #"a\b"#), (#"a"b"#, #"a"b"#), (" \t\"k\" \t", "k"), ("\t k \t", "k"),
        ("abc;v=1", "abc;v=1"), (#"'k'"#, "'k'"),
    ])
    func `a quoted key and a bare one are read`(value: String, expected: String) {
        #expect(key(value) == expected)
    }

    @Test(arguments: [
        #""a\bc""#, #""\x""#, #""\n""#, #""\u0041""#, #""\/""#, #""\ ""#, #""a\""#, #""\"#, "\"open", "\"a\"b", "\"",
        "\"\"",
        "", " ", "a b", "\"a b\"", "\"a\u{7F}\"", "\"a\tb\"", "\"\u{E9}\"", "\u{E9}", #""a", "b""#, #""a" "b""#,
        #""a"x"#,
        "\"a\u{0}\"",
    ])
    func `what is no String and no bare key is refused`(value: String) {
        #expect(key(value) == nil)
    }

    @Test(arguments: [
        ";v", ";v=1", ";v=-1", ";v=1.5", ";v=999999999999999", ";v=999999999999.999", "; v=1;w=2", ";a;b;c",
        #";v="x\"y""#, ";v=tok/en:x", ";v=*", ";v=:aGk=:", ";v=:aGk:", ";v=::", ";v=?1", ";v=?0", ";v=@1659578233",
        ";v=@-1", #";v=%"f%c3%bc""#, ";*k=1", ";a-b_c.d*=x", ";v=1;v=2",
    ])
    func `parameters that are well formed are ignored`(parameters: String) {
        #expect(key("\"k\"" + parameters) == "k")
    }

    @Test(arguments: [
        ";", ";;", "; ", ";V=1", ";1=1", ";v=", ";v= 1", ";v =1", ";v=1.", ";v=.5", ";v=1.2345", ";v=1234567890123456",
        ";v=1234567890123.1", ";v=--1", ";v=-", #";v="x"#, #";v="\x""#, ";v=:a:", ";v=:aGk", ";v=:a=b:", ";v=:aGk==:",
        ";v=?2", ";v=?", ";v=@", ";v=@1.5", #";v=%"%C3%BC""#, #";v=%"%ff""#, #";v=%"x"#, ";v=%x", ";v=(1)", ";v={",
        " ;v=1,", ";v=1,", "v=1", " v", ";v=1 2", ";v=\u{E9}",
    ])
    func `parameters that are not well formed are refused`(parameters: String) {
        #expect(key("\"k\"" + parameters) == nil)
    }

    @Test func `the longest key is as long in either form`() {
        let longest = String(repeating: "k", count: IdempotencyKey.maximumLength)
        #expect(key(longest) == longest && key("\"\(longest)\"") == longest && key("\"\(longest)\";v=1") == longest)
        #expect(key(longest + "k") == nil && key("\"\(longest)k\"") == nil)
    }
}
