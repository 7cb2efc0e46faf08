import Holdfast
import HoldfastHTTP
import Testing

@Suite struct OutcomeProfileTests {
    @Test(arguments: [
        (OutcomeProfile.ietf, [200, 201, 204, 302, 400, 404, 409, 422, 500, 502, 503, 504]),
        (.stripe, [200, 201, 204, 302, 404, 500, 502, 503, 504]), (.iceberg, [200, 201, 204, 400, 404, 409, 422]),
        (.successOnly, [200, 201, 204]),
    ])
    func `each profile keeps what it has published`(profile: OutcomeProfile, kept: [Int]) {
        for status in [200, 201, 204, 302, 400, 404, 409, 422, 500, 502, 503, 504] {
            let disposition = profile.disposition(status: status, hasRetryAfter: false)
            #expect(disposition == (kept.contains(status) ? .keep : .release), "\(profile.name) \(status)")
        }
    }

    @Test(arguments: OutcomeProfile.all)
    func `what was not acted upon leaves the key free under every profile`(profile: OutcomeProfile) {
        for status in [401, 408, 413, 425, 429] {
            #expect(profile.disposition(status: status, hasRetryAfter: false) == .release)
        }
        #expect(profile.disposition(status: 503, hasRetryAfter: true) == .release)
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
