import HoldfastIdempotency
import HoldfastTesting

extension ClaimStoreConformance {
    /// What is said of a claim's cause: there while somebody has to find out how it ended, and gone when that is known.
    static let contexts = [
        Check("a cause is told while a claim is in flight and when it is unknown, to the byte") { subject in
            let contexts: [[UInt8]] = [
                [], [1], [0, 255, 10, 9, 39, 34, 92, 123, 125, 0],
                (0..<1_100).map { UInt8(truncatingIfNeeded: $0 &* 31) },
            ]
            for (number, context) in contexts.enumerated() {
                let fence = try await subject.claimed(number, context: context)
                try await subject.expectContext(context, of: number, "in flight")
                try await subject.expect(.renew(fence: fence, lease: subject.lease), on: number, gives: .done)
                try await subject.expect(subject.claim(), on: number, gives: .inFlight)
                try await subject.expectContext(context, of: number, "renewed, and asked for again")
                try await subject.expect(.abandon(fence: fence), on: number, gives: .done)
                try await subject.expect(subject.claim(), on: number, gives: .unknown(fence: fence))
                try await subject.expectContext(context, of: number, "abandoned")
            }
            let listed = try await subject.contexts(standing: .unknown, of: 0..<contexts.count)
            guard listed == contexts else { throw UnexpectedOutcome("listed \(listed) instead of \(contexts)") }
        },
        Check("a cause outlasts the lease of a claim that nobody reports on") { subject in
            for number in 0...1 { _ = try await subject.claimed(number, context: [7, UInt8(number)]) }
            try await subject.advance(subject.lease * 2)
            let listed = try await subject.contexts(standing: .unknown, of: 0..<2)
            guard listed == [[7, 0], [7, 1]] else { throw UnexpectedOutcome("listed \(listed)") }
            guard case .unknown(let fence) = try await subject.apply(subject.claim()) else {
                throw UnexpectedOutcome("a lease that has ended is not unknown")
            }
            try await subject.expectContext([7, 0], of: 0, "seen")
            try await subject.expect(subject.complete(fence, [1]), gives: .done)
            try await subject.expectContext([], of: 0, "completed late")
        },
        Check("a cause is gone when it is known how the claim ended") { subject in
            let retention = subject.retention
            let ends: [(String, (Int64) -> [ClaimCommand.Action])] = [
                ("completed", { [subject.complete($0, [1, 2])] }), ("not kept", { [subject.complete($0, nil)] }),
                ("resolved", { [.abandon(fence: $0), .resolve(fence: $0, .released, retention: retention)] }),
                (
                    "resolved as completed",
                    { [.abandon(fence: $0), .resolve(fence: $0, .completed(payload: [3]), retention: retention)] }
                ),
            ]
            for (number, (name, end)) in ends.enumerated() {
                let fence = try await subject.claimed(number, context: [1, 2, 3, 4])
                for action in end(fence) { try await subject.expect(action, on: number, gives: .done) }
                try await subject.expectContext([], of: number, name)
            }
            try await subject.expect(subject.claim(), gives: .completed(payload: [1, 2]))
            try await subject.expect(subject.claim(), on: 3, gives: .completed(payload: [3]))
            // One that is released has a history to tell, if it was unknown before.
            let first = try await subject.claimed(9, context: [5])
            try await subject.expect(.abandon(fence: first), on: 9, gives: .done)
            let second = try await subject.claimed(9, takesOver: .anything, context: [6])
            try await subject.expect(.release(fence: second), on: 9, gives: .done)
            try await subject.expectContext([], of: 9, "released")
        },
        Check("each claim of a key has a cause of its own") { subject in
            let first = try await subject.claimed(context: [1, 1, 1])
            try await subject.expect(.release(fence: first), gives: .done)
            let second = try await subject.claimed(context: [2])
            try await subject.expectContext([2], of: 0, "claimed again")
            try await subject.expect(.abandon(fence: second), gives: .done)
            _ = try await subject.claimed(takesOver: .anything, context: [3, 3])
            try await subject.expectContext([3, 3], of: 0, "taken over")
            try await subject.advance(subject.lease * 2)
            _ = try await subject.claimed(takesOver: .anything)
            try await subject.expectContext([], of: 0, "taken over by one that says nothing")
            // Who asks again because the answer was lost has said it already.
            func claim(_ context: [UInt8]) -> ClaimCommand.Action {
                .claim(
                    fingerprint: subject.fingerprint, lease: subject.lease, retention: subject.retention, owner: "me",
                    nonce: "a", context: context)
            }
            guard case .claimed(let granted) = try await subject.apply(claim([4]), on: 1) else {
                throw UnexpectedOutcome("it was not claimed")
            }
            try await subject.expect(claim([5]), on: 1, gives: .claimed(fence: granted))
            try await subject.expectContext([4], of: 1, "asked for again")
        },
        Check("a batch keeps each cause with its claim") { subject in
            let replies = try await subject.store.apply(
                (0..<40).map { number in
                    ClaimCommand(
                        id: subject.id(number), action: subject.claim(context: [UInt8](repeating: 9, count: number)))
                })
            var ends: [ClaimCommand] = []
            for (number, reply) in replies.enumerated() {
                guard case .claimed(let fence) = reply else { throw UnexpectedOutcome("\(reply)") }
                let end = number.isMultiple(of: 2) ? .abandon(fence: fence) : subject.complete(fence, [1])
                ends.append(ClaimCommand(id: subject.id(number), action: end))
            }
            _ = try await subject.store.apply(ends)
            for number in 0..<40 {
                let kept = number.isMultiple(of: 2) ? number : 0
                try await subject.expectContext([UInt8](repeating: 9, count: kept), of: number, "in a batch")
            }
        },
        Check("the bytes of causes are counted, and given back") { subject in
            guard let before = try await subject.store.usage() else { return }
            func check(_ what: String, _ expected: Int) async throws {
                let bytes = (try await subject.store.usage()?.bytes ?? 0) - before.bytes
                guard bytes == expected else { throw UnexpectedOutcome("\(what): \(bytes) instead of \(expected)") }
            }
            let context = [UInt8](repeating: 8, count: 300)
            let first = try await subject.claimed(context: context)
            try await check("claimed", 300)
            try await subject.expect(.renew(fence: first, lease: subject.lease), gives: .done)
            try await subject.expect(subject.claim(), gives: .inFlight)
            try await check("renewed, and asked for again", 300)
            try await subject.expect(subject.complete(first, [1, 2, 3]), gives: .done)
            try await check("completed", 3)
            let second = try await subject.claimed(1, context: context)
            try await subject.expect(.release(fence: second), on: 1, gives: .done)
            try await check("released", 3)
            let third = try await subject.claimed(2, context: context)
            try await subject.expect(.abandon(fence: third), on: 2, gives: .done)
            try await check("abandoned", 303)
            let fourth = try await subject.claimed(2, takesOver: .anything, context: [1])
            try await check("taken over", 4)
            try await subject.expect(.abandon(fence: fourth), on: 2, gives: .done)
            try await subject.expect(.purge(fence: fourth), on: 2, gives: .done)
            try await check("purged", 3)
            let fifth = try await subject.claimed(3, context: context)
            try await subject.expect(subject.complete(fifth, nil), on: 3, gives: .done)
            try await check("not kept", 3)
            // A store that has to sleep says when a lease is over as well as one that does not.
            _ = try await subject.claimed(4, context: context)
            try await subject.advance(subject.lease * 3 / 2)
            _ = try await subject.apply(subject.claim(), on: 4)
            try await check("its lease over", 303)
        },
    ]
}

extension ClaimStoreConformance.Subject {
    func expectContext(_ expected: [UInt8], of number: Int, _ what: String) async throws {
        guard let summary = try await store.summary(of: id(number)) else {
            throw UnexpectedOutcome("\(what): the record is not to be found")
        }
        guard summary.context == expected else {
            throw UnexpectedOutcome("\(what): the cause is \(summary.context) instead of \(expected)")
        }
    }

    /// What is listed of so many records, in the order of their numbers.
    func contexts(standing state: ClaimSummary.State, of numbers: Range<Int>) async throws -> [[UInt8]?] {
        var found: [RecordID: [UInt8]] = [:]
        var cursor: String?
        repeat {
            let page = try await store.summaries(standing: state, after: cursor, atMost: 3)
            for summary in page.summaries { found[summary.id] = summary.context }
            cursor = page.next
        } while cursor != nil
        return numbers.map { found[id($0)] }
    }
}
