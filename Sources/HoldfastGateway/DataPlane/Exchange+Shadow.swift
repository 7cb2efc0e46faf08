#if Gateway
import Holdfast
import HoldfastHTTP
import HoldfastIdempotency

/// What a route that only watches would have done. It is told, and nothing of it is carried out.
extension Exchange {
    /// - Returns: Whether a rejection is only told.
    func wouldReject(_ explanation: Explanation) -> Bool { wouldReject("\(explanation)") }

    /// The same for one that no policy explains.
    func wouldReject(_ problem: Problem) -> Bool {
        // What is wrong with a key quotes it, and more people read this than may know keys.
        wouldReject(problem.kind == .keyInvalid ? problem.kind.rawValue : "\(problem.kind.rawValue): \(problem.detail)")
    }

    private func wouldReject(_ words: @autoclosure () -> String) -> Bool {
        guard isShadow else { return false }
        account.wouldHave(.rejected, words(), after: attemptNumber)
        return true
    }

    /// A piece of a body has come, which may be the one that is too much. Of a body that has said how long it is, that was
    /// told before.
    func watchBody(_ count: Int) {
        guard fields.contentLength == nil else { return }
        func isPassed(_ limit: Int) -> Bool { receivedBytes > limit && receivedBytes - count <= limit }
        if let limit = route.configuration.bodyLimit, isPassed(limit) { _ = wouldReject(bodyTooLarge(limit)) }
        if key != nil, isPassed(route.configuration.keptBytes) { _ = wouldReject(keyedBodyTooLarge) }
    }

    /// The request has come whole: now its key would be asked for, unless it was rejected for its length.
    func watchKey() {
        let configuration = route.configuration
        guard let key, let seen = route.shadowedKeys, receivedBytes <= configuration.keptBytes,
            receivedBytes <= configuration.bodyLimit ?? .max
        else { return }
        // An answer may come before the request's end. Then it is not kept any longer, and not compared.
        switch seen.see(shared.secret.recordID(of: key, in: scope), isKeptWhole ? fingerprint : nil) {
        case .first: break
        case .same:
            account.wouldHave(.deduplicated, "a request with this key has come before", after: attemptNumber)
        case .other: _ = wouldReject(keyReused)
        }
    }
}
#endif
