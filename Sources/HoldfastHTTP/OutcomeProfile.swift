/// Which responses are the outcome of a key, and which leave it free: what others have published, by name.
public struct OutcomeProfile: Sendable, Hashable {
    /// What becomes of a key when the service has answered.
    public enum Disposition: Sendable, Hashable {
        /// The response is the outcome, and every repeat gets it.
        case keep
        /// The key may be executed again.
        case release
    }

    /// The name: `ietf`, `stripe`, `iceberg`, `success-only`, or one's own.
    public let name: String
    /// What keys may look like.
    public let keys: KeyRules
    private let keeps: @Sendable (Int) -> Bool

    /// Those with a published name.
    public static let all: [OutcomeProfile] = [.ietf, .stripe, .iceberg, .successOnly]

    /// Every response is the outcome, errors too, as in the IETF's draft (draft-ietf-httpapi-idempotency-key-header-07):
    /// the default. Its keys are quoted strings; bare tokens are taken as well, since most clients send those.
    public static let ietf = OutcomeProfile("ietf") { _ in true }

    /// As Stripe documents its first API: once execution began, the response is kept, a 500 too; what failed validation
    /// or met a conflict is not. From outside, that is told by the status: 400, 409 and 422 are not kept.
    public static let stripe = OutcomeProfile("stripe") { ![400, 409, 422].contains($0) }

    /// As in Apache Iceberg's REST catalog: 200, 201, 204 and final client errors are kept, and never a 5xx; keys are
    /// UUIDs of version 7. A 409 is final there: the commit's requirements did not hold.
    public static let iceberg = OutcomeProfile("iceberg", keys: KeyRules(form: .uuid7)) { status in
        [200, 201, 204].contains(status) || (400...499).contains(status)
    }

    /// Only a 2xx is kept, as Checkout.com does it. For services that undo what they began when they answer with an
    /// error: with any other, a repeat after an error may do the work twice.
    public static let successOnly = OutcomeProfile("success-only") { (200...299).contains($0) }

    /// A profile of one's own. Two with the same name and the same rules for keys count as the same.
    ///
    /// - Parameters:
    ///   - name: What it is called in reports.
    ///   - keys: What keys may look like. Default: as in ``ietf``.
    ///   - keeps: Whether a response with this status is the outcome; if not, the key may be executed again. Not asked
    ///     about a response that says that the request was not acted upon.
    public init(_ name: String, keys: KeyRules = KeyRules(), keeps: @escaping @Sendable (Int) -> Bool) {
        self.name = name
        self.keys = keys
        self.keeps = keeps
    }

    /// What becomes of the key. Whatever the profile, a response that says that the request was not acted upon leaves
    /// it free (``StatusMeaning/wasNotActedUpon(_:hasRetryAfter:)``).
    public func disposition(status: Int, hasRetryAfter: Bool) -> Disposition {
        !StatusMeaning.wasNotActedUpon(status, hasRetryAfter: hasRetryAfter) && keeps(status) ? .keep : .release
    }

    public static func == (left: OutcomeProfile, right: OutcomeProfile) -> Bool {
        left.name == right.name && left.keys == right.keys
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(name) }
}
