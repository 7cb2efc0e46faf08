import Holdfast
public import HoldfastIdempotency
import HoldfastTesting

/// What every store must do. Run each check on a fresh store of your own:
///
/// ```swift
/// @Test(arguments: ClaimStoreConformance.checks)
/// func conforms(check: ClaimStoreConformance.Check) async throws {
///     try await check.run(on: store) { clock.advance(by: $0) }
/// }
/// ```
public struct ClaimStoreConformance: Sendable {
    /// One claim about stores.
    public struct Check: Sendable, CustomStringConvertible {
        /// What is claimed.
        public let description: String
        private let body: @Sendable (Subject) async throws -> Void

        init(_ description: String, _ body: @escaping @Sendable (Subject) async throws -> Void) {
            self.description = description
            self.body = body
        }

        /// Checks one store.
        ///
        /// - Parameters:
        ///   - store: Fresh, or at least without the records that this suite makes.
        ///   - lease: How long claims last in this check; outcomes are kept four times as long. Default: 1 s, for stores
        ///     that have to sleep. Where the clock is real and can be moved, take half a minute, so that a busy machine
        ///     does not let a lease end of itself.
        ///   - advance: Lets this much time pass on the store's clock: moves a manual one, or sleeps.
        /// - Throws: `UnexpectedOutcome` if the claim does not hold.
        public func run(
            on store: any ClaimStore, lease: Duration = .seconds(1),
            advance: @escaping @Sendable (Duration) async throws -> Void
        ) async throws {
            try await body(Subject(store: store, lease: lease, advance: advance))
        }
    }

    /// The store under test, and short forms of what is asked of it.
    struct Subject: Sendable {
        let store: any ClaimStore
        let lease: Duration
        let advance: @Sendable (Duration) async throws -> Void
        /// Of this run alone, so that a store that was used before may be checked too.
        let salt = UInt64.random(in: 0 ... .max)
        let fingerprint = Fingerprint(bytes: [UInt8](repeating: 1, count: 32))
        let other = Fingerprint(bytes: [UInt8](repeating: 2, count: 32))
        var retention: Duration { lease * 4 }

