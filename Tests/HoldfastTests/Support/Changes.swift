import Holdfast
import Synchronization

/// The changes of a breaker, in order.
final class Changes: Sendable {
    private let changes = Mutex<[CircuitBreaker.Change]>([])

    var all: [CircuitBreaker.Change] { changes.withLock { $0 } }
    func add(_ change: CircuitBreaker.Change) { changes.withLock { $0.append(change) } }
}
