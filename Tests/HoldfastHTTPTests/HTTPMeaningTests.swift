import HTTPTypes
import Holdfast
import HoldfastHTTP
import Testing

@Suite struct HTTPMeaningTests {
    @Test(arguments: [HTTPRequest.Method.get, .head, .options, .trace, .put, .delete])
    func `what http calls idempotent repeats`(method: HTTPRequest.Method) {
        #expect(Repeatability(method: method) == .idempotent)
    }

    @Test(arguments: [HTTPRequest.Method.post, .patch, .connect])
    func `the rest does not`(method: HTTPRequest.Method) {
        #expect(Repeatability(method: method) == .once)
    }

    @Test func `a recorded response comes back to the byte`() throws {
        let body = (0..<1_000).map { UInt8($0 % 256) }
        let response = RecordedResponse(
            status: 201,
            fields: [.init(name: "Content-Type", value: "image/png"), .init(name: "Set-Cookie", value: "s=1")],
            body: body)
        let back = try #require(RecordedResponse(encoded: response.encoded))
        #expect(back == response)
        #expect(back.body == body)
        #expect(back.fields == [.init(name: "Content-Type", value: "image/png")], "no Set-Cookie is replayed")
    }

    @Test(arguments: [
        "Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "TE", "Trailer",
        "Transfer-Encoding", "Upgrade", "Set-Cookie", "Content-Length", "Date", "WWW-Authenticate", "X-Unheard-Of",
    ])
    func `fields of one connection and fields that nobody has shown to be safe are not replayed`(name: String) {
        let kept = RecordedResponse.Field(name: "ETag", value: "x")
        let recorded = RecordedResponse(status: 200, fields: [.init(name: name, value: "1"), kept], body: [])
        #expect(recorded.fields == [kept])
    }

    @Test func `what another hand has recorded is not replayed either`() throws {
        let recorded = RecordedResponse(status: 200, fields: [.init(name: "ETag", value: "x")], body: [])
        let bytes = recorded.encoded.replacing(Array("ETag".utf8), with: Array("Date".utf8))
        #expect(try #require(RecordedResponse(encoded: bytes)).fields.isEmpty)
    }

