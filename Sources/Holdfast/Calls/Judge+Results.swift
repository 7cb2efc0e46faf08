extension Judge {
    /// Judges results too, where a failure is no thrown error: a response with the status 503.
    ///
    /// ```swift
    /// let judge = Judge.standard.judgingResults(of: HTTPResponse.self) { response in
    ///     response.status.code >= 500 ? .failed : response.status.code == 429 ? .declined : .succeeded
    /// }
    /// let payments = try CircuitBreaker("payments", configuration: configuration, judging: judge)
    /// ```
    ///
    /// It decides what a result says about the dependency, and nothing else: the caller has the result, and whether the
    /// call is made again is the retry's own question. A 500 may count here and not be repeated.
    ///
    /// - Parameters:
    ///   - type: The results that the rule is asked about. All others succeeded, or are a rule's that was added before.
    ///   - rule: The verdict; nil for a result that it has no opinion on.
    public func judgingResults<R>(
        of type: R.Type = R.self, _ rule: @escaping @Sendable (R) -> Verdict?
    ) -> Judge {
        let former = results
        let results: @Sendable (Any) -> Verdict? = { result in
            if let result = result as? R, let verdict = rule(result) { return verdict }
            return former?(result)
        }
        return Judge(judge: judge, results: results, timeouts: timeouts)
    }

    /// What a result says.
    @inlinable
    func verdict<R>(onResult result: R) -> Verdict {
        guard let results else { return .succeeded }
        return results(result) ?? .succeeded
    }
}
