#if Valkey
import HoldfastIdempotency

/// What a server says of itself.
struct ValkeyServer: Sendable {
    private let facts: [String: String]

    static func facts(of node: ValkeyNode) async throws(ClaimStoreError) -> ValkeyServer {
        let answer = try await node.send("INFO", "everything")
        guard let text = answer.string else {
            throw ClaimStoreError(.unusable, "the server does not say what it is: \(answer)")
        }
        return ValkeyServer(info: text)
    }

    init(info: String) {
        let pairs = info.split(whereSeparator: \.isNewline).compactMap { line -> (String, String)? in
            let parts = line.split(separator: ":", maxSplits: 1)
            return parts.count == 2 ? (String(parts[0]), String(parts[1])) : nil
        }
        facts = Dictionary(pairs) { $1 }
    }

    var isCluster: Bool { facts["cluster_enabled"] == "1" }

    /// What can be lost, in words.
    ///
    /// - Throws: ``ClaimStoreError`` with the code `unusable` when it would not even try.
    func warnings(for address: ValkeyAddress) throws(ClaimStoreError) -> [String] {
        let version = facts["redis_version"] ?? "unknown"
        guard let major = version.split(separator: ".").first.flatMap({ Int($0) }), major >= 7 else {
            throw ClaimStoreError(.unusable, "the server's version is \(version), but must be 7 or later")
        }
        guard facts["role"] == "master" else {
            throw ClaimStoreError(.unusable, "\(address) is a replica: claims need the primary")
        }
        var warnings: [String] = []
        let policy = facts["maxmemory_policy"] ?? "unknown"
        if policy != "noeviction" {
            let danger =
                "maxmemory-policy is \(policy): the server may evict claims, and their work would be done twice"
            guard address.acceptsEviction else {
                throw ClaimStoreError(.unusable, "\(danger); set noeviction, or say 'eviction=accepted' in the URL")
            }
            warnings.append(danger)
        }
        if facts["aof_enabled"] != "1" {
            warnings.append(
                "there is no append-only file: a crash of the server forgets claims since its last snapshot")
        }
        warnings.append(
            address.replicas == 0
                ? "a failover can forget acknowledged claims: 'replicas=N' in the URL has them wait for N replicas"
                : "a failover can forget acknowledged claims if none of the \(address.replicas) replicas is promoted")
        return warnings
    }
}
#endif
