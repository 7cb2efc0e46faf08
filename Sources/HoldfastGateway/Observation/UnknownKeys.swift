#if Gateway
import Foundation
import HoldfastIdempotency
import Logging
import Synchronization

/// Tells operators of keys that became unknown because their process ended: at the start of the next one, and whenever the
/// store has more of them, whoever left them.
final class UnknownKeys: Sendable {
    /// How many records are looked at at once, and how often in a row: few enough that no claim waits for long.
    private static let page = 200
    private static let pages = 10

    private let engine: IdempotencyEngine
    private let metrics: StoreMetrics
    private let logger: Logger
    private let teller = Mutex(UnknownTeller())
    /// What this process has told of by itself, when it was asked last.
    private let ownBefore = Atomic<Int>(0)

    init(_ engine: IdempotencyEngine, metrics: StoreMetrics, logger: Logger) {
        (self.engine, self.metrics, self.logger) = (engine, metrics, logger)
    }

    /// Takes what the store holds, and tells of what is new.
    func counted(_ usage: ClaimUsage) async {
        let own = metrics.count(of: .becameUnknown)
        let since = own - ownBefore.exchange(own, ordering: .relaxed)
        guard teller.withLock({ $0.isToLook(at: usage.unknown, own: since) }) else { return }
        // Whoever cannot be asked now is asked when there are more.
        guard let (found, isWhole) = try? await found() else { return }
        let (lines, more) = teller.withLock { $0.tell(found) }
        for summary in lines { tell(summary) }
        guard more > 0 || !isWhole else { return }
        let others = isWhole ? "and \(more) more" : "and \(more) more of the oldest \(found.count), and others"
        logger.warning("\(others): 'holdfast keys list --state unknown' lists them")
    }

    private func found() async throws -> (summaries: [ClaimSummary], isWhole: Bool) {
        var found: [ClaimSummary] = []
        var cursor: String?
        for _ in 0..<Self.pages {
            let page = try await engine.list(.unknown, after: cursor, lookingAt: Self.page)
            found += page.summaries
            cursor = page.next
            if cursor == nil { return (found, true) }
        }
        return (found, false)
    }

    private func tell(_ summary: ClaimSummary) {
        var metadata: Logger.Metadata = [
            "record": "\(summary.id)", "fence": "\(summary.fence)",
            "settle":
                "holdfast keys resolve \(summary.id) --fence \(summary.fence) (--completed | --released) --by NAME --why REASON",
        ]
        switch KeyCause.find(summary, by: engine) {
        case .none: break
        case .cause(let cause): for (name, value) in cause.parts { metadata[name.key] = "\(value)" }
        case .unreadable(let reason): metadata["cause"] = "\(reason)"
        }
        logger.warning(
            "a key is unknown: its request began, and its gateway ended, or lost the store, before it said how that went",
            metadata: metadata)
    }
}

extension String {
    /// The name of a part of a cause, as a log has it.
    fileprivate var key: String {
        switch self {
        case "service's id": "serviceRequestID"
        case "id": "requestID"
        default: self
        }
    }
}
#endif
