#if Valkey
import HoldfastIdempotency
import Synchronization

/// The secret that all who share a server hash under. It is looked at on every new connection: a server that has lost
/// its data must not be given another by somebody who comes later. Under two secrets one key would be two records, and
/// its work would be done twice.
final class ValkeySecret: Sendable {
    private let bytes = Mutex<[UInt8]?>(nil)

    func agree(on bytes: [UInt8]) { self.bytes.withLock { $0 = bytes } }

    /// Finds the secret, and the version of what is there. The first who comes lays both down, at once.
    static func opening(proposing bytes: [UInt8]) -> [[UInt8]] {
        let script = """
            local secret = redis.call('GET', KEYS[1])
            if secret then return { secret, redis.call('GET', KEYS[2]) or '1' } end
            redis.call('SET', KEYS[1], ARGV[1])
            redis.call('SET', KEYS[2], ARGV[2])
            return { ARGV[1], ARGV[2] }
            """
        let words = ["EVAL", script, "2", ValkeyRecords.secretKey, ValkeyIndex.versionKey].map { Array($0.utf8) }
        return words + [bytes, Array("\(ValkeyIndex.version)".utf8)]
    }

    /// Lays down again what is gone, and asks for what there is.
    private static func commands(proposing bytes: [UInt8]) -> [[[UInt8]]] {
        let (key, only) = (Array(ValkeyRecords.secretKey.utf8), Array("NX".utf8))
        let version = [ValkeyIndex.versionKey, "\(ValkeyIndex.version)"].map { Array($0.utf8) }
        return [
            [Array("SET".utf8), key, bytes, only], [Array("GET".utf8), key], [Array("SET".utf8)] + version + [only],
        ]
    }

    /// Lays the secret down again where it is gone.
    ///
    /// - Throws: `ClaimStoreError` with the code `unusable` when the server holds another.
    func confirm(on connection: ValkeyConnection, of address: ValkeyAddress) async throws {
        guard let mine = bytes.withLock({ $0 }) else { return }
        switch try await connection.send(Self.commands(proposing: mine))[1] {
        case .bulk(mine): return
        // Another node of the cluster keeps it.
        case .error(let why) where why.hasPrefix("MOVED"): return
        case let answer:
            guard case .bulk(_?) = answer else { throw ClaimStoreError(.failed, "\(address): \(answer)") }
            throw ClaimStoreError(
                .unusable, "\(address) holds another secret: it has lost its data, or is another server; restart")
        }
    }
}
#endif
