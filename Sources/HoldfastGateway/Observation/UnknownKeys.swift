#if Gateway
import Foundation
import HoldfastIdempotency
import Logging
import Synchronization

/// Tells operators of keys that became unknown because their process ended: at the start of the next one, and whenever the
/// store has more of them, whoever left them.
final class UnknownKeys: Sendable {
    private let engine: IdempotencyEngine
    private let metrics: StoreMetrics
    private let logger: Logger
    private let teller = Mutex(UnknownTeller())
    /// What this process has told of by itself, when it was asked last.
    private let ownBefore = Atomic<Int>(0)

    init(_ engine: IdempotencyEngine, metrics: StoreMetrics, logger: Logger) {
        (self.engine, self.metrics, self.logger) = (engine, metrics, logger)
    }

    /// Tells at the start what the store holds, so that whoever starts again after a crash hears of what it has left. What
    /// another process had in flight is unknown when its lease is over, and counted then.
    func start() async {
        await engine.learnUsage()
        if let usage = engine.usage() {
            let counts: Logger.Metadata = [
                "keys": .stringConvertible(usage.keys), "bytes": .stringConvertible(usage.bytes),
                "unknown": .stringConvertible(usage.unknown),
            ]
            guard usage.unknown > 0 else { return logger.info("no key in the store is unknown", metadata: counts) }
            logger.warning(Self.words(usage.unknown), metadata: counts)
            return await counted(usage)
        }
        // It cannot count, so they are counted here, as far as that takes nobody's time.
        guard let (new, found, isWhole) = try? await look(at: UnknownTeller.pages), found > 0 else { return }
        logger.warning(
            Self.words(found), metadata: [isWhole ? "unknown" : "unknownAtLeast": .stringConvertible(found)])
        tell(new, isWhole: isWhole)
    }

    private static func words(_ unknown: Int) -> Logger.Message {
        let lists = "'holdfast keys list --state unknown' lists"
        return unknown == 1
            ? "a key in the store is unknown: it began, and nobody knows how it ended. \(lists) it"
            : "keys in the store are unknown: they began, and nobody knows how they ended. \(lists) them"
    }

    /// Takes what the store holds, and tells of what is new.
    func counted(_ usage: ClaimUsage) async {
        let own = metrics.count(of: .becameUnknown)
        let since = own - ownBefore.exchange(own, ordering: .relaxed)
        let pages = teller.withLock { $0.pagesToLookAt(at: usage.unknown, own: since) }
        // Whoever cannot be asked now is asked the next time.
        guard pages > 0, let (new, _, isWhole) = try? await look(at: pages) else { return }
        tell(new, isWhole: isWhole)
    }

    /// - Returns: What has not been told, how many were found with those that have, and whether there is none left that was
    ///   not looked at.
    private func look(at pages: Int) async throws -> (new: [ClaimSummary], found: Int, isWhole: Bool) {
        var (new, found): ([ClaimSummary], Int) = ([], 0)
        for number in 0..<pages {
            // A round ends with its last page.
            let (cursor, isThrough) = teller.withLock { ($0.cursor, $0.isThrough) }
            if number > 0, isThrough { break }
            let page = try await engine.list(.unknown, after: cursor, lookingAt: UnknownTeller.page)
            new += teller.withLock { $0.take(page) }
            found += page.summaries.count
        }
        return (new, found, teller.withLock { $0.isThrough })
    }

    private func tell(_ new: [ClaimSummary], isWhole: Bool) {
        let (lines, more) = UnknownTeller.lines(of: new)
        for summary in lines { tell(summary) }
        guard more > 0 else { return }
        logger.warning(
            "and \(isWhole ? "" : "at least ")\(more) more: 'holdfast keys list --state unknown' lists them",
            metadata: ["more": .stringConvertible(more)])
    }

    private func tell(_ summary: ClaimSummary) {
        var metadata: Logger.Metadata = [
            "record": "\(summary.id)", "fence": .stringConvertible(summary.fence),
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
