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
    func agreeOnSecret() async throws -> StoreSecret {
        let answers = try await send(ValkeySecret.commands(proposing: StoreSecret.random().bytes), tag: 0)
        guard case .bulk(let bytes?) = answers[1] else {
            throw ClaimStoreError(.unusable, "the server does not keep the secret: \(answers[1])")
        }
        secret.agree(on: bytes)
        return try StoreSecret(bytes: bytes)
    }

    /// Sends commands, whose keys are all of one tag, to the node that keeps them.
    func send(_ commands: [[[UInt8]]], tag: Int) async throws(ClaimStoreError) -> [RESPValue] {
        // A cluster that moves its slots about is followed, but not for ever.
        for _ in 0..<4 {
            let node = known.withLock { $0.byTag[tag] } ?? first
            let answers = try await node.send(commands)
            guard case .error(let why)? = answers.first, let address = moved(why, from: node.address) else {
                return answers
            }
            try learn(tag, address)
        }
        throw ClaimStoreError(.failed, "the cluster's nodes send one to another")
    }

    /// Reads `MOVED 3999 127.0.0.1:6381`. An empty host is the one that was asked.
    private func moved(_ error: String, from asked: ValkeyAddress) -> ValkeyAddress? {
        let words = error.split(separator: " ")
        guard words.count == 3, words[0] == "MOVED", let colon = words[2].lastIndex(of: ":"),
            let port = Int(words[2][words[2].index(after: colon)...])
        else { return nil }
        var address = asked
        if colon > words[2].startIndex { address.host = String(words[2][..<colon]) }
        address.port = port
        return address
    }

    private func learn(_ tag: Int, _ address: ValkeyAddress) throws(ClaimStoreError) {
        do {
            try known.withLock { known in
                let node = try known.nodes[address] ?? ValkeyNode(address, secret: secret, clock: clock)
                // A cluster has a thousand nodes at the most; who says otherwise is not believed.
                guard known.nodes.count < 1_000 else {
                    throw ClaimStoreError(.failed, "the cluster has too many nodes")
                }
                known.nodes[address] = node
                known.byTag[tag] = node
            }
        } catch {
            throw error as? ClaimStoreError ?? ClaimStoreError(.failed, "\(error)")
        }
    }

    func close() { for node in all { node.close() } }
}
#endif
