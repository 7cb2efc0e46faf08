import Holdfast
import HoldfastIdempotency
import HoldfastIdempotencyTesting
import HoldfastTesting
import Synchronization
import Testing

/// A suite that every store passes proves nothing: each of these breaks one promise, and the suite must notice.
@Suite struct BrokenStoreTests {
    enum Fault: CaseIterable {
        case grantsTwice
        case forgetsWritesOfABatch
        case repeatsFences
        case cutsPayloads
        case losesTombstones
        case ignoresFences
        case refusesLateCompletion
        case refusesASecondCompletion
        case keepsWhatIsReleased
        case ignoresRenewals
        case rerunsTheUnknown
        case forgetsAtTheLeasesEnd
        case shortensAtResolution
        case takesOverTheLiving
        case takesOverASuccessor
        case leaksToOtherRequests
        case ignoresNonces
        case answersEveryNonce
        case forgetsEarly
        case neverForgets
        case reapsTheLiving
        case reapsTooMany
        case changesItsSecret
        case losesHistory
        case purgesTheLiving
        case listsTwice
        case dropsRepliesOfABatch
        case resolvesTheLiving
        case losesCausesOfTheUnknown
        case keepsCausesOfTheSettled
    }

    /// A store that does as it should, but for one thing.
    private final class Broken: ClaimStore {
        private let fault: Fault
        private let clock: ManualClock
        private let state = Mutex(State())
        private let constantSecret = StoreSecret.random()

        private struct State {
            var records: [RecordID: ClaimRecord] = [:]
            var fence: Int64 = 0
        }

        init(_ fault: Fault, clock: ManualClock) {
            (self.fault, self.clock) = (fault, clock)
        }

        private var now: StoreInstant {
            StoreInstant(milliseconds: clock.now.nanoseconds / 1_000_000)
        }

        func secret() async throws -> StoreSecret { fault == .changesItsSecret ? .random() : constantSecret }

        func apply(_ batch: [ClaimCommand]) async throws -> [ClaimReply] {
            let replies = state.withLock { state in
                batch.enumerated().map { place, command in
                    let before = state
                    let reply = carryOut(command, on: &state)
                    if fault == .forgetsWritesOfABatch, place > 1 { state.records = before.records }
                    return reply
                }
            }
            return fault == .dropsRepliesOfABatch && batch.count > 3 ? Array(replies.dropLast()) : replies
        }

        private func carryOut(_ command: ClaimCommand, on state: inout State) -> ClaimReply {
            var record = state.records[command.id]
            if fault == .neverForgets { record?.expires = StoreInstant(milliseconds: .max) }
            if fault == .forgetsEarly, let left = record?.expires, left.milliseconds - now.milliseconds < 70_000,
                case .completed? = record?.state
            {
                record = nil
            }
            if let faulty = instead(of: command, record, &state) { return faulty }
            let next = fault == .repeatsFences ? 1 : state.fence + 1
            let decision = ClaimMachine.apply(altered(command.action, record), to: record, at: now, nextFence: next)
            if case .claimed(let fence) = decision.reply { state.fence = max(state.fence, fence) }
            switch decision.write {
            case .nothing: break
            case .put(let after): state.records[command.id] = altered(after, from: record)
            case .delete: if fault != .keepsWhatIsReleased { state.records[command.id] = nil }
            }
            return decision.reply
        }

        /// An answer of its own.
        private func instead(of command: ClaimCommand, _ record: ClaimRecord?, _ state: inout State) -> ClaimReply? {
            guard let record, now < record.expires else { return nil }
            let isLive = if case .inFlight(let ends) = record.state { now < ends } else { false }
            switch (fault, command.action) {
            case (.grantsTwice, .claim(record.fingerprint, _, _, _, _, _, _)) where isLive:
                state.fence += 1
                return .claimed(fence: state.fence)
            case (.takesOverTheLiving, .claim(record.fingerprint, _, _, .anything, _, _, _)) where isLive:
                state.fence += 1
                state.records[command.id]?.fence = state.fence
                return .claimed(fence: state.fence)
            case (.answersEveryNonce, .claim(record.fingerprint, _, _, _, _, let nonce, _))
            where isLive && !nonce.isEmpty:
                return .claimed(fence: record.fence)
            case (.refusesLateCompletion, .complete) where record.isUnknown(at: now):
                return .stale
            case (.refusesASecondCompletion, .complete):
                if case .completed = record.state { return .stale }
            case (.leaksToOtherRequests, .claim(let said, _, _, _, _, _, _)) where said != record.fingerprint:
                if case .completed(let payload) = record.state { return .completed(payload: payload) }
            case (.ignoresRenewals, .renew(record.fence, _)) where isLive:
                return .done
            case (.purgesTheLiving, .purge(record.fence)) where isLive:
                state.records[command.id] = nil
                return .done
            case (.resolvesTheLiving, .resolve(record.fence, .completed(let payload), _, _, _)) where isLive:
                state.records[command.id]?.state = .completed(payload: payload)
                return .done
            default: break
            }
            return nil
        }

