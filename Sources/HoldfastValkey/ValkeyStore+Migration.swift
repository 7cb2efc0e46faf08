#if Valkey
public import Holdfast
public import HoldfastIdempotency

/// Records that an earlier version has written are in no index, and not counted, until somebody has them listed.
extension ValkeyStore {
    /// Brings what an earlier version has left up to date: lists and counts its records. Let nobody who runs the earlier
    /// version write meanwhile, or afterwards: what it writes is in no index.
    ///
    /// - Returns: The versions before and after.
    /// - Throws: `ClaimStoreError` when the server cannot be reached, or holds a later version.
    public static func migrate(
        url: String, clock: any TimeSource = MonotonicClock()
    ) async throws -> (from: Int, to: Int) {
        let nodes = try ValkeyNodes(try ValkeyAddress(url: url), clock: clock)
        defer { nodes.close() }
        let server = try ValkeyServer(try await nodes.all[0].send([ValkeyServer.question])[0])
        let (_, found) = try await nodes.agreeOnSecret()
        guard found < ValkeyIndex.version else {
            guard found == ValkeyIndex.version else { throw wrongVersion(found) }
            return (found, found)
        }
        // A migration that was interrupted begins anew.
        for tag in 0..<ValkeyRecords.tags {
            for command in [
                ["DEL", ValkeyIndex.key(tag), ValkeyIndex.tallyKey(tag)], ["ZADD", ValkeyIndex.key(tag), "0", "-"],
                ["HSET", ValkeyIndex.tallyKey(tag), "-", "0"],
            ] { _ = try await sent([command], tag, by: nodes) }
        }
        try await list(by: nodes, isCluster: server.isCluster)
        _ = try await sent([["SET", ValkeyIndex.versionKey, "\(ValkeyIndex.version)"]], 0, by: nodes)
        return (found, ValkeyIndex.version)
    }

    private static func list(by nodes: ValkeyNodes, isCluster: Bool) async throws {
        let script = ValkeyScript().building
        // The server may show a key twice while its table grows.
        var seen: Set<RecordID> = []
        for node in nodes.all {
            var cursor = "0"
            repeat {
                let scan = ["SCAN", cursor, "MATCH", ValkeyRecords.recordPattern, "COUNT", "1000"]
                guard case .array(let answer) = try await node.send([scan.map { Array($0.utf8) }])[0],
                    answer.count == 2,
                    let next = answer[0].string, case .array(let keys) = answer[1]
                else { throw ClaimStoreError(.failed, "the server does not answer a scan") }
                let ids = keys.compactMap { $0.string.flatMap(ValkeyRecords.id(ofKey:)) }
                    .filter { seen.insert($0).inserted }
                for (tag, ids) in Dictionary(grouping: ids, by: { isCluster ? ValkeyRecords.tag(of: $0) : 0 }) {
                    let keys =
                        [ValkeyIndex.key(tag), ValkeyIndex.tallyKey(tag)] + ids.map { ValkeyRecords.key(of: $0) }
                    _ = try await sent([["EVAL", script, "\(keys.count)"] + keys], tag, by: nodes)
                }
                cursor = next
            } while cursor != "0"
        }
    }

    private static func sent(_ commands: [[String]], _ tag: Int, by nodes: ValkeyNodes) async throws -> [RESPValue] {
        let answers = try await nodes.send(commands.map { $0.map { Array($0.utf8) } }, tag: tag)
        for case .error(let why) in answers { throw ClaimStoreError(.failed, why) }
        return answers
    }

    static func wrongVersion(_ found: Int) -> ClaimStoreError {
        let advice = found < ValkeyIndex.version ? ": bring it up to date with 'holdfast migrate'" : ""
        return ClaimStoreError(
            .unusable,
            "the server's keys have version \(found), and this Holdfast needs \(ValkeyIndex.version)\(advice)")
    }
}
#endif
