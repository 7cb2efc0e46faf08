import Holdfast
import HoldfastHTTP
import Testing

@Suite struct OutcomeProfileTests {
    @Test(arguments: [
        (OutcomeProfile.ietf, [200, 201, 204, 302, 400, 404, 409, 422, 500, 501, 507]),
        (.stripe, [200, 201, 204, 302, 404, 500, 501, 507]), (.iceberg, [200, 201, 204, 400, 404, 409, 422]),
        (.successOnly, [200, 201, 204]),
    ])
    func `each profile keeps what it has published`(profile: OutcomeProfile, kept: [Int]) {
        for status in [200, 201, 204, 302, 400, 404, 409, 422, 500, 501, 507] {
            let disposition = profile.disposition(status: status, hasRetryAfter: false)
            #expect(disposition == (kept.contains(status) ? .keep : .release), "\(profile.name) \(status)")
        }
    }

    @Test(arguments: OutcomeProfile.all)
    func `what was not acted upon leaves the key free under every profile`(profile: OutcomeProfile) {
        for status in [401, 407, 408, 413, 421, 425, 426, 428, 429, 431, 511] {
            #expect(profile.disposition(status: status, hasRetryAfter: false) == .release)
        }
        for status in [503, 529] { #expect(profile.disposition(status: status, hasRetryAfter: true) == .release) }
    }

    @Test(arguments: OutcomeProfile.all)
    func `an answer that says that somebody got none is neither kept nor run again`(profile: OutcomeProfile) {
        for status in [502, 503, 504, 520, 522, 524, 527, 529, 530, 598, 599] {
            #expect(profile.disposition(status: status, hasRetryAfter: false) == .unknown, "\(status)")
        }
        for status in [502, 504, 524] {
            #expect(profile.disposition(status: status, hasRetryAfter: true) == .unknown, "\(status)")
        }
    }

    @Test func `a route says otherwise of some statuses, but not of what was not acted upon`() {
        func disposition(_ status: Int, _ hasRetryAfter: Bool = false) -> OutcomeProfile.Disposition {
            OutcomeProfile.ietf.disposition(
                status: status, hasRetryAfter: hasRetryAfter, keeping: [502, 429, 503], releasing: [500, 504])
        }
        #expect(disposition(502) == .keep && disposition(503) == .keep)
        #expect(disposition(500) == .release && disposition(504) == .release)
        #expect(disposition(429) == .release && disposition(503, true) == .release)
        #expect(disposition(524) == .unknown && disposition(404) == .keep)
    }

    @Test func `keys come with POST and PATCH, and where others have published so, with DELETE`() {
        for profile in [OutcomeProfile.ietf, .stripe, .successOnly] { #expect(profile.methods == ["POST", "PATCH"]) }
        #expect(OutcomeProfile.iceberg.methods == ["POST", "PATCH", "DELETE"])
    }

    @Test(arguments: [
        (KeyRules(), "!~", true), (KeyRules(form: .word), "order_1-A", true), (KeyRules(form: .word), "order.1", false),
        (KeyRules(form: .word), "order@1", false), (KeyRules(form: .word), "order[1", false),
        (KeyRules(length: 8...16), "1234567", false), (KeyRules(length: 8...16), "12345678", true),
        (KeyRules(length: 8...16), "12345678901234567", false),
        (KeyRules(form: .uuid), "018f4e3a-7b1c-4c3d-9e2f-0123456789AB", true),
        (KeyRules(form: .uuid), "018f4e3a7b1c4c3d9e2f0123456789ab", false),
        (KeyRules(form: .uuid), "018f4e3a-7b1c-4c3d-9e2f-0123456789ag", false),
        (KeyRules(form: .uuid7), "018f4e3a-7b1c-4c3d-9e2f-0123456789ab", false),
        (KeyRules(form: .uuid7), "018f4e3a-7b1c-7c3d-9e2f-0123456789ab", true),
        (KeyRules(form: .uuid7), "-----------------------------------7", false),
    ])
    func `a key is taken if the rules allow it`(rules: KeyRules, text: String, isAllowed: Bool) throws {
        let key = try IdempotencyKey(text)
        if isAllowed {
            try rules.check(key)
        } else {
            #expect(throws: ConfigurationError.self) { try rules.check(key) }
        }
    }

    @Test func `rules out of range are refused`() {
        #expect(throws: ConfigurationError.self) { try KeyRules(length: 0...10).validate() }
        #expect(throws: ConfigurationError.self) { try KeyRules(length: 1...256).validate() }
        #expect(throws: Never.self) { try KeyRules(length: 1...255).validate() }
    }

    @Test func `a profile of one's own decides by the status`() {
        let profile = OutcomeProfile("orders") { $0 == 201 || $0 == 404 }
        #expect([201, 404].allSatisfy { profile.disposition(status: $0, hasRetryAfter: false) == .keep })
        #expect([200, 500, 429].allSatisfy { profile.disposition(status: $0, hasRetryAfter: false) == .release })
        #expect(profile != .ietf)
    }
}
