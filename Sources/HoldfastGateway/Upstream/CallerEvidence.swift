#if Gateway
import Holdfast
import NIOCore
import Synchronization

/// What stands between the results of calls and one breaker, where evidence must come from several callers: the machine
/// behind a lock, which a success of a caller that was well before does not take.
final class CallerEvidence: Sendable {
    private let machine: Mutex<FailingCallersMachine>
    /// Who has called in this period and was well; the end of the period, in nanoseconds.
    private let well = Atomic<UInt64>(0)
    private let periodEnd = Atomic<UInt64>(0)

    /// From when on a call is slow, where the breaker counts slow ones.
    let slowLimit: Duration

    init(for trip: Trip, at now: NIODeadline = .now()) {
        machine = Mutex(FailingCallersMachine(at: now))
        let limits = trip.rates.compactMap { rate in
            if case .slowCalls(let limit) = rate.measure { limit } else { nil }
        }
        slowLimit = limits.min() ?? .seconds(Int64.max)
    }

    /// What a result says of the service.
    ///
    /// - Parameters:
    ///   - isUnreachable: Whether there was no connection.
    ///   - isSlow: Whether it took longer than ``slowLimit``, which a request may have provoked as well.
    ///   - caller: Its place.
    func weighed(
        _ verdict: Verdict, isUnreachable: Bool = false, isSlow: Bool = false, of caller: Int,
        at now: NIODeadline
    ) -> Verdict {
        switch verdict {
        case .abandoned:
            return .abandoned
        case .succeeded where isSlow:
            return change { $0.failed(caller, at: now) } ? .succeeded : .abandoned
        case .succeeded:
            let isKnown = well.load(ordering: .relaxed) & (1 << UInt64(caller)) != 0
            if isKnown, now.uptimeNanoseconds < periodEnd.load(ordering: .relaxed) { return .succeeded }
            change { $0.succeeded(caller, at: now) }
            return .succeeded
        case .failed where isUnreachable:
            change { $0.unreachable() }
            return .failed
        case .failed, .declined:
            // A service that fails is alive enough to say so, or its request is what keeps it: no streak of failures.
            return change { $0.failed(caller, at: now) } ? .declined : .abandoned
        }
    }

    /// - Returns: Whether a caller that the breaker rejects is let through all the same.
    func spares(_ caller: Int, at now: NIODeadline) -> Bool {
        change { machine in
            machine.rejected(caller, at: now)
            return machine.spares(caller)
        }
    }

    func breakerChanged(to state: CircuitBreaker.State) { change { $0.breakerChanged(to: state) } }

    private func change<Result>(_ body: (inout FailingCallersMachine) -> Result) -> Result {
        machine.withLock { machine in
            let result = body(&machine)
            well.store(machine.seen & ~machine.failing, ordering: .relaxed)
            periodEnd.store(machine.periodEnd.uptimeNanoseconds, ordering: .relaxed)
            return result
        }
    }
}

extension IPAddress {
    /// Which of the places an address has as a caller. An IPv6 address counts by its first 48 bits, which is what one
    /// customer is given. How it is hashed differs in each process, so nobody can choose a place.
    static func callerPlace(of address: IPAddress?) -> Int {
        var hasher = Hasher()
        if let address {
            hasher.combine(address.isFour)
            hasher.combine(address.isFour ? address.low : address.high >> 16)
        }
        return Int(UInt(bitPattern: hasher.finalize()) % UInt(FailingCallersMachine.places))
    }
}
#endif
