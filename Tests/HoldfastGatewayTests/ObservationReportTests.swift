#if Gateway
import Foundation
import Holdfast
import HoldfastHTTP
import Testing

@testable import HoldfastGateway

@Suite struct ObservationReportTests {
    @Test(arguments: [
        ("/charges", "/charges"),
        ("/charges?token=secret", "/charges"),
        ("/charges#secret", "/charges"),
        ("/?next=http://u:secret@h/", "/"),
        ("http://user:secret@host/charges?x=secret", "/charges"),
        ("http://user:secret@host", "/"),
        ("http://user:secret@host?x=/secret", "/"),
        ("*", "*"),
    ])
    func `nothing of a target is told but its path`(target: String, path: String) {
        #expect(RequestReport.of(path: target).path == path)
    }

    @Test func `an invalid key is not quoted`() {
        let detail = "idempotency key is 'secret', but must be a UUID"
        let report = RequestReport.of(status: 400, outcome: .rejected, problem: .keyInvalid, detail: detail)
        #expect(!text(report).contains("secret"))
        #expect(!report.story.joined().contains("secret"))
    }

    @Test func `whatever a client chooses is cut to a bound`() {
        let long = String(repeating: "ä", count: 50_000)
        let report = RequestReport(
            id: RequestID(bits: 1), route: "r", service: "s", method: long, path: "/" + long, status: 0,
            duration: .zero,
            attempts: Array(
                repeating: .init(endpoint: "e", ended: "reset", duration: .zero), count: 1_000),
            outcome: .failed, detail: long, record: long, traceparent: long, client: long)
        #expect(report.path.utf8.count <= RequestReport.pathBound + 6)
        #expect(report.attempts.count == RequestReport.attemptsBound)
        #expect(text(report).utf8.count < 12_000)
    }

    @Test func `what was served at once is not notable, and all else is`() {
        let attempt = RequestReport.Attempt(endpoint: "a", ended: "answered", status: 200, duration: .zero)
        #expect(!RequestReport.of(attempts: [attempt]).isNotable)
        #expect(!RequestReport.of(outcome: .abandoned).isNotable)
        #expect(RequestReport.of(attempts: [attempt, attempt]).isNotable)
        #expect(RequestReport.of(wouldHave: [.init(words: "rejected", after: 0)]).isNotable)
        #expect(RequestReport.of(problem: .outcomeUnknown).isNotable)
        for outcome in [RequestReport.Outcome.rejected, .replayed, .failed] {
            #expect(RequestReport.of(outcome: outcome).isNotable)
        }
    }

