import TestSupport
import Testing

@testable import HoldfastMachines

/// Walks the table of one key beside a plain list of those who wait for it.
@Suite struct InFlightExplorationTests {
    private struct Asker: InFlightAsker, Hashable {
        var number: UInt64 = 0
        var fingerprint = Fingerprint(bytes: [1])
        var account = 1
        var takesOver = ClaimCommand.Takeover.nothing
        var mayWait = true

        /// What tells one asker from another: the number does not.
        var kind: Asker {
            var kind = self
            kind.number = 0
            return kind
        }
    }

    private typealias Table = InFlightTable<Asker>

    private struct Node {
        var table = Table()
        /// Who asks the store, or executes.
        var asker: Asker?
        var isGranted = false
        var isAskerGone = false
        var waiting: [Asker] = []

        struct Shape: Hashable {
            let asker: Asker?
            let isGranted: Bool
            let isAskerGone: Bool
            let waiting: [Asker]
        }

        var shape: Shape {
            Shape(
                asker: asker?.kind, isGranted: isGranted, isAskerGone: isAskerGone, waiting: waiting.map(\.kind))
        }
    }

    private static let bound = 3
    private static let id = RecordID(bytes: [7])
    private static let another = Fingerprint(bytes: [2])
    /// The fence of the claim whose end nobody knows.
    private static let fence: Int64 = 5

    private static let kinds = [
        Asker(), Asker(takesOver: .anything), Asker(takesOver: .fence(fence)), Asker(takesOver: .fence(fence - 1)),
        Asker(account: 2), Asker(mayWait: false), Asker(fingerprint: another),
        Asker(fingerprint: another, account: 2, mayWait: false),
    ]

    private static let endings: [Table.Ending] = [
        .refused, .answered(unknown: nil), .answered(unknown: fence), .recorded, .released, .lost(fence: fence),
        .abandoned(fence: fence),
    ]

    private func check(_ holds: Bool, _ claim: String, _ node: Node) {
        if !holds { Issue.record("\(claim): \(node.shape)") }
    }

    /// Lets one ask, as the engine does.
    private func ask(_ asker: Asker, in node: inout Node) {
        var asker = asker
        let arrival = node.table.join(&asker, at: Self.id, atMost: Self.bound)
        check(asker.number != 0, "an asker without a number", node)
        guard let current = node.asker else {
            check(arrival == nil, "somebody waits behind nobody", node)
            node.table.begin(asker, at: Self.id)
            (node.asker, node.isGranted, node.isAskerGone) = (asker, false, false)
            return
        }
        let isOther = asker.fingerprint != current.fingerprint
        switch arrival {
        case .waits:
            check(node.waiting.count < Self.bound, "more wait than may", node)
            check(!node.isGranted || !isOther, "another request waits for what is not its own", node)
            node.waiting.append(asker)
        case .full: check(node.waiting.count == Self.bound, "room, and full", node)
        case .conflicts: check(!asker.mayWait && !isOther, "it may wait, and conflicts", node)
        case .mismatches: check(node.isGranted && isOther, "refused before the store has said a word", node)
        case nil: check(false, "two who execute one key", node)
        }
    }

    /// Ends the flight, and lets those ask again who have to.
    private func end(_ ending: Table.Ending, in node: inout Node) {
        let before = node
        guard let current = node.asker, let ended = node.table.end(Self.id, as: ending) else {
            return check(false, "a flight that nobody knows of", before)
        }
        check(ended.fingerprint == current.fingerprint, "the outcome of another request", before)
        check(ended.words.map(\.asker) == node.waiting, "somebody who waited hears nothing, or twice", before)
        (node.asker, node.waiting) = (nil, [])
        for (waiter, word) in ended.words {
            let covers = waiter.takesOver.covers(Self.fence)
            switch word {
            case .same:
                let isRefusal = ending == .refused
                check(
                    isRefusal ? waiter.account == current.account : waiter.fingerprint == current.fingerprint,
                    "another's answer", before)
                check(
                    [.refused, .answered(unknown: nil), .answered(unknown: Self.fence), .recorded].contains(ending),
                    "an outcome that is none", before)
                check(!(ending == .answered(unknown: Self.fence) && covers), "it would have taken over", before)
            case .unknown(let fence):
                check(fence == Self.fence, "another claim's fence", before)
                check(
                    ending == .lost(fence: fence) || ending == .abandoned(fence: fence) && !covers,
                    "unknown, and it is known", before)
            case .asksAgain:
                let isReason =
                    switch ending {
                    case .refused: waiter.account != current.account
                    case .answered(let unknown): waiter.fingerprint != current.fingerprint || unknown != nil && covers
                    case .released: true
                    case .abandoned: covers
                    case .recorded, .lost: false
                    }
                check(isReason, "it asks the store what the one before it has heard", before)
                ask(waiter, in: &node)
            }
        }
    }

