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
    private let patience: Duration?

    /// - Parameter patience: How long a server may be silent before its connection is given up; nil for as long as it
    ///   likes.
    init(url: String, size: Int, patience: Duration?, clock: any TimeSource) throws(ConfigurationError) {
        self.url = url
        self.patience = patience
        var places = BulkheadConfiguration()
        (places.limit, places.queue, places.maximumWait) = (size, 1_024, .seconds(10))
        self.places = try Bulkhead("postgres", configuration: places, clock: clock)
        breaker = try CircuitBreaker("postgres", configuration: .connecting, clock: clock)
    }

    /// Lends a connection.
    ///
    /// - Throws: `ClaimStoreError`.
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
                    let failure = error as? PostgresConnection.Failure
                    if failure?.isUsable ?? (error is ClaimStoreError) {
                        idle.withLock { $0.append(connection) }
                    }
                    guard let failure, !failure.isUsable else { throw error }
                    // The others lead to the same server, and would be found out one after the other.
                    _ = idle.withLock { idle in
                        defer { idle = [] }
                        return idle
                    }
                    throw ClaimStoreError(.failed, "PostgreSQL: \(failure)", isAnswerLost: true)
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
        return try await breaker.run { try await PostgresConnection.connect(to: url, patience: patience) }
    }
}
#endif
