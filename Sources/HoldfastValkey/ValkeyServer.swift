#if Valkey
import HoldfastIdempotency

/// What a server says of itself.
struct ValkeyServer: Sendable {
    private let facts: [String: String]

    static let question = ["INFO", "everything"].map { Array($0.utf8) }

    /// - Parameter answer: To the question.
    init(_ answer: RESPValue) throws(ClaimStoreError) {
        guard let text = answer.string else {
            throw ClaimStoreError(.unusable, "the server does not say what it is: \(answer)")
        }
        self.init(info: text)
    }

    init(info: String) {
        let pairs = info.split(whereSeparator: \.isNewline).compactMap { line -> (String, String)? in
            let parts = line.split(separator: ":", maxSplits: 1)
            return parts.count == 2 ? (String(parts[0]), String(parts[1])) : nil
        }
        facts = Dictionary(pairs) { $1 }
    }

    var isCluster: Bool { facts["cluster_enabled"] == "1" }

    private var mayEvict: String? {
        let policy = facts["maxmemory_policy"] ?? "unknown"
        guard policy != "noeviction" else { return nil }
        return "maxmemory-policy is \(policy): the server may evict claims, and their work would be done twice"
    }

    /// Checks whether claims may be kept here. It is asked on every new connection: a name may lead to another server by
    /// then, and a cluster's nodes are found one by one.
    ///
    /// - Throws: `ClaimStoreError`: with the code `failed` for what is a replica, which may be promoted; with
    ///   `unusable` for what only a person can change.
    func check(for address: ValkeyAddress) throws(ClaimStoreError) {
        let version = facts["redis_version"] ?? "unknown"
        guard let major = version.split(separator: ".").first.flatMap({ Int($0) }), major >= 7 else {
            throw ClaimStoreError(.unusable, "\(address): the server's version is \(version), but must be 7 or later")
        }
        if let danger = mayEvict, !address.acceptsEviction {
            throw ClaimStoreError(
                .unusable, "\(address): \(danger); set noeviction, or say 'eviction=accepted' in the URL")
        }
        // A cluster's replica sends to its primary by itself.
        guard isCluster || facts["role"] == "master" else {
            throw ClaimStoreError(.failed, "\(address) is a replica: claims need the primary")
        }
    }

    /// What can be lost, in words.
    func warnings(for address: ValkeyAddress) -> [String] {
        var warnings = mayEvict.map { [$0] } ?? []
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
