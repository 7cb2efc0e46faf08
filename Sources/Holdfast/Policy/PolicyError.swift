/// A policy whose stages are in an order that is always wrong. The message says what to do instead.
public struct PolicyError: Error, Sendable, Hashable, CustomStringConvertible {
    public let description: String

    private init(_ description: String) {
        self.description = description
    }

    @usableFromInline static var hedgeOfOnce: PolicyError {
        PolicyError(
            "a hedge makes the operation twice by intent: an operation that is 'once' needs a policy without one")
    }

    static func keyMissing(of name: String, found: (any Hashable)?, wanted: Any.Type) -> PolicyError {
        PolicyError(
            "the breakers '\(name)' need the call's key, of the type \(wanted), in its CallOptions: it has "
                + (found.map { "'\($0)', of the type \(type(of: $0))" } ?? "none"))
    }

    static func fallback(of value: Any.Type, for result: Any.Type) -> PolicyError {
        PolicyError("the fallback answers with a \(value), and the call's result is a \(result)")
    }

    static func check(_ shapes: [PolicyShape]) throws(PolicyError) {
        let kinds = shapes.map(\.kind)
        let retry = kinds.firstIndex(of: .retry)
        let hedge = kinds.firstIndex(of: .hedge)
        if kinds.count(where: { $0 == .retry }) > 1 {
            throw PolicyError("two retries multiply their attempts: one retry, with the attempts of both, is enough")
        }
        if kinds.count(where: { $0 == .hedge }) > 1 {
            throw PolicyError("two hedges multiply their calls: one is enough")
        }
        if let retry, let hedge, hedge < retry {
            throw PolicyError("a hedge around a retry hedges whole series of attempts: list it below the retry")
        }
        for repeater in [retry, hedge].compactMap({ $0 }) {
            if let fallback = kinds.lastIndex(of: .fallback), fallback > repeater {
                throw PolicyError(
                    "a fallback answers each attempt, so that none is made again: list it above the "
                        + kinds[repeater].rawValue)
            }
        }
        for repeater in [retry, hedge].compactMap({ $0 }) {
            if let timeout = kinds.firstIndex(of: .timeout), timeout < repeater {
                throw PolicyError(
                    "a timeout bounds one attempt: list it below the \(kinds[repeater].rawValue), or use a Deadline for "
                        + "the whole call")
            }
            if let deadline = kinds.lastIndex(of: .deadline), deadline > repeater {
                throw PolicyError(
                    "a deadline bounds the whole call: list it above the \(kinds[repeater].rawValue), or use a Timeout "
                        + "for one attempt")
            }
        }
        let instances = shapes.compactMap(\.identity)
        if Set(instances).count < instances.count {
            throw PolicyError("one instance stands twice in the policy: it would admit and count each call twice")
        }
    }
}