    private func successors(of node: Node) -> [(Node, isWay: Bool)] {
        check(node.table.waiting == node.waiting.count, "a table that counts wrong", node)
        check(node.table.account(of: Self.id)?.account == node.asker?.account, "another's account", node)
        var next: [(Node, isWay: Bool)] = []
        for kind in Self.kinds {
            var coming = node
            ask(kind, in: &coming)
            next.append((coming, false))
        }
        for waiter in node.waiting {
            let isBehind = node.table.isBehindAnother(Self.id, waiter.number)
            check(isBehind == (node.isGranted || !node.isAskerGone), "behind nobody, or before everybody", node)
            var leaving = node
            check(leaving.table.leave(Self.id, waiter.number), "a place that cannot be left", node)
            check(!leaving.table.leave(Self.id, waiter.number), "a place that is left twice", node)
            leaving.waiting.removeAll { $0.number == waiter.number }
            next.append((leaving, false))
        }
        guard let asker = node.asker else { return next }
        check(node.table.account(of: Self.id)?.contextBytes == (node.isGranted ? 3 : 0), "bytes of no cause", node)
        check(!node.table.isBehindAnother(Self.id, asker.number), "behind itself", node)
        var gone = node
        gone.table.noteGone(Self.id, asker.number)
        gone.isAskerGone = true
        next.append((gone, false))
        for ending in Self.endings {
            // Only what was granted can be completed, given back or abandoned, and only what was not is refused.
            guard node.isGranted == !(ending == .refused || Self.isAnswer(ending)) else { continue }
            var over = node
            end(ending, in: &over)
            next.append((over, true))
        }
        guard !node.isGranted else { return next }
        var granted = node
        let others = granted.table.grant(Self.id, keeping: 3)
        check(others == node.waiting.filter { $0.fingerprint != asker.fingerprint }, "others wait on", node)
        granted.isGranted = true
        granted.waiting.removeAll { $0.fingerprint != asker.fingerprint }
        next.append((granted, true))
        return next
    }

    private static func isAnswer(_ ending: Table.Ending) -> Bool {
        if case .answered = ending { true } else { false }
    }

    @Test func `one executes, and each who waits hears the end of its own request once, or asks anew`() {
        let walk = Walk(from: Node(), shape: \.shape, successors: successors)
        print("walked \(walk.nodes.count) states of a key in flight")
        #expect(walk.nodes.count > 5_000, "the walk ended after \(walk.nodes.count) states")
        // Whatever has happened, the store's answers alone lead to an end, when nobody comes any more.
        #expect(walk.stuck { $0.asker == nil }.isEmpty)
    }

    @Test func `what is told of no key changes nothing`() {
        var table = Table()
        let ended = table.end(Self.id, as: .recorded)
        #expect(ended == nil)
        let others = table.grant(Self.id, keeping: 1)
        #expect(others.isEmpty)
        let hasLeft = table.leave(Self.id, 1)
        #expect(!hasLeft)
        table.noteGone(Self.id, 1)
        #expect(!table.isBehindAnother(Self.id, 1))
        #expect(table.account(of: Self.id) == nil && table.waiting == 0)
    }

    @Test func `those who wait for another process have as many places as there are, for each key`() {
        var table = Table()
        func comes(to id: RecordID) -> Bool { table.waitElsewhere(for: id, atMost: 2) }
        let other = RecordID(bytes: [8])
        #expect([comes(to: Self.id), comes(to: Self.id), comes(to: Self.id)] == [true, true, false])
        #expect(comes(to: other))
        table.endWaitingElsewhere(for: Self.id)
        #expect([comes(to: Self.id), comes(to: Self.id)] == [true, false])
        for _ in 0..<2 { table.endWaitingElsewhere(for: Self.id) }
        table.endWaitingElsewhere(for: other)
        #expect(table.elsewhere.isEmpty, "a key is remembered for which nobody waits")
        #expect([comes(to: Self.id), comes(to: Self.id), comes(to: Self.id)] == [true, true, false])
    }
}
