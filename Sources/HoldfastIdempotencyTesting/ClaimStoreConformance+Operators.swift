import HoldfastIdempotency
import HoldfastTesting

extension ClaimStoreConformance {
    /// What operators are told, and may do.
    static let operators = [
        Check("a record tells its whole history, by the store's clock") { subject in
            let first = try await subject.claimed(owner: "one")
            try await subject.expect(.abandon(fence: first), gives: .done)
            let resolution = ClaimCommand.Action.resolve(
                fence: first, .released, retention: subject.retention, by: "ada", why: "not in\tthe ledger")
            try await subject.expect(resolution, gives: .done)
            let second = try await subject.claimed(owner: "two")
            try await subject.expect(subject.complete(second, [1, 2, 3]), gives: .done)
            guard let summary = try await subject.store.summary(of: subject.id()) else {
                throw UnexpectedOutcome("the record is not to be found")
            }
            let told = summary.history.entries.map { "\($0.event.rawValue) \($0.fence) \($0.by) \($0.why)" }
            let expected = [
                "claimed \(first) one ", "abandoned \(first)  ", "resolved-released \(first) ada not in the ledger",
                "claimed \(second) two ", "completed \(second)  ",
            ]
            guard told == expected else { throw UnexpectedOutcome("\(told) instead of \(expected)") }
            let times = summary.history.entries.map(\.at)
            guard times == times.sorted(), let last = times.last, last <= summary.now, summary.now < summary.expires
            else { throw UnexpectedOutcome("the times \(times) do not lead to \(summary.now)") }
            guard summary.state == .completed, summary.fence == second, summary.payloadBytes == 3 else {
                throw UnexpectedOutcome("\(summary)")
            }
        },
        Check("what is resolved as released may be claimed for another request") { subject in
            let first = try await subject.claimed()
            try await subject.expect(.abandon(fence: first), gives: .done)
            try await subject.expect(
                .resolve(fence: first, .released, retention: subject.retention), gives: .done)
            try await subject.expect(subject.complete(first, [1]), gives: .stale)
            guard case .claimed(let second) = try await subject.apply(subject.claim(subject.other)), second > first
            else { throw UnexpectedOutcome("it was not claimed") }
        },
        Check("only what is not in flight is purged, and only under its fence") { subject in
            let first = try await subject.claimed()
            try await subject.expect(.purge(fence: first), gives: .stale)
            try await subject.expect(subject.complete(first, [1]), gives: .done)
            try await subject.expect(.purge(fence: first + 1), gives: .stale)
            try await subject.expect(.purge(fence: first), gives: .done)
            guard try await subject.store.summary(of: subject.id()) == nil else {
                throw UnexpectedOutcome("a purged record is still there")
            }
            guard try await subject.claimed() > first else { throw UnexpectedOutcome("a fence was granted twice") }
        },
        Check("who takes over after a probe leaves a successor's claim alone") { subject in
            let first = try await subject.claimed()
            try await subject.expect(.abandon(fence: first), gives: .done)
            let second = try await subject.claimed(takesOver: .fence(first))
            try await subject.expect(.abandon(fence: second), gives: .done)
            try await subject.expect(subject.claim(takesOver: .fence(first)), gives: .unknown(fence: second))
            _ = try await subject.claimed(takesOver: .fence(second))
        },
        Check("the pages of a listing show every record once") { subject in
            var expected: Set<RecordID> = []
            for number in 0..<7 {
                _ = try await subject.claimed(number)
                expected.insert(subject.id(number))
            }
            let wanted = expected
            var seen: [RecordID] = []
            var cursor: String?
            repeat {
                let page = try await subject.store.summaries(after: cursor, atMost: 2)
                seen += page.summaries.map(\.id).filter { wanted.contains($0) }
                cursor = page.next
            } while cursor != nil
            guard seen.count == 7, Set(seen) == wanted else { throw UnexpectedOutcome("listed \(seen)") }
        },
    ]
}
