@testable import HoldfastMachines

extension CircuitBreakerMachine {
    /// The streak so far, or the one that tripped.
    var failures: Int { evidence(at: MonotonicInstant(nanoseconds: 0)).count }
}
