import TestSupport
import Testing

@testable import HoldfastMachines

/// Walks everything that two workers, a store and time can do about one key: claims, late writers, crashes at any step,
/// lost acknowledgements. Then breaks the protocol on purpose, and sees that the walk notices.
@Suite struct ClaimExplorationTests {
    private enum Worker: Hashable {
        case idle
        /// It has asked for the claim under a nonce, and the answer was lost.
        case asked(String)
        case claimed(Int64)
        /// It has had its effect, and has not told the store.
        case acted(Int64)

        var fence: Int64? {
            switch self {
            case .idle, .asked: nil
            case .claimed(let fence), .acted(let fence): fence
            }
        }
    }

    private struct Node: Hashable {
        var record: ClaimRecord?
        var granted: Int64 = 0
        var now = StoreInstant(milliseconds: 0)
        var workers = [Worker.idle, .idle]
        /// The fences under which there was an effect.
        var effects: [Int64] = []
        /// The outcome that somebody was told is durable.
        var acknowledged: [UInt8]?
        /// Before this, what is known of the key must not be forgotten.
        var kept = StoreInstant(milliseconds: 0)
        /// The highest fence whose retention is over. What its worker does then is no business of this key any more.
        var forgotten: Int64 = 0
        var violation: String?
    }

    /// The faults that others have, made on purpose.
    private enum Mutant {
        /// A write is accepted whoever holds the claim.
        case noFence
        /// A worker decides by its own clock, which is ahead.
        case hostClock
        /// A claim is deleted when the work throws, whatever it has done.
        case deleteOnThrow
        /// All who ask do so under one nonce.
        case oneNonce
        /// What is in flight is kept for a retention from its claim, or until its lease ends.
        case retentionFromClaim
    }

    private struct Explorer {
        let takesOver: Bool
        var mutant: Mutant?

        /// Long enough never to be over, or shorter than the lease.
        var retention = Duration.seconds(3_600)

        private static let lease = Duration.milliseconds(2)

        /// Sends one command, and notes what must never be.
        private func send(_ action: ClaimCommand.Action, of worker: Int, in node: inout Node) -> ClaimReply {
            let own = node.workers[worker].fence
            var action = action
            if mutant == .noFence, let fence = node.record?.fence { action = action.with(fence: fence) }
            var now = node.now
            if mutant == .hostClock, worker == 1 { now.milliseconds += 2 }
            forget(&node)
            let before = node.record
            let decision = ClaimMachine.apply(action, to: before, at: now, nextFence: node.granted + 1)
            switch decision.write {
            case .nothing: break
            case .put(var record):
                // What has happened is told by the other fields; with the times in it, no state would come twice.
                let last = record.history.entries.last
                record.history = ClaimHistory()
                if let last, last.event == .claimed {
                    let start = StoreInstant(milliseconds: 0)
                    record.history.add(.claimed, at: start, fence: last.fence, by: last.by, why: last.why)
                }
                if mutant == .retentionFromClaim, case .inFlight(let ends) = record.state {
                    record.expires = max(node.now.advanced(by: retention), ends)
                }
                node.record = record
            case .delete: node.record = nil
            }
            if decision.write != .nothing {
                switch node.record?.state {
                case .inFlight(let ends)?: node.kept = ends.advanced(by: retention)
                case .completed?: node.kept = now.advanced(by: retention)
                case .unknown?, .released?: break
                case nil: node.kept = now
                }
            }
            if case .claim = action, case .inFlight(let ends)? = before?.state, node.now < ends {
                let again = before.map { ClaimReply.claimed(fence: $0.fence) }
                let isAnsweredAgain = decision.write == .nothing && decision.reply == again
                if decision.reply != .inFlight, !isAnsweredAgain { node.violation = "a live claim taken for an orphan" }
            }
            if let own, own != before?.fence, node.record != before {
                node.violation = "a former owner changes its successor's record"
            }
            if case .claimed(let fence) = decision.reply {
                if node.workers.contains(where: { $0.fence == fence }) { node.violation = "a claim granted to two" }
                if decision.write != .nothing {
                    if fence <= node.granted { node.violation = "a fence granted twice" }
                    node.granted = fence
                }
            }
            if case .completed(let payload) = decision.reply, let known = node.acknowledged, payload != known {
                node.violation = "a replay that differs"
            }
            if let known = node.acknowledged, node.record?.state != .completed(payload: known) {
                node.violation = "an acknowledged outcome is lost"
            }
            return decision.reply
        }

        /// Forgets what has expired, as every store does, and notes if that was too early.
        private func forget(_ node: inout Node) {
            guard let record = node.record, record.expires <= node.now else { return }
            if node.now < node.kept { node.violation = "forgotten before its retention was over" }
            node.record = nil
            node.acknowledged = nil
            node.effects = []
            node.forgotten = record.fence
        }

        private func changing(_ node: Node, _ change: (inout Node) -> Void) -> Node {
            var next = node
            change(&next)
            if !takesOver, next.effects.count > 1 { next.violation = "two effects of one key" }
            return next
        }

