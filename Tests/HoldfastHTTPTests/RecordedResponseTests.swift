import HoldfastHTTP
import Testing

/// What a replay has, and what it never has, whoever has recorded it.
@Suite struct RecordedResponseTests {
    private typealias Field = RecordedResponse.Field

    private static func recorded(
        _ status: Int, _ fields: [(String, String)], _ body: [UInt8] = [], adding more: Set<String> = []
    ) -> RecordedResponse {
        RecordedResponse(
            status: status, fields: fields.map { Field(name: $0.0, value: $0.1) }, body: body, adding: more)
    }

    /// A record as another hand may have written it: nothing is looked at.
    private static func bytes(_ status: UInt32, _ fields: [(String, [UInt8])], _ body: [UInt8]) -> [UInt8] {
        func number(_ number: UInt32) -> [UInt8] { withUnsafeBytes(of: number.littleEndian) { Array($0) } }
        func counted(_ bytes: [UInt8]) -> [UInt8] { number(UInt32(bytes.count)) + bytes }
        return [1] + number(status) + number(UInt32(fields.count))
            + fields.flatMap { counted(Array($0.0.utf8)) + counted($0.1) } + counted(body)
    }

    @Test(arguments: [
        "Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Access-Control-Expose-Headers",
        "Access-Control-Allow-Methods", "Access-Control-Allow-Headers", "Access-Control-Max-Age", "Allow",
        "Accept-Ranges", "Content-Range", "Content-Digest", "Repr-Digest", "Digest", "Content-Security-Policy",
        "Cross-Origin-Resource-Policy", "Permissions-Policy", "Referrer-Policy", "Strict-Transport-Security",
        "Timing-Allow-Origin", "X-Content-Type-Options", "X-Frame-Options", "Vary", "Location", "ETag",
    ])
    func `what a browser or a client needs to read the answer is replayed`(name: String) {
        #expect(Self.recorded(200, [(name, "v")]).fields == [Field(name: name, value: "v")])
    }

    private static let never = [
        "Set-Cookie", "Set-Cookie2", "Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization",
        "Proxy-Connection", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "Content-Length", "Date", "Age",
        "WWW-Authenticate", "Authentication-Info", "Proxy-Authentication-Info", "Idempotent-Replayed", "Via",
        "Holdfast-Request-Id",
    ]

    @Test(arguments: never)
    func `a route can add fields, but none of a session, a connection or a moment`(name: String) {
        let lower = name.lowercased()
        #expect(RecordedResponse.isNeverReplayed(lower))
        #expect(
            Self.recorded(200, [(name, "v"), ("X-Shop", "7")], adding: [lower, "x-shop"]).fields == [
                Field(name: "X-Shop", value: "7")
            ])
    }

    @Test func `what a route adds is replayed while it does`() throws {
        let encoded = Self.recorded(200, [("X-Shop", "7")], adding: ["x-shop"]).encoded
        #expect(try #require(RecordedResponse(encoded: encoded, adding: ["x-shop"])).fields.count == 1)
        #expect(try #require(RecordedResponse(encoded: encoded)).fields.isEmpty)
    }

    /// RFC 9110, section 7.6.1.
    @Test func `a field that the response's own Connection names is not replayed`() {
        let recorded = Self.recorded(200, [("Connection", "close, ETag"), ("ETag", "x"), ("Location", "/1")])
        #expect(recorded.fields == [Field(name: "Location", value: "/1")])
    }

    /// RFC 9110, sections 15.3.5, 15.3.6 and 15.4.5.
    @Test(arguments: [204, 205, 304])
    func `a status without content has none, whoever has recorded it`(status: Int) throws {
        let fields = [
            ("Content-Type", "text/plain"), ("Content-Encoding", "gzip"), ("Content-Range", "x"), ("ETag", "7"),
        ]
        let recorded = Self.recorded(status, fields, [1, 2])
        #expect(recorded.body.isEmpty && recorded.fields == [Field(name: "ETag", value: "7")])
        let old = Self.bytes(UInt32(status), fields.map { ($0.0, Array($0.1.utf8)) }, Array("HTTP/1.1 200 OK\r\n".utf8))
        #expect(try #require(RecordedResponse(encoded: old)) == recorded)
    }

    /// RFC 9110, section 5.5.
    @Test(arguments: [
        ("Content-Type", "text/plain\r\nSet-Cookie: s=1"), ("Content-Type", "text/plain\nX: 1"),
        ("Location", "/\r\n\r\n<script>"), ("ETag", "a\u{0}b"), ("Location", "\r"),
    ])
    func `what breaks its line is left out, whoever has recorded it`(name: String, value: String) throws {
        #expect(Self.recorded(200, [(name, value)], [1]).fields.isEmpty)
        let old = try #require(RecordedResponse(encoded: Self.bytes(200, [(name, Array(value.utf8))], [1])))
        #expect(old.fields.isEmpty && old.body == [1])
    }

    @Test(arguments: ["ETag\r\nSet-Cookie", "ETag ", "ETag:", "", "Set-Cookie: a\r\nETag"])
    func `a name that is none is left out`(name: String) throws {
        let old = Self.bytes(200, [(name, Array("x".utf8))], [])
        #expect(try #require(RecordedResponse(encoded: old, adding: [name.lowercased()])).fields.isEmpty)
    }

    @Test func `a status that no answer ends with is no record`() {
        for status: UInt32 in [0, 100, 101, 103, 199, 1_000, .max] {
            #expect(RecordedResponse(encoded: Self.bytes(status, [], [])) == nil, "\(status)")
        }
        for status: UInt32 in [200, 599, 999] { #expect(RecordedResponse(encoded: Self.bytes(status, [], [])) != nil) }
    }

    @Test func `a value beyond ASCII comes back as it was`() throws {
        let value = "attachment; filename=\"J\u{10FFF6}rg ü.pdf\""
        let recorded = Self.recorded(200, [("Content-Disposition", value)])
        #expect(try #require(RecordedResponse(encoded: recorded.encoded)).fields.first?.value == value)
    }
}