    @Test func `bytes that are no response are refused`() {
        let encoded = RecordedResponse(status: 200, fields: [.init(name: "etag", value: "x")], body: [1, 2, 3]).encoded
        for length in 0..<encoded.count { #expect(RecordedResponse(encoded: Array(encoded.prefix(length))) == nil) }
        #expect(RecordedResponse(encoded: encoded + [0]) == nil)
        #expect(RecordedResponse(encoded: [9] + encoded.dropFirst()) == nil)
    }

    @Test func `a bare 503 is not taken for a decline`() {
        #expect(!StatusMeaning.wasNotActedUpon(503, hasRetryAfter: false))
        #expect(StatusMeaning.wasNotActedUpon(503, hasRetryAfter: true))
        #expect(!StatusMeaning.wasNotActedUpon(500, hasRetryAfter: true))
    }

    @Test func `a service that lacks a method is not failing`() {
        #expect(StatusMeaning.isServiceFailure(500))
        #expect(!StatusMeaning.isServiceFailure(501))
        #expect(!StatusMeaning.isServiceFailure(429))
    }

    @Test func `seconds to retry after are read and written, and a date alone says nothing`() {
        #expect(RetryAfter.parse("120") == .seconds(120))
        for broken in ["", "-1", "1.5", "9999999999", "Wed, 21 Oct 2015 07:28:00 GMT"] {
            #expect(RetryAfter.parse(broken) == nil)
        }
        #expect(RetryAfter.format(.milliseconds(1_001)) == "2")
        #expect(RetryAfter.format(.zero) == "1")
    }

    @Test(arguments: [
        ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:07 GMT", 30),
        ("Tue, 01 Mar 2016 00:00:00 GMT", "Sun, 28 Feb 2016 23:59:59 GMT", 86_401),
        ("Wed, 01 Mar 2017 00:00:00 GMT", "Tue, 28 Feb 2017 23:59:59 GMT", 1),
        ("Mon, 01 Mar 2100 00:00:00 GMT", "Sun, 28 Feb 2100 23:59:59 GMT", 1),
        ("Wed, 01 Mar 2000 00:00:00 GMT", "Mon, 28 Feb 2000 23:59:59 GMT", 86_401),
        ("Sat, 01 Jan 2028 00:00:00 GMT", "Fri, 01 Jan 2027 00:00:00 GMT", 365 * 86_400),
        ("Sat, 01 Jan 2028 00:00:00 GMT", "Sat, 01 Jan 2028 00:00:00 GMT", 0),
    ])
    func `a date to retry after is as far away as the answer's own date says`(value: String, date: String, seconds: Int)
    {
        #expect(RetryAfter.parse(value, date: date) == .seconds(seconds))
    }

    // RFC9110-5.6.7-1, RFC9110-5.6.7-4
    @Test(
        arguments: [
            ("Sunday, 06-Nov-94 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:07 GMT", 30),
            ("Sun Nov  6 08:49:37 1994", "Sun, 06 Nov 1994 08:49:07 GMT", 30),
            ("Sun Nov 20 08:49:07 1994", "Sunday, 06-Nov-94 08:49:07 GMT", 14 * 86_400),
            ("Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:07 1994", 30),
            // 50 years away is the future, and more is the past.
            ("Monday, 01-Jan-24 00:00:00 GMT", "Fri, 01 Jan 2021 00:00:00 GMT", 3 * 365 * 86_400),
            ("Sunday, 01-Jan-95 00:00:00 GMT", "Sun, 01 Jan 2021 00:00:00 GMT", nil),
            ("Sunday, 01-Jan-1995 00:00:00 GMT", "Fri, 01 Jan 1993 00:00:00 GMT", nil),
            ("Sun Nov 6 08:49:37 1994", "Sun, 06 Nov 1994 08:49:07 GMT", nil),
            ("Sun Nov  6 08:49:37 1994 GMT", "Sun, 06 Nov 1994 08:49:07 GMT", nil),
            ("Sun, 06-Nov-94 08:49:37", "Sun, 06 Nov 1994 08:49:07 GMT", nil),
        ] as [(String, String, Int?)])
    func `a date is read in each form that HTTP has had`(value: String, date: String, seconds: Int?) {
        #expect(RetryAfter.parse(value, date: date) == seconds.map { .seconds($0) })
    }

    @Test(arguments: [
        ("Sun, 06 Nov 1994 08:49:07 GMT", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ("Sun, 06 Nov 1994 08:49:37 GMT", "then"),
        ("Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:07 GMT"),
        ("Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:07 GMT"),
        ("Sun, 32 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:07 GMT"),
        ("Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 1994 08:49:07 GMT"),
        ("Sun, 06 Nov 2094 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:07 GMT"),
    ])
    func `a date to retry after that is past, far off or unreadable is ignored`(value: String, date: String) {
        #expect(RetryAfter.parse(value, date: date) == nil)
    }

    @Test func `a problem explains`() {
        let explanation = Explanation(
            policy: .circuitBreaker, name: "payments", state: "open", generation: 4,
            evidence: .consecutiveFailures(3, threshold: 3), retryAfter: .seconds(2))
        let text = String(decoding: Problem(.circuitOpen, "open", explanation: explanation).body, as: UTF8.self)
        for part in [
            "\"type\":\"urn:holdfast:problem:circuit-open\"", "\"threshold\":3", "\"generation\":4", "\"status\":503",
        ] {
            #expect(text.contains(part))
        }
    }

    @Test(arguments: [
        (429, ResultVerdict.failed(.rejected(retryAfter: .seconds(3)))),
        (503, .failed(.rejected(retryAfter: .seconds(3)))), (529, .failed(.rejected(retryAfter: .seconds(3)))),
        (408, .failed(.rejected(retryAfter: .seconds(3)))), (425, .failed(.rejected(retryAfter: .seconds(3)))),
        (502, .failed(.failed)), (504, .failed(.failed)), (500, .failedForGood), (507, .failedForGood),
        (501, .succeeded), (200, .succeeded), (304, .succeeded), (404, .succeeded), (409, .succeeded),
        (422, .succeeded),
    ])
    func `a client is told what a status is worth`(status: Int, verdict: ResultVerdict) {
        #expect(ResultVerdict(status: status, retryAfter: .seconds(3)) == verdict)
        let response = HTTPResponse(status: .init(code: status), headerFields: [.retryAfter: "3"])
        #expect(ResultVerdict(of: response) == verdict)
    }

    @Test func `a client waits until the date that it was told, by the server's clock`() {
        let fields: HTTPFields = [
            .retryAfter: "Sun, 06 Nov 1994 08:49:47 GMT", .date: "Sun, 06 Nov 1994 08:49:37 GMT",
        ]
        let response = HTTPResponse(status: .tooManyRequests, headerFields: fields)
        #expect(ResultVerdict(of: response) == .failed(.rejected(retryAfter: .seconds(10))))
        let bare = HTTPResponse(status: .tooManyRequests)
        #expect(ResultVerdict(of: bare) == .failed(.rejected(retryAfter: nil)))
        #expect(ResultVerdict(status: 529) == .failedForGood)
        #expect(ResultVerdict(status: 503) == .failed(.failed))
    }

    @Test(arguments: [
        (500, CircuitBreaker.State.open), (502, .open), (503, .open), (504, .open), (507, .open), (529, .open),
        (408, .closed), (425, .closed), (429, .closed), (501, .closed), (404, .closed), (200, .closed),
    ])
    func `a streak of one answer opens a breaker if it says that the service is not well`(
        status: Int, state: CircuitBreaker.State
    ) async throws {
        let breaker = try CircuitBreaker("payments", trip: .consecutiveFailures(3))
        let policy = try Policy { breaker }
        for _ in 0..<3 {
            let judge: @Sendable (Int) -> ResultVerdict = { ResultVerdict(status: $0) }
            _ = try await policy.run(repeatable: .once, judgingResult: judge) { _ in status }
        }
        #expect(breaker.snapshot().state == state)
    }

    @Test func `a key makes a request repeatable whose method is not`() throws {
        let key = try IdempotencyKey("8e03978e")
        for method in [HTTPRequest.Method.post, .patch, .connect] {
            #expect(Repeatability(method: method, key: key) == .keyed(key))
            #expect(Repeatability(method: method, key: nil) == .once)
        }
        for method in [HTTPRequest.Method.get, .put, .delete] {
            #expect(Repeatability(method: method, key: key) == .idempotent)
        }
    }
}
