#if PostgreSQL
import Holdfast
import HoldfastIdempotency
import Synchronization

/// A bounded set of connections. One that fails is replaced; while the server cannot be reached, a breaker of Holdfast's
/// own keeps callers from waiting for it one by one.
final class PostgresPool: Sendable {
    private let url: String
    private let places: Bulkhead
    private let breaker: CircuitBreaker
    private let idle = Mutex<[PostgresConnection]>([])

    init(url: String, size: Int, clock: any TimeSource) throws(ConfigurationError) {
        self.url = url
        var places = BulkheadConfiguration()
        (places.limit, places.queue, places.maximumWait) = (size, 1_024, .seconds(10))
        self.places = try Bulkhead("postgres", configuration: places, clock: clock)
        breaker = try CircuitBreaker("postgres", configuration: .connecting, clock: clock)
    }

    /// Lends a connection.
    ///
    /// - Throws: ``ClaimStoreError``.
    func use<R: Sendable>(_ body: (PostgresConnection) async throws -> R) async throws -> R {
        do {
            return try await places.run {
                let connection = try await connection()
                do {
                    let result = try await body(connection)
                    idle.withLock { $0.append(connection) }
                    return result
                } catch {
                    // A connection that is not known to be whole is not used again.
                    if (error as? PostgresConnection.Failure)?.isUsable ?? (error is ClaimStoreError) {
                        idle.withLock { $0.append(connection) }
                    }
                    throw error
                }
            }
        } catch let error as PostgresConnection.Failure {
            throw ClaimStoreError(.failed, "PostgreSQL: \(error)")
        } catch let error as any PolicyRejection {
            throw ClaimStoreError(error is Bulkhead.Rejection ? .overloaded : .failed, "PostgreSQL: \(error)")
        }
    }

    private func connection() async throws -> PostgresConnection {
        if let connection = idle.withLock({ $0.popLast() }) { return connection }
        return try await breaker.run { try await PostgresConnection.connect(to: url) }
    }
}
#endif
