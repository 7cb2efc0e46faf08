#if Gateway
import HoldfastIdempotency

/// Why an operator's decision was not taken: how the record stands, in place of which write has met which state.
enum DecisionRefusal {
    /// - Parameters:
    ///   - summary: The record, looked at after the refusal.
    ///   - fence: The one that the decision names.
    static func words(_ summary: ClaimSummary, fence: Int64) -> String {
        let state = words(of: summary)
        guard summary.fence == fence else {
            return
                "nothing was changed: the record has moved on, its fence is \(summary.fence), and the decision is about \(fence); \(state)"
        }
        return "nothing was changed: \(state)"
    }

    private static func words(of summary: ClaimSummary) -> String {
        let last = summary.history.entries.last
        let by = last.map { $0.by.isEmpty ? "" : ", by \($0.by)" } ?? ""
        switch summary.state {
        case .inFlight:
            let left =
                summary.leaseEnds.map {
                    max(0, $0.milliseconds.subtractingReportingOverflow(summary.now.milliseconds).partialValue)
                } ?? 0
            return
                "it is in flight\(by): wait until it ends, or until its lease does, in \((left + 999) / 1_000) s, when it is unknown"
        case .completed, .notKept: return "it is completed\(by): only what is unknown can be settled"
        case .released: return "it is released\(by): only what is unknown can be settled"
        case .unknown: return "it is unknown: look at it again, and decide again"
        }
    }
}
#endif
