#if Gateway
import Holdfast
import HoldfastHTTP

// What a key means, in the file: which requests have one, and what becomes of it when the service has answered.

extension RouteConfiguration.Idempotency {
    mutating func readMeaning(_ section: SectionReader) {
        let method = SectionReader.Kind("method", "", allowed: Self.methodsAllowed)
        if let methods = section.values(
            "methods", count: 1...16, of: method, unset: "as the profile says",
            "The methods whose requests have keys: POST and PATCH, and in `iceberg` DELETE. Whether one may be retried depends on its method all the same.",
            { Self.mayHaveKeys($0.text) ? $0.text : nil })
        {
            self.methods = Set(methods)
        }
        keptStatuses = section.statuses(
            "keptStatuses", in: 200...599, but: { !StatusMeaning.wasNotActedUpon($0, hasRetryAfter: false) },
            allowing: Self.keptAllowed,
            "Statuses whose response is the outcome, whatever the profile says of them. None of those that say that the request was not acted upon: 401, 407, 408, 413, 421, 425, 426, 428, 429, 431, 511."
        )
        releasedStatuses = section.statuses(
            "releasedStatuses", in: 300...599,
            "Statuses that leave the key free, whatever the profile says of them. Right only where the service itself answers so, and has done nothing then."
        )
        if !keptStatuses.isDisjoint(with: releasedStatuses) {
            let (kept, released) = (section.fullName("keptStatuses"), section.fullName("releasedStatuses"))
            section.mistake("keptStatuses", "\(kept) must have nothing in common with \(released)")
        }
        fingerprintFields = section.fields(
            "fingerprintFields", atMost: 8, allowed: Self.comparedAllowed,
            "Fields of a request that a repeat has to say as the first did, such as `stripe-account`: with another value, or without, the key is refused.",
            Self.mayBeCompared)
        scopeFields = section.fields(
            "scopeFields", atMost: 8, allowed: Self.comparedAllowed,
            "Fields of a request that keys are unique within, besides the caller, the method, the host and the path: with another value, or without, the same key is another.",
            Self.mayBeCompared)
        replayFields = section.fields(
            "replayFields", atMost: 32, allowed: Self.replayAllowed,
            "Which fields of a response are replayed besides the usual ones.", Self.mayBeReplayed)
    }
}

extension SectionReader {
    /// - Parameters:
    ///   - isAllowed: Whether one in the range is taken.
    ///   - allowed: What it must be besides, if not all are.
    fileprivate func statuses(
        _ name: String, in range: ClosedRange<Int>, but isAllowed: (Int) -> Bool = { _ in true },
        allowing allowed: String? = nil, _ meaning: String
    ) -> Set<Int> {
        let kind = Kind.integer(range)
        return Set(
            values(name, count: 0...64, of: kind, unset: "none", meaning) {
                scalar throws(ConfigurationError) -> Int? in
                guard let status = scalar.number(in: range) else { return nil }
                guard isAllowed(status) else {
                    throw ConfigurationError(option: name, value: "\(status)", allowed: allowed ?? kind.allowed)
                }
                return status
            } ?? [])
    }

    /// Names of fields, in any case.
    fileprivate func fields(
        _ name: String, atMost bound: Int, allowed: String, _ meaning: String, _ isAllowed: (String) -> Bool
    ) -> Set<String> {
        let field = Kind("field", "", allowed: allowed)
        return Set(
            values(name, count: 0...bound, of: field, unset: "none", meaning) {
                scalar throws(ConfigurationError) -> String? in
                let name = scalar.text.lowercased()
                return isAllowed(name) ? name : nil
            } ?? [])
    }
}
#endif
