#if Gateway
import Holdfast
import Synchronization

/// One endpoint of the service: its address, its breaker, and what was counted there.
final class Endpoint: Sendable {
    let address: GatewayConfiguration.Address
    let breaker: CircuitBreaker
    let attempts = Atomic<Int>(0)
    let succeeded = Atomic<Int>(0)
    let failed = Atomic<Int>(0)
    let rejected = Atomic<Int>(0)

    init(_ address: GatewayConfiguration.Address, breaker: CircuitBreaker) {
        self.address = address
        self.breaker = breaker
    }
}
#endif
