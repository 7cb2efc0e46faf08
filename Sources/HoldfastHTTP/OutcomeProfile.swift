/// Which responses are the outcome of a key, and which leave it free: what others have published, by name.
public struct OutcomeProfile: Sendable, Hashable {
    /// What becomes of a key when the service has answered.
    public enum Disposition: Sendable, Hashable {
        /// The response is the outcome, and every repeat gets it.
        case keep
        /// The key may be executed again.
        case release
        /// Nobody knows whether the work was done, so the route's policy for what is unknown decides what a repeat gets.
        case unknown
    }

    /// The name: `ietf`, `stripe`, `iceberg`, `success-only`, or one's own.
    public let name: String
    /// What keys may look like.
    public let keys: KeyRules
    /// The methods whose requests have keys, unless a route says others.
    public let methods: Set<String>
    private let keeps: @Sendable (Int) -> Bool
    /// The status of a problem that leaves open whether the work is done, where a 409 says that it is not.
    private let uncertainStatus: Int?

    /// Those with a published name.
    public static let all: [OutcomeProfile] = [.ietf, .stripe, .iceberg, .successOnly]

    /// Every response is the outcome, errors too, as in the IETF's draft (draft-ietf-httpapi-idempotency-key-header-07,
    /// section 2.6): the default. Its keys are quoted strings; bare tokens are taken as well, since most clients send those.
    public static let ietf = OutcomeProfile("ietf") { _ in true }

    /// As Stripe documents its first API: once execution began, the response is kept, a 500 too; what failed validation
    /// or met a conflict is not. From outside, that is told by the status: 400, 409 and 422 are not kept.
    public static let stripe = OutcomeProfile("stripe") { ![400, 409, 422].contains($0) }

    /// As in Apache Iceberg's REST catalog: 200, 201, 204 and final client errors are kept, and never a 5xx; keys are
    /// UUIDs of version 7, and come with DELETE too. A 409 is final there: the commit's requirements did not hold, and a
    /// client deletes what it has written for it. So what leaves open whether the commit is done is a 504, which Iceberg's
    /// clients take for just that.
    public static let iceberg = OutcomeProfile(
        "iceberg", keys: KeyRules(form: .uuid7), methods: ["POST", "PATCH", "DELETE"], uncertainStatus: 504
    ) { status in
        [200, 201, 204].contains(status) || (400...499).contains(status)
    }

    /// Only a 2xx is kept, as Checkout.com does it. For services that undo what they began when they answer with an
    /// error: with any other, a repeat after an error may do the work twice.
    public static let successOnly = OutcomeProfile("success-only") { (200...299).contains($0) }

    /// A profile of one's own. Two with the same name, the same rules for keys and the same methods count as the same.
    ///
    /// - Parameters:
    ///   - name: What it is called in reports.
    ///   - keys: What keys may look like. Default: as in ``ietf``.
    ///   - methods: Default: POST and PATCH, which do not repeat by themselves.
    ///   - keeps: Whether a response with this status is the outcome; if not, the key may be executed again. Not asked
    ///     about a response that says that the request was not acted upon, or that somebody did not get an answer.
    public init(
        _ name: String, keys: KeyRules = KeyRules(), methods: Set<String> = ["POST", "PATCH"],
        keeps: @escaping @Sendable (Int) -> Bool
    ) {
        self.init(name, keys: keys, methods: methods, uncertainStatus: nil, keeps: keeps)
    }

    private init(
        _ name: String, keys: KeyRules, methods: Set<String>, uncertainStatus: Int?,
        keeps: @escaping @Sendable (Int) -> Bool
    ) {
        self.name = name
        self.keys = keys
        self.methods = methods
        self.uncertainStatus = uncertainStatus
        self.keeps = keeps
    }

    /// What becomes of the key. Whatever the profile, a response that says that the request was not acted upon leaves
    /// it free (``StatusMeaning/wasNotActedUpon(_:hasRetryAfter:)``), and one that says that somebody did not get an answer
    /// leaves it unknown (``StatusMeaning/isUnanswered(_:)``): neither a promise that all is well nor a second effect.
    ///
    /// - Parameters:
    ///   - kept: Statuses whose response is the outcome, whatever it says of an answer, and whatever the profile says.
    ///   - released: Statuses that leave the key free, likewise.
    public func disposition(
        status: Int, hasRetryAfter: Bool, keeping kept: Set<Int> = [], releasing released: Set<Int> = []
    ) -> Disposition {
        if StatusMeaning.wasNotActedUpon(status, hasRetryAfter: hasRetryAfter) { return .release }
        if kept.contains(status) { return .keep }
        if released.contains(status) { return .release }
        if StatusMeaning.isUnanswered(status) { return .unknown }
        return keeps(status) ? .keep : .release
    }

    /// The status of a problem, as this profile's clients understand it.
    public func status(of problem: Problem.Kind) -> Int {
        switch problem {
        case .keyInFlight, .outcomeUnknown, .responseNotKept: uncertainStatus ?? problem.status
        default: problem.status
        }
    }

    public static func == (left: OutcomeProfile, right: OutcomeProfile) -> Bool {
        left.name == right.name && left.keys == right.keys && left.methods == right.methods
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(name) }
}
