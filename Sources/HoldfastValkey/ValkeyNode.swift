#if Valkey
import Holdfast
import HoldfastIdempotency
import Synchronization

/// One server, and the connection that all share. When it breaks, the next who needs it connects again; while the server
/// cannot be reached, a breaker of Holdfast's own keeps callers from waiting for it one by one.
final class ValkeyNode: Sendable {
    let address: ValkeyAddress
    private let secret: ValkeySecret
    private let breaker: CircuitBreaker
    private let connecting: SingleFlight<Int, ValkeyConnection>
    private let current = Mutex<ValkeyConnection?>(nil)

    init(_ address: ValkeyAddress, secret: ValkeySecret, clock: any TimeSource) throws(ConfigurationError) {
        self.address = address
        self.secret = secret
        connecting = try SingleFlight()
        breaker = try CircuitBreaker("valkey", configuration: .connecting, clock: clock)
    }

    /// Sends commands in one go, and returns an answer for each.
    ///
    /// - Throws: `ClaimStoreError`.
    func send(_ commands: [[[UInt8]]]) async throws(ClaimStoreError) -> [RESPValue] {
        do {
            return try await connection().send(commands)
        } catch let error as ClaimStoreError {
            throw error
        } catch {
            throw ClaimStoreError(.failed, "\(address): \(error)")
        }
    }

    func send(_ words: String...) async throws(ClaimStoreError) -> RESPValue {
        try await send([words.map { Array($0.utf8) }])[0]
    }

    func close() { current.withLock { $0?.close() } }

    private func connection() async throws -> ValkeyConnection {
        if let connection = current.withLock({ $0 }), connection.isOpen { return connection }
        return try await connecting.run(0) { [self] in
            // Another may have connected while this one came here.
            if let connection = current.withLock({ $0 }), connection.isOpen { return connection }
            let connection = try await breaker.run { try await ValkeyConnection.connect(to: address) }
            do {
                try ValkeyServer(try await connection.send([ValkeyServer.question])[0]).check(for: address)
                // It may be a server that was restarted without its data.
                try await secret.confirm(on: connection, of: address)
            } catch {
                connection.close()
                throw error
            }
            current.withLock { $0 = connection }
            return connection
        }
    }
}
#endif
