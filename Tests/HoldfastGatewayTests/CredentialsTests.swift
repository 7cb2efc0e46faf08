#if Gateway
import HoldfastGateway
import HoldfastIdempotency
import NIOHTTP1
import TestSupport
import Testing

@testable import struct HoldfastGateway.CallerFields
@testable import struct HoldfastGateway.Credentials
@testable import enum HoldfastGateway.StrippedSpace

/// One who has credentials is one caller, however they are spelled (RFC 9110, sections 11.1 and 11.4).
@Suite struct CredentialsTests {
    private static func text(_ value: String) -> String? { (try? Credentials(value))?.text }

    @Test(arguments: [
        ("Bearer t", ["bearer t", "BEARER t", "Bearer  t", "Bearer\tt", "bEaReR \t t"]),
        ("Basic YWRhOnB3", ["basic YWRhOnB3", "BASIC   YWRhOnB3"]),
        ("Basic YWRhOnA=", ["basic YWRhOnA="]),
        // GitHub and Rails take either scheme; many take a secret without one; Rails takes it as a parameter.
        ("Bearer t", ["token t", "TOKEN  t", "t", "Token token=t", "token token=\"t\"", "Bearer Token=\"t\""]),
        ("ApiKey t", ["apikey t", "APIKEY t"]),
        ("Digest username=\"a\", uri=\"/\"", ["digest  username=\"a\", uri=\"/\""]),
        ("Media a=\"x, y\", b=z", ["media a=\"x, y\",b=z", "Media a=\"x, y\" , ,\tb=z,", "Media ,a=\"x, y\", b=z"]),
        ("Aws akid:sig", ["aws  akid:sig", "AWS akid:sig"]),
        ("Negotiate YII=", ["negotiate YII=", "NEGOTIATE YII="]),
        ("AWS4-HMAC-SHA256 Credential=a", ["aws4-hmac-sha256 Credential=a"]), ("DPoP t", ["dpop t"]),
        // A signature's last digit has bits that stand for nothing; padding, and the other alphabet.
        (
            "Bearer eyJhIjoxfQ.e30.AA",
            ["Bearer eyJhIjoxfQ.e30.AB", "Bearer eyJhIjoxfQ.e30.AP", "Bearer eyJhIjoxfQ.e30.AA=="]
        ),
        ("Bearer eyJhIjoxfQ.e30.AAA", ["Bearer eyJhIjoxfQ.e30.AAD", "Bearer eyJhIjoxfQ.e30.AAA="]),
        ("Bearer eyJhIjoxfQ.e30.-_-_", ["Bearer eyJhIjoxfQ.e30.+/+/", "Bearer eyJhIjoxfQ.e30.-/+_"]),
    ])
    func `credentials in the usual spelling are as they were, and in another they are the same`(
        usual: String, others: [String]
    ) {
        #expect(Self.text(usual) == usual)
        for other in others { #expect(Self.text(other) == usual, "\(other)") }
    }

    @Test(arguments: [
        ("Bearer t", "Bearer T"), ("Bearer t", "ApiKey t"), ("t", "T"), ("t", "Basic YWRhOnB3"), ("", "Bearer t"),
        ("bearer", "Bearer"), ("Bearer a.b.AA", "Bearer a.b.AB"), ("Bearer t=", "Bearer t"),
        ("Bearer eyJhIjoxfQ.e30.AA", "Bearer eyJhIjoxfQ.e30.Ag"),
        ("Bearer eyJhIjoxfQ.e30.A", "Bearer eyJhIjoxfQ.e31.A"),
        ("Bearer eyJhIjoxfQ.e30.AAAA", "Bearer eyJhIjoxfQ.e30.AAAB"), ("Digest a=b", "Digest a=B"),
        ("Media a=\"x,y\"", "Media a=\"x, y\""), ("Media a=\"x\", b=c", "Media a=\"x\\\", b=c\""),
        ("Basic YWRhOnB3", "Basic YWRhOnB4"),
    ])
    func `other credentials are others`(one: String, other: String) {
        #expect(Self.text(one) != nil && Self.text(other) != nil && Self.text(one) != Self.text(other))
    }

    @Test(arguments: [
        // What Base64 does not have is skipped by many readers, and so is padding that is too long or missing.
        "Basic YWR!hOnB3", "Basic YWRh OnB3", "Basic YWRhOnB3=", "Basic YWRhOnB3====", "Basic YWRhOnA",
        "Basic YWRhOnA==",
        "Basic YWRhOnB=", "Basic YWRhOn==", "Basic YWRhOg=a", "Basic =", "Basic YWRh-nB3", "Basic YWRh_nB3",
        "Basic YWRhOnB3, x",
        // The second word counts, for many.
        "Bearer t x", "Bearer t, Bearer u", "Bearer t,", "bearer t\tx", "Token t x", "ApiKey t 1", "JWT a b",
        "Bearer t\u{E9}", "Foo t x", "Foo t, x", "Foo a=b, x", "AWS akid:sig, x", "Bearer t;x", "Bearer \"t\"",
        "Token token=\"t\"; nonce=\"n\"", "Foo a=\"b", "Foo ,", "Foo =b, c=d",
        // No scheme: members of a list that are empty are skipped by many.
        ", Bearer t", ",Bearer t", "\"Bearer\" t", "Bearer: t", "Bear\u{E9}r t", "(Bearer) t", "t,", ",t", "t;",
        "\"t\"",
        // What services strip: NBSP and NEL, as ISO 8859-1 and as UTF-8 have them, and other spaces.
        "Bearer\u{A0}t", "\u{A0}Bearer t", "Bearer t\u{A0}", "Bearer \u{A0}t", "Bearer\u{10FFA0}t",
        "\u{10FFA0}Bearer t",
        "Bearer t\u{10FF85}", "Bearer t\u{85}", "Bearer\u{3000}t", "\u{FEFF}Bearer t", "t\u{A0}", "\u{10FFA0}t",
        "Basic\u{A0}YWRhOnB3", "Basic YWRhOnB3\u{A0}", "Digest a=\"b\"\u{A0}", "Digest a=\"b\u{E9}\"",
        "Bearer \u{301}t", "Bearer t\u{10FFFF}",
    ])
    func `credentials that some read loosely are refused`(value: String) {
        #expect(Self.text(value) == nil)
        #expect(CallerFields.fault(in: ["authorization": value], of: ["authorization"]) != nil)
        let isStripped = StrippedSpace.surrounds(value)
        #expect((CallerFields.fault(in: ["x-key": value], of: ["x-key"]) != nil) == isStripped)
    }

    @Test func `an operator finds a caller by any spelling`() {
        let secret = StoreSecret.random()
        let usual = secret.caller(CallerFields(["authorization"], of: ["authorization": "Bearer t"]))
        #expect(secret.caller(CallerFields([("Authorization", "bearer  t")])) == usual)
        #expect(
            secret.caller(CallerFields([("X-Key", "bearer  t")]))
                != secret.caller(CallerFields([("X-Key", "Bearer t")])))
    }