        /// The question, as it understands it.
        private func altered(_ action: ClaimCommand.Action, _ record: ClaimRecord?) -> ClaimCommand.Action {
            switch (fault, action) {
            case (.ignoresFences, .complete(_, let payload, let retention)):
                .complete(fence: record?.fence ?? 0, payload: payload, retention: retention)
            case (.rerunsTheUnknown, .claim(let said, let lease, let retention, _, let owner, let nonce, let context)),
                (
                    .takesOverASuccessor,
                    .claim(let said, let lease, let retention, .fence, let owner, let nonce, let context)
                ):
                .claim(
                    fingerprint: said, lease: lease, retention: retention, takesOver: .anything, owner: owner,
                    nonce: nonce, context: context)
            case (.ignoresNonces, .claim(let said, let lease, let retention, let takesOver, let owner, _, let context)):
                .claim(
                    fingerprint: said, lease: lease, retention: retention, takesOver: takesOver, owner: owner,
                    context: context)
            default: action
            }
        }

        /// The record, as it is kept.
        private func altered(_ record: ClaimRecord, from former: ClaimRecord?) -> ClaimRecord {
            var record = record
            switch (fault, record.state) {
            case (.cutsPayloads, .completed(let payload?)):
                record.state = .completed(payload: Array(payload.prefix(1 << 16)))
            case (.losesTombstones, .completed(nil)): record.state = .completed(payload: [])
            case (.forgetsAtTheLeasesEnd, .inFlight(let ends)): record.expires = ends
            case (.shortensAtResolution, .completed):
                if record.history.entries.last?.event == .resolvedCompleted {
                    record.expires = StoreInstant(milliseconds: now.milliseconds + 1_000)
                }
            case (.losesCausesOfTheUnknown, .unknown): record.context = []
            case (.keepsCausesOfTheSettled, .completed), (.keepsCausesOfTheSettled, .released):
                record.context = former?.context ?? []
            case (.losesHistory, _): record.history = ClaimHistory()
            default: break
            }
            return record
        }

        func reap(atMost count: Int) async throws -> Int {
            state.withLock { state in
                let due = state.records.filter { fault == .reapsTheLiving || $0.value.expires <= now }.map(\.key)
                let reaped = fault == .reapsTooMany ? due[...] : due.prefix(count)
                for id in reaped { state.records[id] = nil }
                return reaped.count
            }
        }

        func summary(of id: RecordID) async throws -> ClaimSummary? {
            state.withLock { $0.records[id] }.flatMap { ClaimSummary($0, of: id, at: now) }
        }

        func summaries(after cursor: String?, atMost count: Int) async throws -> ClaimPage {
            let all = state.withLock { $0.records }
            let rest = all.keys.map(\.description).sorted().filter { id in
                guard let cursor else { return true }
                return fault == .listsTwice ? id >= cursor : id > cursor
            }
            let page = rest.prefix(count)
            let found = page.compactMap { RecordID($0) }.compactMap { id in
                all[id].flatMap { ClaimSummary($0, of: id, at: now) }
            }
            return ClaimPage(summaries: found, next: page.count < rest.count ? page.last : nil, now: now)
        }
    }

    /// How many checks a store fails.
    private func failures(_ fault: Fault) async -> [String] {
        var failures: [String] = []
        for check in ClaimStoreConformance.checks {
            let clock = ManualClock()
            do {
                try await check.run(on: Broken(fault, clock: clock), lease: .seconds(30)) { clock.advance(by: $0) }
            } catch { failures.append("\(check): \(error)") }
        }
        return failures
    }

    @Test(arguments: Fault.allCases)
    func `a store that breaks a promise does not pass`(fault: Fault) async {
        let failures = await failures(fault)
        #expect(!failures.isEmpty, "\(fault) goes unnoticed")
        #expect(failures.count < ClaimStoreConformance.checks.count, "it breaks everything, which proves little")
    }
}
