#if Gateway
import Holdfast
import HoldfastIdempotency
import HoldfastTesting
import Testing

@testable import HoldfastGateway

/// What stands with a claim: read as it was written, within its bound whatever a client sends.
@Suite struct ClaimCauseTests {
    private let whole = ClaimCause(
        startedAt: 1_700_000_000_123, route: "charges", method: "POST", host: "api.example.com", path: "/charges/7",
        caller: "sub=ada, iss=https://issuer.example", client: "2001:db8::7", request: "0123456789abcdef",
        serviceRequest: "req-1", trace: "0af7651916cd43dd8448eb211c80319c")

    @Test func `a cause is read as it was written, with what it has`() {
        #expect(ClaimCause(encoded: whole.encoded) == whole)
        var bare = whole
        (bare.caller, bare.client, bare.serviceRequest, bare.trace) = (nil, nil, nil, nil)
        #expect(ClaimCause(encoded: bare.encoded) == bare)
        for time in [0, -1, Int64.max, .min] {
            bare.startedAt = time
            #expect(ClaimCause(encoded: bare.encoded)?.startedAt == time)
        }
    }

    @Test func `whatever a client sends, a cause fits, and what was cut says so`() throws {
        for text in ["a", "é", "€", "𝄞", "e\u{301}"] {
            let long = String(repeating: text, count: 5_000)
            let cause = ClaimCause(
                startedAt: 1, route: long, method: long, host: long, path: long[...], caller: long, client: long,
                request: long, serviceRequest: long, trace: long)
            let bytes = cause.encoded
            #expect(bytes.count <= IdempotencyEngine.contextBytesBound)
            let read = try #require(ClaimCause(encoded: bytes))
            for part in [read.route, read.method, read.host, String(read.path), read.caller ?? "", read.trace ?? ""] {
                #expect(
                    part.hasSuffix("…") && !part.contains("\u{FFFD}") && long.utf8.starts(with: part.utf8.dropLast(3)))
            }
        }
        // At its bound, nothing is cut.
        var exact = whole
        exact.path = "/" + String(repeating: "x", count: 287)[...]
        exact.request = String(repeating: "x", count: RequestID.bound)
        #expect(ClaimCause(encoded: exact.encoded) == exact)
    }

    @Test func `no cause moves a terminal's cursor`() throws {
        var cause = whole
        cause.caller = "x-user=a\u{1B}[2J\u{9B}31m\n"
        cause.path = "/a\u{7}b"
        let read = try #require(ClaimCause(encoded: cause.encoded))
        for text in [read.caller ?? "", String(read.path)] {
            #expect(!text.unicodeScalars.contains { $0.properties.generalCategory == .control })
        }
    }

    @Test func `what is no cause is none, and nothing that anybody wrote there brings a reader down`() {
        let bytes = whole.encoded
        #expect(ClaimCause(encoded: []) == nil)
        #expect(ClaimCause(encoded: [1] + bytes.dropFirst()) == nil)
        for end in 1..<12 { #expect(ClaimCause(encoded: Array(bytes.prefix(end))) == nil) }
        // A later version may say more.
        #expect(ClaimCause(encoded: bytes + [99, 0, 2, 7, 7]) == whole)
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<20_000 {
            var altered = bytes
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                altered[Int.random(in: altered.indices, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            _ = ClaimCause(encoded: Array(altered.prefix(Int.random(in: 0...altered.count, using: &generator))))
        }
    }
}
#endif
