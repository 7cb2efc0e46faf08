#if Valkey
import Holdfast
import HoldfastIdempotency
import Synchronization

/// Which node keeps what: one that keeps everything, or the nodes of a cluster, learned from what they say.
final class ValkeyNodes: Sendable {
    private let first: ValkeyNode
    private let secret = ValkeySecret()
    private let clock: any TimeSource
    private let known: Mutex<Known>

    private struct Known {
        var nodes: [ValkeyAddress: ValkeyNode]
        var byTag: [Int: ValkeyNode] = [:]
    }

    init(_ address: ValkeyAddress, clock: any TimeSource) throws(ConfigurationError) {
        first = try ValkeyNode(address, secret: secret, clock: clock)
        self.clock = clock
        known = Mutex(Known(nodes: [address: first]))
    }

    /// Those that are known, in an order that stays.
    var all: [ValkeyNode] {
        known.withLock { Array($0.nodes.values) }.sorted { $0.address.description < $1.address.description }
    }

    /// Finds the secret that all who share the store hash under, or lays one down.
    ///
    /// - Returns: The secret, and the version of how the server's keys are laid out.
    func agreeOnSecret() async throws -> (StoreSecret, version: Int) {
        let answer = try await send([ValkeySecret.opening(proposing: StoreSecret.random().bytes)], tag: 0)[0]
        guard case .array(let found) = answer, found.count == 2, case .bulk(let bytes?) = found[0],
            let version = found[1].string.flatMap({ Int($0) })
        else { throw ClaimStoreError(.unusable, "the server does not keep the secret: \(answer)") }
        secret.agree(on: bytes)
        return (try StoreSecret(bytes: bytes), version)
    }

    /// Sends commands, whose keys are all of one tag, to the node that keeps them.
    ///
    /// A cluster that moves slots about is followed, but not for ever. While the records of a tag are on their way, no node
    /// carries out a script about a record that it does not have, as a new one is, and `TRYAGAIN` is all that is heard:
    /// after a moment that is an error, and nothing was carried out.
    func send(_ commands: [[[UInt8]]], tag: Int) async throws(ClaimStoreError) -> [RESPValue] {
        var asked: ValkeyNode?
        for attempt in 0..<6 {
            let node = asked ?? known.withLock { $0.byTag[tag] } ?? first
            var answers = try await node.send(asked == nil ? commands : commands.flatMap { [Self.asking, $0] })
            // Each command had `ASKING` before it.
            if asked != nil { answers = answers.indices.filter { $0 % 2 == 1 }.map { answers[$0] } }
            asked = nil
            guard case .error(let why)? = answers.first, let redirection = Redirection(why, from: node.address) else {
                return answers
            }
            switch redirection {
            case .moved(let address): try learn(tag, address)
            case .ask(let address): asked = try self.node(at: address)
            case .tryAgain: try? await clock.sleep(for: .milliseconds(20) * (1 << attempt))
            }
        }
        throw ClaimStoreError(.failed, "the cluster's nodes send one to another, or the slot is being moved")
    }

    private static let asking = [Array("ASKING".utf8)]

    /// What a node says that does not keep the keys, or not any more.
    enum Redirection: Hashable {
        case moved(ValkeyAddress)
        /// For this once: the slot is being moved there.
        case ask(ValkeyAddress)
        case tryAgain

        /// Reads `MOVED 3999 127.0.0.1:6381`. An empty host is the one that was asked. nil for any other error, and for one
        /// that names no port.
        init?(_ error: String, from asked: ValkeyAddress) {
            let words = error.split(separator: " ")
            if words.first == "TRYAGAIN" {
                self = .tryAgain
                return
            }
            guard words.count == 3, words[0] == "MOVED" || words[0] == "ASK",
                let colon = words[2].lastIndex(of: ":"), let port = Int(words[2][words[2].index(after: colon)...]),
                (1...65_535).contains(port)
            else { return nil }
            var address = asked
            if colon > words[2].startIndex { address.host = String(words[2][..<colon]) }
            address.port = port
            self = words[0] == "MOVED" ? .moved(address) : .ask(address)
        }
    }

    private func learn(_ tag: Int, _ address: ValkeyAddress) throws(ClaimStoreError) {
        let node = try node(at: address)
        known.withLock { $0.byTag[tag] = node }
    }

    private func node(at address: ValkeyAddress) throws(ClaimStoreError) -> ValkeyNode {
        do {
            return try known.withLock { known in
                if let node = known.nodes[address] { return node }
                // A cluster has a thousand nodes at the most; who says otherwise is not believed.
                guard known.nodes.count < 1_000 else {
                    throw ClaimStoreError(.failed, "the cluster has too many nodes")
                }
                let node = try ValkeyNode(address, secret: secret, clock: clock)
                known.nodes[address] = node
                return node
            }
        } catch {
            throw ClaimStoreError(error)
        }
    }

    func close() { for node in all { node.close() } }
}
#endif
