/// A breaker's closed path, packed into 64 bits: the generation, whether the breaker is closed, and the consecutive
/// failures. It decides the two events that do not change the state; all others are the machine's.
struct ClosedWord: Equatable {
    /// generation: 32 bits | closed: 1 bit | failures: 31 bits
    var bits: UInt64

    private static let closedBit: UInt64 = 1 << 31

    init(bits: UInt64) {
        self.bits = bits
    }

    init(_ machine: CircuitBreakerMachine) {
        bits = UInt64(machine.generation) << 32
        if case .closed(let failures) = machine.phase { bits |= Self.closedBit | UInt64(failures) }
    }

    var generation: UInt32 { UInt32(truncatingIfNeeded: bits >> 32) }
    var isClosed: Bool { bits & Self.closedBit != 0 }
    var failures: Int { Int(bits & (Self.closedBit - 1)) }

    /// The word after a call ended while closed, or nil when the breaker has to trip.
    func after(_ verdict: CircuitBreakerMachine.Verdict, threshold: Int) -> ClosedWord? {
        switch verdict {
        case .abandoned: self
        case .succeeded: ClosedWord(bits: bits & ~(Self.closedBit - 1))
        case .failed: failures + 1 < threshold ? ClosedWord(bits: bits + 1) : nil
        }
    }
}