        func successors(of node: Node) -> [(Node, isWay: Bool)] {
            guard node.violation == nil else { return [] }
            var next: [Node] = []
            if node.now.milliseconds < 8 { next.append(changing(node) { $0.now.milliseconds += 1 }) }
            for worker in 0...1 {
                switch node.workers[worker] {
                case .claimed(let fence), .acted(let fence):
                    next += holding(fence, worker, node)
                case .asked(let nonce):
                    next.append(changing(node) { $0.workers[worker] = .idle })  // it crashes
                    next.append(changing(node) { ask(under: nonce, worker, &$0) })
                case .idle where node.granted < 3:
                    let nonce = mutant == .oneNonce ? "same" : "\(worker).\(node.granted)"
                    next.append(changing(node) { ask(under: nonce, worker, &$0) })
                    next.append(
                        changing(node) { node in
                            ask(under: nonce, worker, &node)
                            node.workers[worker] = .asked(nonce)
                        })
                case .idle: break
                }
            }
            return next.map { ($0, true) }
        }

        private func ask(under nonce: String, _ worker: Int, _ node: inout Node) {
            let claim = ClaimCommand.Action.claim(
                fingerprint: Fingerprint(bytes: [1]), lease: Self.lease, retention: retention,
                takesOver: takesOver ? .anything : .nothing, nonce: nonce)
            let reply = send(claim, of: worker, in: &node)
            node.workers[worker] = if case .claimed(let fence) = reply { .claimed(fence) } else { .idle }
        }

        /// What a worker may do that believes it holds a claim, however late.
        private func holding(_ fence: Int64, _ worker: Int, _ node: Node) -> [Node] {
            let hasActed = node.workers[worker] == .acted(fence)
            var next = [
                changing(node) { $0.workers[worker] = .idle },  // it crashes
                changing(node) { _ = send(.renew(fence: fence, lease: Self.lease), of: worker, in: &$0) },
            ]
            let failing: ClaimCommand.Action =
                hasActed && mutant != .deleteOnThrow ? .abandon(fence: fence) : .release(fence: fence)
            next.append(
                changing(node) { node in
                    _ = send(failing, of: worker, in: &node)
                    node.workers[worker] = .idle
                })
            guard hasActed else {
                next.append(
                    changing(node) { node in
                        if fence > node.forgotten { node.effects.append(fence) }
                        node.workers[worker] = .acted(fence)
                    })
                return next
            }
            let payload = [UInt8(truncatingIfNeeded: fence)]
            let complete = ClaimCommand.Action.complete(fence: fence, payload: payload, retention: retention)
            next.append(
                changing(node) { node in
                    let isDone = send(complete, of: worker, in: &node) == .done
                    node.workers[worker] = .idle
                    guard isDone else { return }
                    if let known = node.acknowledged, known != payload { node.violation = "two outcomes acknowledged" }
                    node.acknowledged = payload
                })
            // The acknowledgement is lost, and the worker will try again.
            next.append(changing(node) { _ = send(complete, of: worker, in: &$0) })
            return next
        }

        func walk() -> Walk<Node> { Walk(from: Node(), shape: { $0 }, successors: successors) }
    }

    @Test(arguments: [false, true], [Duration.seconds(3_600), .milliseconds(1)])
    func `whatever happens to two workers no promise breaks and the key is never stuck`(
        takesOver: Bool, retention: Duration
    ) {
        let walk = Explorer(takesOver: takesOver, retention: retention).walk()
        print("walked all \(walk.nodes.count) states of a claim, \(takesOver ? "taken over" : "refused")")
        for node in walk.nodes.filter({ $0.violation != nil }).prefix(3) { Issue.record("\(node)") }
        #expect(walk.nodes.count > 1_000)
        // From everywhere, time and crashes alone lead to where somebody can say what is known of the key.
        let stuck = walk.stuck { node in
            guard case .inFlight(let ends)? = node.record?.state else { return true }
            return ends <= node.now
        }
        for node in stuck {
            guard case .inFlight(let ends)? = node.record?.state else { continue }
            #expect(ends.milliseconds > 8, "only where the walk's time ends before the lease: \(node)")
        }
    }

    @Test(arguments: [
        (Mutant.noFence, true, "a former owner changes its successor's record"),
        (.hostClock, true, "a live claim taken for an orphan"),
        (.hostClock, false, "a live claim taken for an orphan"),
        (.deleteOnThrow, false, "two effects of one key"),
        (.oneNonce, false, "a claim granted to two"),
        (.retentionFromClaim, false, "forgotten before its retention was over"),
    ])
    private func `each fault that others have is noticed`(mutant: Mutant, takesOver: Bool, violation: String) {
        let retention = mutant == .retentionFromClaim ? Duration.milliseconds(1) : .seconds(3_600)
        let walk = Explorer(takesOver: takesOver, mutant: mutant, retention: retention).walk()
        let found = Set(walk.nodes.compactMap(\.violation))
        #expect(found.contains(violation), "\(mutant) goes unnoticed: \(found)")
    }
}

extension ClaimCommand.Action {
    /// The same write with another fence.
    fileprivate func with(fence: Int64) -> ClaimCommand.Action {
        switch self {
        case .claim, .look: self
        case .renew(_, let lease): .renew(fence: fence, lease: lease)
        case .complete(_, let payload, let retention): .complete(fence: fence, payload: payload, retention: retention)
        case .release: .release(fence: fence)
        case .abandon: .abandon(fence: fence)
        case .resolve(_, let resolution, let retention, _, _):
            .resolve(fence: fence, resolution, retention: retention)
        case .purge: .purge(fence: fence)
        }
    }
}