    @Test func `a line says what the report says, and no more`() throws {
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        let report = RequestReport.of(
            0x1F, status: 503,
            attempts: [
                .init(endpoint: "10.0.0.1:80", ended: "answered", status: 503, duration: .microseconds(1_500)),
                .init(
                    endpoint: "10.0.0.2:80", ended: "connection refused", duration: .zero, wait: .milliseconds(25),
                    isHedge: true),
            ],
            outcome: .failed, problem: .upstreamUnreachable, detail: "refused", record: "ab12", traceparent: trace,
            client: "192.0.2.7", wouldHave: [.init(words: "rejected", after: 0)])
        let line = try object(Array(text(report).utf8))
        #expect(line["id"] as? String == "0000000000000000000000000000001f")
        #expect(line["time"] as? String == "2026-11-24T20:27:05.123Z")
        #expect(line["trace"] as? String == "4bf92f3577b34da6a3ce929d0e0e4736")
        #expect(line["durationSeconds"] as? Double == 0.012)
        let attempts = try #require(line["attempts"] as? [[String: Any]])
        #expect(attempts[0]["durationSeconds"] as? Double == 0.0015)
        #expect(attempts[1]["waitSeconds"] as? Double == 0.025)
        #expect(attempts[1]["hedge"] as? Bool == true)
        #expect(attempts[1]["probe"] as? Bool == false)
        #expect(attempts[1]["status"] == nil)
        #expect(
            Set(line.keys) == [
                "time", "id", "route", "service", "method", "path", "status", "outcome", "durationSeconds", "bytesIn",
                "bytesOut", "client", "trace", "problem", "detail", "record", "wouldHave", "attempts",
            ])
    }

    @Test func `any text comes back as it was, from one line that no terminal obeys`() throws {
        var scalars = (0..<0x300).compactMap { Unicode.Scalar($0 as UInt32) }
        scalars += [0x2028, 0x2029, 0xFFFD, 0x1F600, 0x10FFFF].compactMap { Unicode.Scalar($0 as UInt32) }
        var all = String.UnicodeScalarView()
        all.append(contentsOf: scalars)
        let mended = String(decoding: [0x66, 0xFF, 0xC0, 0x80, 0xED, 0xA0, 0x80, 0x22] as [UInt8], as: UTF8.self)
        for value in scalars.map({ "a\($0)b" }) + [String(all), mended, "\"\\\u{1B}[31m\r\n", ""] {
            var json = JSONText()
            json.object { $0.member("value", value) }
            let read = try #require(try object(json.bytes)["value"] as? String)
            #expect(Array(read.unicodeScalars) == Array(value.unicodeScalars))
            let line = String(decoding: json.bytes, as: UTF8.self)
            #expect(line.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7F..<0xA0).contains($0.value) })
            #expect(!line.unicodeScalars.contains("\u{2028}") && !line.unicodeScalars.contains("\u{2029}"))
        }
    }

    @Test func `an id is read as it was told, and as nothing else`() {
        for bits in [0, 1, 0xFF, 0x0123_4567_89AB_CDEF, UInt64.max] {
            let (id, digits) = (RequestID(bits: bits), String(bits, radix: 16))
            #expect(id.description == String(repeating: "0", count: 32 - digits.count) + digits)
            #expect(RequestID(id.description) == id)
        }
        var names = RandomBlock()
        var seen: Set<RequestID> = []
        for _ in 0..<1_000 {
            let id = RequestID(using: &names)
            #expect(id.withBytes { Array($0) } == Array(id.description.utf8))
            #expect(RequestID(id.description) == id && seen.insert(id).inserted)
        }
    }

    @Test(arguments: [
        "1", "0123456789abcdef", "0123456789ABCDEF0123456789ABCDEF", "7b1f3f0e-2c5d-4b8e-9a55-0c5d3c1f2a77",
        "7F000001:8296_7F00001E:1F90_4F7B0A69_0003:790E", "Root=1-67891233-abcdef012345678912345678",
        "230b030023ae2822-SJC", "c2FmZQ+/==", "ada@example.com", "_", String(repeating: "a", count: 128),
    ])
    func `a hop's name for a request is told as it came`(text: String) {
        #expect(RequestID(text)?.description == text)
        #expect(RequestID(text)?.withBytes { Array($0) } == Array(text.utf8))
    }

    @Test(arguments: [
        "", " ", "a b", "a\tb", "a\nb", "a\r\nx: y", "a\0b", "\u{1B}[2J", "a;b", "a,b", "a\"b", "a'b", "a\\b", "<a>",
        "a&b",
        "a|b", "$(id)", "`id`", "a%20b", "a?b", "a#b", "{a}", "[a]", "é", "a\u{2028}b", "a\u{301}", "a\u{10FFFF}",
        String(repeating: "a", count: 129),
    ])
    func `what could be read as more than a name is none`(text: String) { #expect(RequestID(text) == nil) }

    @Test func `a story tells each attempt, and what decided`() {
        var report = RequestReport.rejected()
        #expect(report.story.contains { $0.contains("circuit-breaker '10.0.0.1:80' is open") })
        report = .of(
            attempts: [
                .init(endpoint: "a:1", ended: "answered", status: 503, duration: .milliseconds(3)),
                .init(
                    endpoint: "b:1", ended: "answered", status: 200, duration: .milliseconds(2), wait: .milliseconds(25)
                ),
            ])
        #expect(report.story[0] == "Attempt 1 went to a:1 and ended after 3 ms: answered with 503.")
        #expect(
            report.story[1] == "Attempt 2 went to b:1 after a wait of 25 ms and ended after 2 ms: answered with 200.")
        #expect(report.story[2] == "The service's answer, 200, went to the client.")
    }

    @Test func `a story tells each thing once, in the order of time`() throws {
        let explanation = try #require(RequestReport.rejected().explanation)
        let rejected = RequestReport.of(
            status: 503, outcome: .rejected, problem: .circuitOpen, detail: "\(explanation)", explanation: explanation)
        #expect(
            rejected.story == [
                "The circuit is open (circuit-open): \(explanation).",
                "The gateway answered 503 in the service's place.",
            ])
        let reset = RequestReport.Attempt(endpoint: "a:1", ended: "upstream-reset", duration: .milliseconds(3))
        let failed = RequestReport.of(
            status: 502, attempts: [reset, reset], outcome: .failed, problem: .upstreamReset,
            detail: "a:1 closed the connection; not tried again: attempts",
            wouldHave: [.init(words: "one", after: 0), .init(words: "two", after: 1), .init(words: "three", after: 2)])
        #expect(
            failed.story == [
                "If the route did more than watch: one.", "Attempt 1 went to a:1 and ended after 3 ms: upstream-reset.",
                "If the route did more than watch: two.",
                "Attempt 2 went to a:1 and ended after 3 ms: upstream-reset "
                    + "(a:1 closed the connection; not tried again: attempts).",
                "If the route did more than watch: three.", "The client was told 502.",
            ])
        var json = JSONText()
        failed.write(to: &json, tells: failed.story)
        let told = try object(json.bytes)
        #expect(told["detail"] == nil && told["wouldHave"] == nil)
        #expect((told["why"] as? [String])?.count == 6)
    }

    @Test func `a story says that an answer broke off, and why, and why an attempt before it failed`() {
        let refused = RequestReport.Attempt(
            endpoint: "a:1", ended: "upstream-unreachable", duration: .milliseconds(3), reason: "Connection refused")
        let broken = RequestReport.Attempt(
            endpoint: "b:1", ended: "broke off", status: 200, duration: .milliseconds(3), reason: "the service closed")
        let report = RequestReport.of(attempts: [refused, broken], outcome: .failed)
        #expect(
            report.story == [
                "Attempt 1 went to a:1 and ended after 3 ms: upstream-unreachable (Connection refused).",
                "Attempt 2 went to b:1 and ended after 3 ms: broke off with 200 (the service closed).",
                "The client was told 200, and not the whole answer.",
            ])
    }

    private func text(_ report: RequestReport) -> String {
        var json = JSONText()
        report.write(to: &json)
        return String(decoding: json.bytes, as: UTF8.self)
    }
}
#endif
