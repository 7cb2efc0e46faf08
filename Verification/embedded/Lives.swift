import HoldfastMachines

/// What a machine can go through, as steps of numbers. The same code runs natively and in WebAssembly, where an `Int` has
/// 32 bits and there is no Foundation: each step has to be the same.
struct Life {
    static let names = ["breaker", "retry", "claim", "limits"]

    private(set) var steps: [[Int64]] = []
    /// What happens is drawn from the seed alone.
    private var chance: SplitMix64
    private var now = MonotonicInstant(nanoseconds: 0)

    /// - Parameters:
    ///   - kind: Whose life, as a place in ``names``.
    ///   - seed: Another seed, another life.
    init(_ kind: Int, seed: UInt64) {
        chance = SplitMix64(seed: seed)
        switch kind {
        case 0: breaker(seed)
        case 1: retry(seed)
        case 2: claim(seed)
        default: limits(seed)
        }
    }

    private mutating func draw(_ count: Int64) -> Int64 { Int64.random(in: 0..<count, using: &chance) }

    private mutating func wait(upTo milliseconds: Int64) {
        now = now.advanced(by: .microseconds(draw(milliseconds * 1_000)))
    }
}

// MARK: A breaker

extension Life {
    private mutating func breaker(_ seed: UInt64) {
        var configuration = CircuitBreakerConfiguration()
        configuration.trip =
            switch seed % 4 {
            case 0: .consecutiveFailures(3)
            case 1: .failureRate(0.5, over: .seconds(10), atLeast: 5)
            case 2: .any(.consecutiveFailures(6), .failureRate(0.3, ofLast: 70, atLeast: 9))
            default: .slowCallRate(0.4, slowerThan: .milliseconds(300), over: .seconds(5), atLeast: 4)
            }
        configuration.cooldown = .growing(from: .seconds(1), cap: .seconds(9), factor: 1.7, jitter: 0.3)
        configuration.probes = 2
        configuration.successesToClose = 3
        configuration.ramp = seed % 3 == 0 ? .seconds(4) : .zero
        var machine = CircuitBreakerMachine(configuration: configuration, seed: seed)
        var tickets: [CircuitBreakerMachine.Ticket] = []
        var isDown = false
        for _ in 0..<1_500 {
            wait(upTo: 200)
            if draw(60) == 0 { isDown.toggle() }
            var step: [Int64] = []
            var change: CircuitBreakerMachine.Change?
            switch draw(100) {
            case 0..<50:
                let (admission, moved) = machine.admit(at: now)
                change = moved
                switch admission {
                case .admitted(let ticket):
                    tickets.append(ticket)
                    step += [1, Int64(ticket.generation), Int64(ticket.probe), ticket.began.nanoseconds]
                case .rejected(let retryAfter):
                    step += [2, retryAfter.saturatingNanoseconds]
                }
            case 50..<98:
                guard !tickets.isEmpty else { continue }
                let ticket = tickets.remove(at: Int(draw(Int64(tickets.count))))
                let good: Verdict = draw(20) == 0 ? .abandoned : .succeeded
                let bad: Verdict = draw(8) == 0 ? .declined : .failed
                change = machine.record(draw(10) < (isDown ? 8 : 1) ? bad : good, for: ticket, at: now)
                step.append(3)
            default:
                step.append(4)
                switch draw(5) {
                case 0: change = machine.isolate()
                case 1: change = machine.release()
                case 2: change = machine.disable()
                case 3: change = machine.enable()
                default: change = machine.restore(machine.export(at: now), at: now)
                }
            }
            if let change { step += words(of: change) }
            let evidence = machine.evidence(at: now)
            step += [
                place(of: machine.state), Int64(machine.generation), Int64(machine.tripsInARow),
                machine.retryAfter(at: now).saturatingNanoseconds, Int64(machine.probesInFlight(at: now)),
                Int64(evidence.count), Int64(bitPattern: evidence.threshold.bitPattern), sum(of: evidence.description),
            ]
            steps.append(step)
        }
    }