        func id(_ number: Int = 0) -> RecordID {
            let words = [salt, UInt64(number), 0, 0]
            return RecordID(
                bytes: words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } })
        }

        func apply(_ action: ClaimCommand.Action, on number: Int = 0) async throws -> ClaimReply {
            let replies = try await store.apply([ClaimCommand(id: id(number), action: action)])
            guard replies.count == 1 else { throw UnexpectedOutcome("one command, and \(replies.count) replies") }
            return replies[0]
        }

        func claim(
            _ said: Fingerprint? = nil, takesOver: ClaimCommand.Takeover = .nothing, owner: String = "",
            context: [UInt8] = []
        ) -> ClaimCommand.Action {
            .claim(
                fingerprint: said ?? fingerprint, lease: lease, retention: retention, takesOver: takesOver,
                owner: owner, context: context)
        }

        func complete(_ fence: Int64, _ payload: [UInt8]?) -> ClaimCommand.Action {
            .complete(fence: fence, payload: payload, retention: retention)
        }

        /// Claims what must be free.
        func claimed(
            _ number: Int = 0, takesOver: ClaimCommand.Takeover = .nothing, owner: String = "", context: [UInt8] = []
        ) async throws -> Int64 {
            let reply = try await apply(claim(takesOver: takesOver, owner: owner, context: context), on: number)
            guard case .claimed(let fence) = reply else { throw UnexpectedOutcome("expected a claim, got \(reply)") }
            return fence
        }

        func expect(_ action: ClaimCommand.Action, on number: Int = 0, gives expected: ClaimReply) async throws {
            let reply = try await apply(action, on: number)
            guard reply == expected else { throw UnexpectedOutcome("\(action) gave \(reply) instead of \(expected)") }
        }
    }

    public static let checks: [Check] = claims + writes + unknowns + wholes + operators + counts + contexts

    private static let claims = [
        Check("a key is claimed once, and another payload learns nothing") { subject in
            _ = try await subject.claimed()
            try await subject.expect(subject.claim(), gives: .inFlight)
            try await subject.expect(subject.claim(subject.other), gives: .mismatched)
            let fence = try await subject.claimed(1)
            try await subject.expect(subject.complete(fence, [7]), on: 1, gives: .done)
            try await subject.expect(subject.claim(subject.other), on: 1, gives: .mismatched)
        },
        Check("of many who claim at the same moment one wins") { subject in
            let wins = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<50 {
                    group.addTask { if case .claimed = try await subject.apply(subject.claim()) { 1 } else { 0 } }
                }
                return try await group.reduce(0, +)
            }
            guard wins == 1 else { throw UnexpectedOutcome("\(wins) claims were granted") }
        },
        Check("a look tells what a claim would be told, and claims nothing") { subject in
            func look(_ said: Fingerprint? = nil) -> ClaimCommand.Action {
                .look(fingerprint: said ?? subject.fingerprint, retention: subject.retention)
            }
            try await subject.expect(look(), gives: .free)
            try await subject.expect(look(), gives: .free)
            guard try await subject.store.summary(of: subject.id()) == nil else {
                throw UnexpectedOutcome("a look has left a record")
            }
            let fence = try await subject.claimed()
            try await subject.expect(look(), gives: .inFlight)
            try await subject.expect(look(subject.other), gives: .mismatched)
            try await subject.expect(subject.complete(fence, [3]), gives: .done)
            try await subject.expect(look(), gives: .completed(payload: [3]))
            let unknown = try await subject.claimed(1)
            try await subject.expect(.abandon(fence: unknown), on: 1, gives: .done)
            try await subject.expect(look(), on: 1, gives: .unknown(fence: unknown))
            let batch = [(2, subject.claim()), (2, look()), (3, look()), (0, look())]
            let replies = try await subject.store.apply(
                batch.map { ClaimCommand(id: subject.id($0.0), action: $0.1) })
            guard replies.count == 4, case .claimed = replies[0], replies[1] == .inFlight, replies[2] == .free,
                replies[3] == .completed(payload: [3])
            else { throw UnexpectedOutcome("the batch gave \(replies)") }
        },
        Check("a batch is carried out in order, also on one key") { subject in
            let fence = try await subject.claimed(1)
            let id = subject.id(1)
            let replies = try await subject.store.apply([
                ClaimCommand(id: id, action: .release(fence: fence)), ClaimCommand(id: id, action: subject.claim()),
                ClaimCommand(id: id, action: subject.claim()), ClaimCommand(id: subject.id(2), action: subject.claim()),
            ])
            guard replies.count == 4, replies[0] == .done, case .claimed(let second) = replies[1], second > fence,
                replies[2] == .inFlight, case .claimed(let third) = replies[3], third != second
            else { throw UnexpectedOutcome("the batch gave \(replies)") }
            let none = try await subject.store.apply([])
            guard none.isEmpty else { throw UnexpectedOutcome("no command, and \(none.count) replies") }
        },
        Check("who asks again because the answer was lost gets its claim, and nobody else does") { subject in
            func claim(
                _ nonce: String, _ owner: String = "me", _ said: Fingerprint? = nil,
                _ takesOver: ClaimCommand.Takeover = .nothing
            ) -> ClaimCommand.Action {
                .claim(
                    fingerprint: said ?? subject.fingerprint, lease: subject.lease, retention: subject.retention,
                    takesOver: takesOver, owner: owner, nonce: nonce)
            }
            guard case .claimed(let first) = try await subject.apply(claim("a")) else {
                throw UnexpectedOutcome("it was not claimed")
            }
            try await subject.expect(claim("a"), gives: .claimed(fence: first))
            for other in [claim("b"), claim(""), claim("a", "you"), claim("me\ta", "")] {
                try await subject.expect(other, gives: .inFlight)
            }
            try await subject.expect(claim("a", "me", subject.other), gives: .mismatched)
            // It takes no fence, and gives none back.
            let second = try await subject.claimed(1)
            let replies = try await subject.store.apply([
                ClaimCommand(id: subject.id(), action: claim("a")),
                ClaimCommand(id: subject.id(2), action: subject.claim()),
            ])
            guard replies.count == 2, replies[0] == .claimed(fence: first), case .claimed(let third) = replies[1],
                try await subject.claimed(3) != third, third != second, second != first
            else { throw UnexpectedOutcome("asked again, a batch gave \(replies)") }
            let fresh = try await subject.claimed(4)
            guard ![first, second, third].contains(fresh) else { throw UnexpectedOutcome("a fence granted twice") }
            try await subject.expect(.abandon(fence: first), gives: .done)
            try await subject.expect(claim("a"), gives: .unknown(fence: first))
            guard case .claimed(let over) = try await subject.apply(claim("c", "me", nil, .anything)), over > first
            else {
                throw UnexpectedOutcome("it was not taken over")
            }
            try await subject.expect(claim("a"), gives: .inFlight)
            try await subject.expect(claim("c", "me", nil, .anything), gives: .claimed(fence: over))
            try await subject.advance(subject.lease * 2)
            try await subject.expect(claim("c"), gives: .unknown(fence: over))
            try await subject.expect(subject.complete(over, [1]), gives: .done)
            try await subject.expect(claim("c"), gives: .completed(payload: [1]))
        },
        Check("fences rise with each claim of a key") { subject in
            var last: Int64 = .min
            for _ in 0..<5 {
                let fence = try await subject.claimed()
                guard fence > last else { throw UnexpectedOutcome("the fence \(fence) after \(last)") }
                last = fence
                try await subject.expect(.release(fence: fence), gives: .done)
            }
        },
    ]

    private static let writes = [
        Check("an outcome is replayed to the byte") { subject in
            let payloads: [[UInt8]?] = [
                [0, 255, 10, 13, 39, 92, 0], [], nil, (0..<1_048_576).map { UInt8(truncatingIfNeeded: $0 &* 31) },
            ]
            for (number, payload) in payloads.enumerated() {
                let fence = try await subject.claimed(number)
                try await subject.expect(subject.complete(fence, payload), on: number, gives: .done)
                try await subject.expect(subject.claim(), on: number, gives: .completed(payload: payload))
            }
        },
        Check("a write with another fence changes nothing") { subject in
            let fence = try await subject.claimed()
            for wrong in [fence - 1, fence + 1] {
                let writes: [ClaimCommand.Action] = [
                    .renew(fence: wrong, lease: subject.lease), subject.complete(wrong, [1]), .release(fence: wrong),
                    .abandon(fence: wrong), .resolve(fence: wrong, .released, retention: subject.retention),
                ]
                for write in writes { try await subject.expect(write, gives: .stale) }
            }
            try await subject.expect(subject.complete(fence, [2]), gives: .done)
            try await subject.expect(subject.claim(), gives: .completed(payload: [2]))
        },
        Check("a completion whose acknowledgement was lost may come again") { subject in
            let fence = try await subject.claimed()
            for _ in 0..<2 { try await subject.expect(subject.complete(fence, [1]), gives: .done) }
            try await subject.expect(subject.complete(fence, nil), gives: .done)
            try await subject.expect(subject.complete(fence, [2]), gives: .stale)
            try await subject.expect(.release(fence: fence), gives: .stale)
            try await subject.expect(subject.claim(), gives: .completed(payload: [1]))
        },
        Check("what was released may be claimed again") { subject in
            let fence = try await subject.claimed()
            try await subject.expect(.release(fence: fence), gives: .done)
            _ = try await subject.claimed()
        },
        Check("a lease that is renewed lasts") { subject in
            let fence = try await subject.claimed()
            for _ in 0..<3 {
                try await subject.advance(subject.lease * 2 / 3)
                try await subject.expect(.renew(fence: fence, lease: subject.lease), gives: .done)
            }
            try await subject.expect(subject.claim(), gives: .inFlight)
        },
    ]

    private static let unknowns = [
        Check("a lease that ends leaves an unknown, and nobody runs it again") { subject in
            let fence = try await subject.claimed()
            try await subject.advance(subject.lease * 2)
            try await subject.expect(.renew(fence: fence, lease: subject.lease), gives: .stale)
            for _ in 0..<2 { try await subject.expect(subject.claim(), gives: .unknown(fence: fence)) }
            try await subject.expect(subject.complete(fence, [1]), gives: .done)
            try await subject.expect(subject.claim(), gives: .completed(payload: [1]))
        },
        Check("what is unknown is kept for a whole retention, even one that is no longer than the lease") { subject in
            let claim = ClaimCommand.Action.claim(
                fingerprint: subject.fingerprint, lease: subject.lease, retention: subject.lease)
            for number in 0...1 {
                guard case .claimed = try await subject.apply(claim, on: number) else {
                    throw UnexpectedOutcome("it was not claimed")
                }
            }
            try await subject.advance(subject.lease / 2)
            guard let fence = try await subject.store.summary(of: subject.id(1))?.fence else {
                throw UnexpectedOutcome("a claim is not to be found")
            }
            try await subject.expect(.renew(fence: fence, lease: subject.lease), on: 1, gives: .done)
            try await subject.advance(subject.lease * 3 / 4)
            guard case .unknown = try await subject.apply(claim) else {
                throw UnexpectedOutcome("it was forgotten when its lease ended")
            }
            try await subject.advance(subject.lease / 2)
            guard case .unknown = try await subject.apply(claim, on: 1) else {
                throw UnexpectedOutcome("it was renewed, and forgotten when its lease ended")
            }
        },
        Check("resolving never shortens how long a key is kept") { subject in
            let fence = try await subject.claimed()
            try await subject.expect(.abandon(fence: fence), gives: .done)
            let resolution = ClaimCommand.Action.resolve(
                fence: fence, .completed(payload: [5]), retention: subject.lease / 8)
            try await subject.expect(resolution, gives: .done)
            try await subject.advance(subject.lease)
            try await subject.expect(subject.claim(), gives: .completed(payload: [5]))
        },
        Check("what was abandoned is unknown at once") { subject in
            let fence = try await subject.claimed()
            try await subject.expect(.abandon(fence: fence), gives: .done)
            try await subject.expect(subject.claim(), gives: .unknown(fence: fence))
            try await subject.expect(.release(fence: fence), gives: .stale)
        },
        Check("who takes over has a higher fence, and the former owner is refused") { subject in
            let former = try await subject.claimed()
            try await subject.expect(subject.claim(takesOver: .anything), gives: .inFlight)
            try await subject.advance(subject.lease * 2)
            let fence = try await subject.claimed(takesOver: .anything)
            guard fence > former else { throw UnexpectedOutcome("the fence \(fence) after \(former)") }
            for write in [
                subject.complete(former, [1]), .release(fence: former), .abandon(fence: former),
                .renew(fence: former, lease: subject.lease),
            ] { try await subject.expect(write, gives: .stale) }
            try await subject.expect(subject.complete(fence, [2]), gives: .done)
            try await subject.expect(subject.claim(takesOver: .anything), gives: .completed(payload: [2]))
        },
        Check("an unknown can be resolved, and nothing else can") { subject in
            let first = try await subject.claimed()
            let completed = ClaimCommand.Action.resolve(
                fence: first, .completed(payload: [5]), retention: subject.retention)
            try await subject.expect(completed, gives: .stale)
            try await subject.expect(.abandon(fence: first), gives: .done)
            try await subject.expect(completed, gives: .done)
            try await subject.expect(subject.claim(), gives: .completed(payload: [5]))
            let second = try await subject.claimed(1)
            try await subject.expect(.abandon(fence: second), on: 1, gives: .done)
            try await subject.expect(
                .resolve(fence: second, .released, retention: subject.retention), on: 1, gives: .done)
            _ = try await subject.claimed(1)
        },
    ]

    private static let wholes = [
        Check("whatever is asked in whatever order, the answers are the machine's") { subject in
            var generator = SeededGenerator(seed: 1)
            let now = StoreInstant(milliseconds: 0)
            let (lease, retention) = (Duration.seconds(600), Duration.seconds(6_000))
            var model: [Int: ClaimRecord] = [:]
            var fences: [Int: [Int64]] = [:]
            for _ in 0..<150 {
                let numbers = (0..<Int.random(in: 1...6, using: &generator)).map { _ in
                    Int.random(in: 0..<5, using: &generator)
                }
                let batch = numbers.map { number in
                    let fence = fences[number]?.suffix(2).randomElement(using: &generator) ?? 1
                    let resolution =
                        Bool.random(using: &generator) ? .released : ClaimCommand.Resolution.completed(payload: [3])
                    let said = Int.random(in: 0..<8, using: &generator) == 0 ? subject.other : subject.fingerprint
                    let actions: [ClaimCommand.Action] = [
                        .claim(fingerprint: said, lease: lease, retention: retention, context: [UInt8(number)]),
                        .claim(fingerprint: said, lease: lease, retention: retention, owner: "me", nonce: "\(number)"),
                        .claim(
                            fingerprint: said, lease: lease, retention: retention, takesOver: .anything,
                            context: [UInt8(number), 1]),
                        .claim(fingerprint: said, lease: lease, retention: retention, takesOver: .fence(fence)),
                        .look(fingerprint: said, retention: retention), .renew(fence: fence, lease: lease),
                        .complete(fence: fence, payload: [UInt8(number)], retention: retention),
                        .complete(fence: fence, payload: nil, retention: retention), .release(fence: fence),
                        .abandon(fence: fence), .purge(fence: fence),
                        .resolve(fence: fence, resolution, retention: retention),
                    ]
                    return ClaimCommand(
                        id: subject.id(number), action: actions[Int.random(in: actions.indices, using: &generator)])
                }
                let replies = try await subject.store.apply(batch)
                guard replies.count == batch.count else { throw UnexpectedOutcome("too few replies: \(replies)") }
                for ((number, command), reply) in zip(zip(numbers, batch), replies) {
                    var granted: Int64 = 0
                    if case .claimed(let fence) = reply { granted = fence }
                    let decision = ClaimMachine.apply(command.action, to: model[number], at: now, nextFence: granted)
                    guard decision.reply == reply else {
                        throw UnexpectedOutcome(
                            "\(command.action) gave \(reply) instead of \(decision.reply), in \(batch)")
                    }
                    if granted > 0, decision.write != .nothing {
                        guard granted > fences[number]?.last ?? 0 else { throw UnexpectedOutcome("fences fell") }
                        fences[number, default: []].append(granted)
                    }
                    switch decision.write {
                    case .nothing: break
                    case .put(let record): model[number] = record
                    case .delete: model[number] = nil
                    }
                }
            }
            for (number, record) in model {
                let summary = try await subject.store.summary(of: subject.id(number))
                let events = summary?.history.entries.map(\.event)
                guard events == record.history.entries.map(\.event) else {
                    throw UnexpectedOutcome(
                        "the history \(summary?.history.text ?? "none") instead of \(record.history.text)")
                }
                guard summary?.context == record.context else {
                    throw UnexpectedOutcome("the cause \(summary?.context ?? []) instead of \(record.context)")
                }
            }
        },
        Check("after its retention a record is forgotten, and not before") { subject in
            let fence = try await subject.claimed()
            try await subject.expect(subject.complete(fence, [1]), gives: .done)
            try await subject.advance(subject.retention / 2)
            try await subject.expect(subject.claim(), gives: .completed(payload: [1]))
            try await subject.advance(subject.retention)
            let next = try await subject.claimed()
            guard next > fence else { throw UnexpectedOutcome("the fence \(next) after \(fence)") }
        },
        Check("reaping forgets what has expired, in small batches, and nothing else") { subject in
            for number in 0..<5 {
                let fence = try await subject.claimed(number)
                try await subject.expect(subject.complete(fence, [1]), on: number, gives: .done)
            }
            // No new key comes afterwards: with one, a store may forget some by itself.
            let fence = try await subject.claimed(9)
            let kept = ClaimCommand.Action.complete(fence: fence, payload: [9], retention: subject.retention * 8)
            try await subject.expect(kept, on: 9, gives: .done)
            try await subject.advance(subject.retention * 2)
            var batches: [Int] = []
            repeat { batches.append(try await subject.store.reap(atMost: 2)) } while batches.last == 2
            let least = subject.store.forgetsByItself ? 0 : 5
            guard batches.reduce(0, +) >= least, batches.allSatisfy({ $0 <= 2 }) else {
                throw UnexpectedOutcome("reaped \(batches) of 5")
            }
            try await subject.expect(subject.claim(), on: 9, gives: .completed(payload: [9]))
        },
        Check("the secret stays the same") { subject in
            let (first, second) = (try await subject.store.secret().bytes, try await subject.store.secret().bytes)
            guard first == second, first.count >= 32 else { throw UnexpectedOutcome("the secret changes") }
        },
        Check("many callers at once leave every record whole") { subject in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<200 {
                    group.addTask {
                        let fence = try await subject.claimed(number)
                        let payload = [UInt8(truncatingIfNeeded: number)]
                        try await subject.expect(subject.complete(fence, payload), on: number, gives: .done)
                        try await subject.expect(subject.claim(), on: number, gives: .completed(payload: payload))
                    }
                }
                try await group.waitForAll()
            }
        },
    ]
}
