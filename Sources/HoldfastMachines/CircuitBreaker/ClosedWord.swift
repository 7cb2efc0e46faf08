/// What every call has to know about a breaker, packed into 64 bits: the generation, whether the breaker is closed,
/// and the streak of failures. It decides the events that do not change the state; all others are the machine's.
@usableFromInline
package struct ClosedWord: Equatable {
    /// Which path a call takes.
    @usableFromInline
    package enum Mode: UInt64 {
        /// Through the lock, to the machine: half-open, isolated, disabled.
        case guarded = 0
        /// Admitted at once.
        case closed = 1
        /// Rejected at once, unless the cooldown is over.
        case open = 2
        /// Admission through the lock; results as while closed.
        case ramping = 3
    }

    /// generation: 32 bits | mode: 2 bits | streak: 30 bits
    ///
    /// The generation is the machine's, whole. A streak trips at a million at the most, so its bits never run over.
    @usableFromInline package var bits: UInt64

    @inlinable static var streakMask: UInt64 { (1 << 30) - 1 }

    @inlinable
    package init(bits: UInt64) {
        self.bits = bits
    }

    package init(_ machine: CircuitBreakerMachine, streak: Int = 0) {
        let mode: Mode =
            switch (machine.isDisabled || machine.isolations > 0, machine.phase) {
            case (true, _), (false, .halfOpen): .guarded
            case (false, .closed): .closed
            case (false, .open): machine.isObserving ? .guarded : .open
            case (false, .ramping): .ramping
            }
        bits = UInt64(machine.generation) << 32 | mode.rawValue << 30 | UInt64(streak)
    }

    @inlinable package var generation: UInt32 { UInt32(truncatingIfNeeded: bits >> 32) }
    @inlinable package var isClosed: Bool { bits >> 30 & 3 == 1 }
    @inlinable package var isOpen: Bool { bits >> 30 & 3 == 2 }
    /// Whether results are counted: closed or ramping.
    @inlinable package var isCounting: Bool { bits >> 30 & 1 == 1 }
    @inlinable package var streak: Int { Int(truncatingIfNeeded: bits & Self.streakMask) }

    /// Whether results are counted, the generation is this one, and no failure has been seen since the last success: a
    /// success changes nothing then.
    @inlinable
    package func isUnmoved(since generation: UInt32) -> Bool {
        // All at once: `isCounting` is the lower bit of the mode, and the upper one is left out.
        bits & ~(1 << 31) == UInt64(generation) << 32 | 1 << 30
    }

    @inlinable
    package func with(streak: Int) -> ClosedWord {
        ClosedWord(bits: bits & ~Self.streakMask | UInt64(truncatingIfNeeded: streak))
    }
}