    private func place(of state: CircuitBreakerMachine.State) -> Int64 {
        Int64(CircuitBreakerMachine.State.allCases.firstIndex(of: state) ?? -1)
    }

    private func words(of change: CircuitBreakerMachine.Change) -> [Int64] {
        [
            place(of: change.from), place(of: change.to), Int64(change.generation), sum(of: change.reason.description),
        ]
    }

    /// A text as a number (FNV-1a).
    private func sum(of text: String) -> Int64 {
        var sum: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in text.utf8 { sum = (sum ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return Int64(bitPattern: sum)
    }
}

// MARK: A retry

extension Life {
    private mutating func retry(_ seed: UInt64) {
        var configuration = RetryConfiguration()
        configuration.attempts = 8
        configuration.backoff =
            switch seed % 5 {
            case 0: .exponential(from: .milliseconds(50), cap: .seconds(2))
            case 1: .exponential(from: .milliseconds(30), cap: .seconds(5), factor: 1.6, jitter: .equal)
            case 2: .linear(from: .milliseconds(100), step: .milliseconds(70), cap: .milliseconds(450))
            case 3: .decorrelated(from: .milliseconds(20), cap: .seconds(3))
            default: .constant(.milliseconds(250), jitter: .none)
            }
        var budget = RetryBudgetMachine(
            configuration: seed % 2 == 0 ? .ratio(0.3, reservePerSecond: 1, over: .seconds(5)) : .tokens())
        for _ in 0..<150 {
            wait(upTo: 300)
            budget.called(at: now)
            let key = IdempotencyKey.minted(using: &chance)
            let why: Repeatability = draw(9) == 0 ? .once : draw(2) == 0 ? .idempotent : .keyed(key)
            var machine = RetryMachine(
                configuration: configuration, repeatability: why,
                deadline: draw(3) == 0 ? now.advanced(by: .seconds(draw(20))) : nil)
            while true {
                let at = now
                let failure = drawnFailure()
                let own: Duration? = draw(12) == 0 ? .milliseconds(draw(3_000)) : nil
                let earliest = Duration.milliseconds(draw(6) == 0 ? draw(1_000) : 0)
                let decision = machine.next(
                    after: failure, at: at, admittedAfter: earliest, waiting: own, using: &chance
                ) { budget.withdraw(RetryBudgetMachine.Use(retryAfter: failure), at: at) }
                let left = [Int64(budget.balance(at: now)), Int64(budget.refused), Int64(machine.attempt)]
                guard case .again(let wait) = decision else {
                    if case .stop(let reason) = decision { steps.append([2, sum(of: reason.rawValue)] + left) }
                    break
                }
                steps.append([1, wait.saturatingNanoseconds, sum(of: key.description)] + left)
                now = now.advanced(by: wait)
                if draw(4) == 0 {
                    budget.refund(RetryBudgetMachine.Use(retryAfter: failure))
                    break
                }
            }
        }
    }

    private mutating func drawnFailure() -> FailureClass {
        switch draw(8) {
        case 0: .notSent()
        case 1: .notSent(retryAfter: .milliseconds(draw(3_000)))
        case 2: .rejected()
        case 3: .rejected(retryAfter: .milliseconds(draw(9_000)))
        case 4, 5: .unknown
        default: .failed
        }
    }
}

// MARK: A claim

extension Life {
    private mutating func claim(_ seed: UInt64) {
        var record: ClaimRecord?
        var fence: Int64 = 0
        var time = StoreInstant(milliseconds: Int64(seed) * 1_000)
        for _ in 0..<1_200 {
            time = time.advanced(by: .milliseconds(draw(4_000)))
            let decision = ClaimMachine.apply(drawnAction(fence), to: record, at: time, nextFence: fence + 1)
            var step: [Int64] = [time.milliseconds]
            switch decision.write {
            case .nothing: step.append(0)
            case .delete:
                step.append(1)
                record = nil
            case .put(let written):
                step.append(2)
                record = written
            }
            switch decision.reply {
            case .claimed(let claimed):
                fence = claimed
                step += [1, claimed]
            case .free: step.append(2)
            case .inFlight: step.append(3)
            case .completed(let payload): step += [4, Int64(payload?.count ?? -1)]
            case .unknown(let unknown): step += [5, unknown]
            case .mismatched: step.append(6)
            case .done: step.append(7)
            case .stale: step.append(8)
            }
            if let record {
                let (state, leaseEnds) = record.state.stored
                step += [
                    Int64(state.rawValue), leaseEnds.milliseconds, record.fence, record.expires.milliseconds,
                    sum(of: record.history.text), Int64(record.history.entries.count), Int64(record.keptBytes),
                    sum(of: RecordID(bytes: record.fingerprint.bytes).description),
                ]
            }
            steps.append(step)
        }
    }

    private mutating func drawnAction(_ newest: Int64) -> ClaimCommand.Action {
        let fence = draw(6) == 0 ? newest - 1 : newest
        let fingerprint = Fingerprint(bytes: [draw(12) == 0 ? 2 : 1, 200])
        let (lease, retention) = (Duration.seconds(5), Duration.seconds(40))
        let payload = draw(4) == 0 ? nil : [UInt8](repeating: 7, count: Int(draw(90)))
        switch draw(16) {
        case 0..<5:
            let takesOver: ClaimCommand.Takeover = draw(5) == 0 ? .anything : draw(5) == 0 ? .fence(fence) : .nothing
            return .claim(
                fingerprint: fingerprint, lease: lease, retention: retention, takesOver: takesOver,
                owner: draw(2) == 0 ? "first" : "sécond\u{85}", nonce: draw(3) == 0 ? "" : "n\(draw(3))",
                context: [1, 2, 3])
        case 5, 6: return .look(fingerprint: fingerprint, retention: retention)
        case 7, 8: return .renew(fence: fence, lease: lease)
        case 9, 10: return .complete(fence: fence, payload: payload, retention: retention)
        case 11: return .release(fence: fence)
        case 12: return .abandon(fence: fence)
        case 13:
            return .resolve(fence: fence, .completed(payload: payload), retention: retention, by: "ops", why: "paid")
        case 14: return .resolve(fence: fence, .released, retention: retention, by: "ops")
        default: return .purge(fence: fence)
        }
    }
}

// MARK: Limits

extension Life {
    private mutating func limits(_ seed: UInt64) {
        var rate = RateLimiterMachine(
            configuration: RateLimiterConfiguration(
                seed % 2 == 0
                    ? .tokenBucket(calls: 7, per: .seconds(1), burst: 4) : .slidingWindow(calls: 9, per: .seconds(2))))
        var settings = AdaptiveLimitConfiguration()
        if seed % 2 == 0 { settings.algorithm = .aimd(threshold: .milliseconds(80)) }
        var adaptive = AdaptiveLimitMachine(configuration: settings)
        var tickets: [AdaptiveLimitMachine.Ticket] = []
        for _ in 0..<1_000 {
            wait(upTo: 90)
            switch draw(3) {
            case 0:
                switch rate.reserve(at: now, waitingAtMost: .milliseconds(draw(900))) {
                case .granted(let turn):
                    steps.append([1, turn.wait.saturatingNanoseconds])
                    if draw(5) == 0 { rate.cancel(turn) }
                case .rejected(let retryAfter): steps.append([2, retryAfter.saturatingNanoseconds])
                }
            case 1:
                if let ticket = adaptive.admit(at: now) { tickets.append(ticket) }
                steps.append([3, Int64(adaptive.inFlight), Int64(adaptive.limit)])
            default:
                guard !tickets.isEmpty else { continue }
                let ticket = tickets.remove(at: Int(draw(Int64(tickets.count))))
                adaptive.record(draw(12) == 0 ? .declined : .succeeded, for: ticket, at: now)
                steps.append([
                    4, Int64(adaptive.inFlight), Int64(adaptive.limit), adaptive.latency.saturatingNanoseconds,
                ])
            }
        }
    }
}
