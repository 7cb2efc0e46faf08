#if Valkey
import Crypto
public import Holdfast
public import HoldfastIdempotency

/// Keeps records in Valkey or Redis, 7 or later: for several processes that share their keys, where speed matters more
/// than what a failover can lose. Leases are measured on the server's clock alone.
///
/// What can be lost: the server answers before a write has reached its disk or its replicas. A crash forgets what its
/// append-only file had not written (with `appendfsync everysec`, up to a second; without the file, everything), and a
/// failover forgets what the new primary had not received. A claim that is forgotten is granted again, and its work is
/// done twice. `replicas=N` in the URL has every write wait for N replicas (`WAIT`), which makes that rarer, and not
/// impossible. Where it must not happen, use PostgreSQL.
public final class ValkeyStore: ClaimStore {
    /// Four; in a cluster one for each tag, so that a node that is slow or gone holds up its own keys alone.
    public let lanes: Int
    /// The server's own expiry does it.
    public let forgetsByItself = true
    /// What this server can lose, in words for whoever starts the process.
    public let warnings: [String]

    /// The script that does it all, for whoever wants to read or to measure it.
    public static var script: String { ValkeyScript().text }

    let address: ValkeyAddress
    let nodes: ValkeyNodes
    private let listener: ValkeyListener
    let isCluster: Bool
    let script: ValkeyScript
    private let text: [UInt8]
    private let name: [UInt8]
    private let hashingSecret: StoreSecret

    /// Connects, and checks what the server is.
    ///
    /// - Parameters:
    ///   - url: See ``ValkeyAddress``. Any node of a cluster will do.
    ///   - clock: What waits between attempts to connect are measured on.
    /// - Throws: `ConfigurationError` for a URL that cannot be read; `ClaimStoreError` with the code
    ///   `unusable` when the server cannot be reached, is older than 7, or may evict claims.
    public convenience init(url: String, clock: any TimeSource = MonotonicClock()) async throws {
        try await self.init(ValkeyAddress(url: url), clock: clock, script: ValkeyScript())
    }

    init(_ address: ValkeyAddress, clock: any TimeSource = MonotonicClock(), script: ValkeyScript) async throws {
        self.address = address
        self.script = script
        text = Array(script.text.utf8)
        name = Array(hex(Array(Insecure.SHA1.hash(data: text))).utf8)
        nodes = try ValkeyNodes(address, clock: clock)
        listener = ValkeyListener(address, clock: clock)
        do {
            let server = try ValkeyServer(try await nodes.all[0].send([ValkeyServer.question])[0])
            (isCluster, warnings) = (server.isCluster, server.warnings(for: address))
            lanes = server.isCluster ? ValkeyRecords.tags : 4
            let (secret, version) = try await nodes.agreeOnSecret()
            hashingSecret = secret
            guard version == ValkeyIndex.version else { throw Self.wrongVersion(version) }
            let trial = ["EVAL", ValkeyIndex.trying, "2", ValkeyIndex.key(0), ValkeyIndex.tallyKey(0)]
            if case .error(let why) = try await nodes.send([trial.map { Array($0.utf8) }], tag: 0)[0] {
                throw ClaimStoreError(.unusable, "the server does not let its index be kept: \(why)")
            }
        } catch let error as ClaimStoreError {
            nodes.close()
            throw ClaimStoreError(.unusable, "cannot open the store: \(error)")
        }
    }

    deinit {
        nodes.close()
        listener.close()
    }

    /// Hears of the end by the server's messages.
    public func awaitEnd(of id: RecordID, within pause: Duration, on clock: any TimeSource) async throws {
        listener.listen()
        try await listener.board.wait(for: id, within: pause, on: clock)
    }

    public func secret() async throws -> StoreSecret { hashingSecret }

    public func apply(_ batch: [ClaimCommand]) async throws -> [ClaimReply] {
        try await results(of: batch).map { result throws(ClaimStoreError) in try result.get() }
    }

    public func results(of batch: [ClaimCommand]) async -> [Result<ClaimReply, ClaimStoreError>] {
        let refusals = batch.map { ValkeyRecords.refusal(of: $0) }
        var results: [Result<ClaimReply, ClaimStoreError>] = refusals.map { refusal in
            .failure(refusal ?? ClaimStoreError(.failed, "it was not asked for"))
        }
        // A script's keys must be on one node. The parts of one batch stand alone: each command is about one key.
        let places = Dictionary(grouping: batch.indices.filter { refusals[$0] == nil }) {
            isCluster ? ValkeyRecords.tag(of: batch[$0].id) : 0
        }
        for (tag, places) in places {
            do throws(ClaimStoreError) {
                for (place, reply) in zip(places, try await apply(places.map { batch[$0] }, tag: tag)) {
                    results[place] = .success(reply)
                }
            } catch {
                for place in places { results[place] = .failure(error) }
            }
        }
        return results
    }

    private func apply(_ batch: [ClaimCommand], tag: Int) async throws(ClaimStoreError) -> [ClaimReply] {
        let words = ValkeyRecords.words(of: batch, tag: tag)
        var answers = try await nodes.send(confirmed([[Array("EVALSHA".utf8), name] + words]), tag: tag)
        if case .error(let why) = answers[0], why.hasPrefix("NOSCRIPT") {
            // A server that was restarted has forgotten the script, and has carried out nothing.
            answers = try await nodes.send(confirmed([[Array("EVAL".utf8), text] + words]), tag: tag)
        }
        let replies = try ValkeyRecords.replies(batch.count, in: answers[0])
        if address.replicas > 0 {
            guard case .number(let reached) = answers[1], reached >= address.replicas else {
                throw ClaimStoreError(.failed, "fewer than \(address.replicas) replicas have the write: \(answers[1])")
            }
        }
        return replies
    }

    /// With a wait for the replicas behind, if they are asked for.
    private func confirmed(_ commands: [[[UInt8]]]) -> [[[UInt8]]] {
        guard address.replicas > 0 else { return commands }
        return commands + [["WAIT", "\(address.replicas)", "1000"].map { Array($0.utf8) }]
    }

    /// Zero: the server forgets by itself.
    public func reap(atMost count: Int) async throws -> Int { 0 }

    public func summary(of id: RecordID) async throws -> ClaimSummary? {
        let key = ValkeyRecords.key(of: id)
        let commands = reading(key) + [["EVAL", script.clockText, "0"]]
        let answers = try await nodes.send(commands.map { $0.map { Array($0.utf8) } }, tag: ValkeyRecords.tag(of: id))
        return try summary(of: id, in: answers[0...1], at: try now(in: answers[2]))
    }

    /// Reads a record's beginning and its length: its payload may be large.
    func reading(_ key: String) -> [[String]] {
        [["GETRANGE", key, "0", "\(ValkeyRecords.headBound)"], ["STRLEN", key]]
    }

    func summary(
        of id: RecordID, in answers: ArraySlice<RESPValue>, at now: StoreInstant
    ) throws(ClaimStoreError) -> ClaimSummary? {
        guard case .bulk(let head?)? = answers.first, case .number(let length)? = answers.last else {
            throw ClaimStoreError(.failed, "the server answered a read with \(answers)")
        }
        if head.isEmpty { return nil }
        return try ValkeyRecords.summary(of: id, head: head, length: Int(length), at: now)
    }

    func now(in answer: RESPValue) throws(ClaimStoreError) -> StoreInstant {
        guard let milliseconds = answer.string.flatMap({ Int64($0) }) else {
            throw ClaimStoreError(.failed, "the server does not tell the time: \(answer)")
        }
        return StoreInstant(milliseconds: milliseconds)
    }
}
#endif
