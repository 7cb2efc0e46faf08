#if Gateway
import Holdfast
import NIOCore
import Synchronization

/// What stands between a gateway's calls and the probes of one breaker: the machine behind a lock, which no call takes
/// while the breaker is closed, nor while it is open.
///
/// A probe that gave its place away may still say how the service is. Its answer then speaks in the place of another probe
/// of the same generation, which is silent, or in a free one: so a service whose answers take longer than
/// ``ProbePlacesMachine/patience`` closes its breaker when the first of them comes.
final class ProbePlaces: Sendable {
    /// Why a call gets no permit.
    enum Refusal: Error {
        case rejected(Explanation)
        /// It would be a probe, and its body is still to come: how long that takes is its client's to choose.
        case bodyFirst
    }

    /// Whoever asks for a permit.
    struct Asker {
        /// Its place among callers.
        var caller: Int
        /// Whether its request can be sent whole: what it takes from now on is the service's time.
        var isWhole: Bool
    }

    private struct State {
        var machine = ProbePlacesMachine()
        /// By their numbers, those of the machine's holders.
        var permits: [UInt64: HeldPermit] = [:]
    }

    let breaker: CircuitBreaker
    private let state = Mutex(State())
    private let count = Atomic<Int>(0)

    init(_ breaker: CircuitBreaker) { self.breaker = breaker }

    /// Asks the breaker for the right to make a call.
    func admit(_ asker: Asker, at now: NIODeadline) throws(Refusal) -> BreakerPermit {
        let permit = try admitted(asker, at: now)
        guard permit.isProbe else { return .call(permit) }
        // Given back at once, where it is dropped below.
        guard asker.isWhole else { throw .bodyFirst }
        let seen = breaker.snapshot()
        // A generation that is over already has no late answers.
        let generation = seen.state == .halfOpen ? seen.generation : nil
        let held = HeldPermit(permit)
        let (number, left) = change { state -> (UInt64, TimeAmount) in
            let left = state.machine.passesOver(asker.caller, at: now)
            guard left == .zero else { return (0, left) }
            let number = state.machine.took(asker.caller, in: seen.generation, at: now)
            state.permits[number] = held
            return (number, .zero)
        }
        guard left == .zero else {
            throw .rejected(
                Explanation(
                    policy: .circuitBreaker, name: seen.name, state: CircuitBreaker.State.halfOpen.rawValue,
                    generation: seen.generation, evidence: seen.evidence, retryAfter: .nanoseconds(left.nanoseconds)))
        }
        return .probe(Probe(self, number: number, generation: generation))
    }

    /// How long until a caller may have a place that is free.
    func passesOver(_ caller: Int, at now: NIODeadline) -> Duration {
        .nanoseconds(state.withLock { $0.machine.passesOver(caller, at: now) }.nanoseconds)
    }

    private func admitted(_ asker: Asker, at now: NIODeadline) throws(Refusal) -> CircuitBreaker.Permit {
        let rejection: CircuitBreaker.Rejection
        do throws(CircuitBreaker.Rejection) { return try breaker.admit() } catch { rejection = error }
        let explanation = rejection.explanation
        // Whoever waits for its own client has nobody wait for it.
        guard count.load(ordering: .relaxed) > 0, asker.isWhole else { throw .rejected(explanation) }
        let silent = change { state in
            state.machine.giveWay(to: asker.caller, in: explanation.generation, at: now)
                .flatMap { state.permits.removeValue(forKey: $0) }
        }
        guard let silent else { throw .rejected(explanation) }
        silent.ended(.abandoned, took: .zero)
        do throws(CircuitBreaker.Rejection) { return try breaker.admit() } catch { throw .rejected(error.explanation) }
    }

    /// A probe's call has ended.
    fileprivate func ended(
        _ number: UInt64, _ generation: UInt32?, _ verdict: Verdict, took: Duration,
        at now: NIODeadline
    ) {
        let held = change { state in
            state.machine.ended(number, hasDecided: verdict != .abandoned, at: now)
                ? state.permits.removeValue(forKey: number) : nil
        }
        if let held { return held.ended(verdict, took: took) }
        if verdict != .abandoned, let generation { late(verdict, of: generation, took: took) }
    }

    private func late(_ verdict: Verdict, of generation: UInt32, took: Duration) {
        let other = change { state in
            state.machine.takeOldest(of: generation).flatMap { state.permits.removeValue(forKey: $0) }
        }
        if let other { return other.ended(verdict, took: took) }
        let seen = breaker.snapshot()
        guard seen.generation == generation, seen.state == .halfOpen else { return }
        do throws(CircuitBreaker.Rejection) {
            let permit = try breaker.admit()
            permit.ended(verdict, took: took)
        } catch {
            // Another has just taken the place, and will say how the service is.
        }
    }

    fileprivate func left(_ number: UInt64) {
        // It goes back as it is dropped.
        _ = change { state in
            state.machine.left(number)
            return state.permits.removeValue(forKey: number)
        }
    }

    private func change<Result>(_ body: (inout State) -> Result) -> Result {
        state.withLock { state in
            let result = body(&state)
            count.store(state.machine.holders.count, ordering: .relaxed)
            return result
        }
    }
}

/// A breaker's permit that may be ended by another than whoever got it.
private final class HeldPermit: Sendable {
    private let permit: Mutex<CircuitBreaker.Permit?>

    init(_ permit: consuming CircuitBreaker.Permit) { self.permit = Mutex(permit) }

    func ended(_ verdict: Verdict, took: Duration) {
        // The breaker announces changes, and nobody's code runs under the lock.
        permit.withLock { $0.take() }?.ended(verdict, took: took)
    }
}

/// A call that a half-open breaker has admitted. Dropped, it was never made.
struct Probe: ~Copyable {
    private let places: ProbePlaces
    private let number: UInt64
    private let generation: UInt32?
    private var isSpent = false

    fileprivate init(_ places: ProbePlaces, number: UInt64, generation: UInt32?) {
        (self.places, self.number, self.generation) = (places, number, generation)
    }

    consuming func ended(_ verdict: Verdict, took: Duration, at now: NIODeadline) {
        isSpent = true
        places.ended(number, generation, verdict, took: took, at: now)
    }

    deinit { if !isSpent { places.left(number) } }
}

/// What an attempt has of a breaker. Dropped, it counts for nothing.
enum BreakerPermit: ~Copyable {
    case call(CircuitBreaker.Permit)
    case probe(Probe)

    var isProbe: Bool {
        switch self {
        case .call: false
        case .probe: true
        }
    }

    consuming func ended(_ verdict: Verdict, took: Duration, at now: NIODeadline) {
        switch consume self {
        case .call(let permit): permit.ended(verdict, took: took)
        case .probe(let probe): probe.ended(verdict, took: took, at: now)
        }
    }
}
#endif