    private static func head(_ fields: [String], key: String?) -> String {
        let lines =
            ["POST /charges HTTP/1.1", "Host: a", "Content-Length: 1", "Connection: close"] + fields
            + (key.map { ["Idempotency-Key: \($0)"] } ?? [])
        return lines.joined(separator: "\r\n") + "\r\n\r\nx"
    }

    @Test func `one credential in many spellings executes one key once`() async throws {
        let service = try await TestService.start { _, number in .ok("\(number)") }
        try await withGateway(to: service) { gateway in
            let families = [
                ["Bearer t", "bearer t", "BEARER t", "Bearer  t", "Bearer\tt"],
                ["Basic YWRhOnB3", "basic YWRhOnB3", "Basic YWR!hOnB3", "Basic YWRhOnB3=", "Basic  YWRhOnB3"],
                ["Bearer u", "Bearer u x", "Bearer u,", "Bearer u, v"],
                ["Bearer eyJhIjoxfQ.e30.AA", "Bearer eyJhIjoxfQ.e30.AB", "Bearer eyJhIjoxfQ.e30.AA="],
                [
                    "Bearer v", "Bearer\u{A0}v", "\u{A0}Bearer v", "Bearer v\u{A0}", "Bearer v\u{85}", ", Bearer v",
                    "token v",
                ],
            ]
            for (number, spellings) in families.enumerated() {
                for spelling in spellings {
                    let answer = try await TestClient.raw(
                        Self.head(["Authorization: \(spelling)"], key: "k"), to: gateway.port)
                    #expect(service.requests.count == number + 1, "\(spelling): \(answer.prefix(15))")
                }
            }
        }
    }

    @Test func `a field that says who calls is there once`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        let twice = ["Authorization: Bearer t", "Authorization: Bearer 2"]
        try await withGateway(to: service) { gateway in
            for fields in [
                twice, twice.reversed(), [twice[0], "authorization: Bearer t"], [twice[0], "AUTHORIZATION:"],
            ] {
                for key in ["k", nil] {
                    let answer = try await TestClient.raw(Self.head(fields, key: key), to: gateway.port)
                    #expect(answer.hasPrefix("HTTP/1.1 400 ") && service.requests.isEmpty, "\(fields)")
                }
            }
        }
        let other = try await TestService.start { _, _ in .ok() }
        let byKey = { (configuration: inout GatewayConfiguration) in
            configuration.routes[0].caller = .fields(["x-api-key"])
        }
        try await withGateway(to: other, configure: byKey) { gateway in
            let fields = ["X-Api-Key: t", "x-api-key: 2"]
            let keyed = try await TestClient.raw(Self.head(fields, key: "k"), to: gateway.port)
            #expect(keyed.hasPrefix("HTTP/1.1 400 ") && other.requests.isEmpty)
            // Nothing depends on who it is.
            let plain = try await TestClient.raw(Self.head(fields, key: nil), to: gateway.port)
            #expect(plain.hasPrefix("HTTP/1.1 200 ") && other.requests.count == 1)
        }
    }
}
#endif
