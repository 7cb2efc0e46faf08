#if Gateway
import Holdfast
import HoldfastHTTP

// What can be said of a key's requests and responses, and what cannot be meant.

extension RouteConfiguration {
    static let callerNameAllowed = "a field that `caller` names, but not authorization, proxy-authorization or cookie"

    func validateCallerName() throws(ConfigurationError) {
        let names: [String] = if case .fields(let names) = caller { names } else { [] }
        for name in callerName.sorted()
        where !names.contains(name) || ["authorization", "proxy-authorization", "cookie"].contains(name) {
            throw ConfigurationError(option: "caller's name", value: name, allowed: Self.callerNameAllowed)
        }
    }
}

extension RouteConfiguration.Idempotency {
    static let methodsAllowed = "a method that may have an effect, so none of GET, HEAD, OPTIONS, TRACE and CONNECT"
    static let replayAllowed =
        "a field's name, but of no cookie or challenge, no field of the connection or the message, and none of the gateway's"
    static let comparedAllowed =
        "a field's name, but no field of the connection or the message, not the key, and none of the gateway's"
    static let keptAllowed = "a status that does not say that the request was not acted upon"

    /// Whether requests with a method may have keys. What is safe has no effect to guard (RFC 9110, section 9.2.1).
    static func mayHaveKeys(_ method: String) -> Bool {
        (1...32).contains(method.utf8.count) && method.utf8.allSatisfy(Token.holds)
            && !["GET", "HEAD", "OPTIONS", "TRACE", "CONNECT"].contains(method)
    }

    /// Whether a route may have a field replayed.
    ///
    /// - Parameter name: In lower case.
    static func mayBeReplayed(_ name: String) -> Bool {
        (1...64).contains(name.utf8.count) && name.utf8.allSatisfy(Token.holds)
            && !RecordedResponse.isNeverReplayed(name)
    }

    /// Whether a field can be part of what a request says: it is the same when the request is sent again.
    ///
    /// - Parameter name: In lower case.
    static func mayBeCompared(_ name: String) -> Bool {
        (1...64).contains(name.utf8.count) && name.utf8.allSatisfy(Token.holds) && !HopByHop.stays(name, named: [])
            && !["idempotency-key", "content-length", "via", "expect"].contains(name) && !name.hasPrefix("holdfast-")
    }

    func validate() throws(ConfigurationError) {
        if let methods {
            try require("number of methods", methods.count, in: 1...16)
            for method in methods.sorted() where !Self.mayHaveKeys(method) {
                throw ConfigurationError(option: "methods", value: method, allowed: Self.methodsAllowed)
            }
        }
        for status in keptStatuses.sorted() {
            try require("kept status", status, in: 200...599)
            if StatusMeaning.wasNotActedUpon(status, hasRetryAfter: false) {
                throw ConfigurationError(option: "kept status", value: "\(status)", allowed: Self.keptAllowed)
            }
            if releasedStatuses.contains(status) {
                throw ConfigurationError(option: "kept status", value: "\(status)", allowed: "one that is not released")
            }
        }
        for status in releasedStatuses.sorted() { try require("released status", status, in: 300...599) }
        for (what, names) in [("fingerprint field", fingerprintFields), ("scope field", scopeFields)] {
            try require("number of \(what)s", names.count, in: 0...8)
            for name in names.sorted() where name != name.lowercased() || !Self.mayBeCompared(name) {
                throw ConfigurationError(option: what, value: name, allowed: Self.comparedAllowed)
            }
        }
        try require("number of replayed fields", replayFields.count, in: 0...32)
        for name in replayFields.sorted() where name != name.lowercased() || !Self.mayBeReplayed(name) {
            throw ConfigurationError(option: "replayed field", value: name, allowed: Self.replayAllowed)
        }
    }
}
#endif
