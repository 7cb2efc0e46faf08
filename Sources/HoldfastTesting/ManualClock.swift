public import Holdfast
import Synchronization

/// A clock that stands still until a test moves it, and that knows who sleeps on it and what for.
///
/// ```swift
/// let clock = ManualClock()
/// let retry = try Retry(.constant(.seconds(1)), attempts: 2, budget: RetryBudget(), on: .anyError, clock: clock)
/// async let result = retry.run(repeatable: .idempotent, on: .anyError) { _ in try await call() }
/// try await clock.sleepers(1, for: .backoff)  // the retry has begun to wait
/// clock.advance(by: .seconds(2))  // and now it goes on
/// print(try await result)
/// ```
///
/// Where a test is not about the waits, the clock can pass them by itself: `ManualClock(passing: ManualClock.waits)`. It
/// goes by what a sleep is for, so an operation that takes time says so:
///
/// ```swift
/// let clock = ManualClock(passing: ManualClock.waits)
/// let retry = try Retry(.constant(.seconds(1)), attempts: 2, budget: RetryBudget(), clock: clock)
/// _ = try await retry.run(repeatable: .idempotent, on: .anyError) { _ in
///     try await clock.sleep(for: .milliseconds(300), as: .latency)
/// }
/// ```
///
/// Nothing waits for ever without a word. Whoever waits for a sleeper who does not come waits for as long as the clock's
/// patience, in real time, and is then told who sleeps instead. Where a clock has stood still for that long while somebody
/// slept on it, it writes who does; and if it passes some sleeps by itself, all its sleepers fail with that message.
public final class ManualClock: TimeSource {
    /// What a clock passes by itself, unless a test cares: the waits of retries and rate limiters, and the latency of a
    /// dependency.
    public static let waits: Set<SleepPurpose> = [.backoff, .turn, .latency]

    let passed: Set<SleepPurpose>
    private let patience: Duration
    private let state: Mutex<ManualClockState>

    /// - Parameters:
    ///   - start: Where the clock stands at first.
    ///   - passed: The sleeps that the clock passes by itself. When somebody sleeps for one of these purposes, and everybody
    ///     else has come to rest, it moves to the time of whoever wakes first, and so on, until that sleeper has woken or was
    ///     cancelled. So a limit that comes first is met first. What does no more than sleep on other purposes (the timer of
    ///     a limit, a lease that is kept, `SleepPurpose.other`) does not move the clock. A `SleepPurpose.hang` has no time
    ///     of its own to wake at: the clock passes over it, to the sleeper after which something may end it, such as the
    ///     timer of a limit. Default: none; the test moves it.
    ///   - patience: How long, in real time, somebody is waited for, and how long the clock may stand still without a word
    ///     while somebody sleeps: 1 ms to 1 day, and nearer to that than what is out of this range. Default: 60 s,
    ///     which a busy machine does not need either.
    public init(
        at start: MonotonicInstant = MonotonicInstant(nanoseconds: 0), passing passed: Set<SleepPurpose> = [],
        patience: Duration = .seconds(60)
    ) {
        self.passed = passed
        self.patience = min(max(patience, .milliseconds(1)), .seconds(86_400))
        state = Mutex(ManualClockState(now: start, passed: passed))
    }

    public var now: MonotonicInstant { state.withLock { $0.now } }
    public var minimumResolution: Duration { .nanoseconds(1) }

    /// Moves the clock and wakes every sleeper whose time has come, the earliest first.
    public func advance(by duration: Duration) {
        carryOut(state.withLock { $0.advance(to: $0.now.advanced(by: duration)) })
    }

    /// What it wrote last about who sleeps on it while nobody moves it.
    package var lastRemark: String? { state.withLock { $0.lastRemark } }

    /// Who sleeps on the clock, and what for, the earliest to wake first: for a message.
    public var sleepers: [SleepPurpose] { state.withLock { $0.inOrder.map(\.purpose) } }

    /// Returns as soon as at least this many tasks sleep on the clock, whatever for.
    ///
    /// When its patience is over, it writes who sleeps instead, and from then on everybody who sleeps on the clock, or will,
    /// fails with the same words, so that the test does not stand still. It returns at once when its task is cancelled.
    public func sleepers(_ count: Int, file: StaticString = #fileID, line: UInt = #line) async {
        do { try await wait(for: count, nil, "\(file):\(line)") } catch let error as UnexpectedOutcome {
            print("holdfast: \(error)")
            carryOut(state.withLock { $0.fail(because: error) })
        } catch {}
    }

    /// Returns as soon as at least this many tasks sleep on the clock for a purpose.
    ///
    /// - Throws: ``UnexpectedOutcome`` when the clock's patience is over, which tells who sleeps instead;
    ///   `CancellationError` when its task is cancelled.
    public func sleepers(
        _ count: Int, for purpose: SleepPurpose, file: StaticString = #fileID, line: UInt = #line
    ) async throws {
        try await wait(for: count, purpose, "\(file):\(line)")
    }

    private func wait(for count: Int, _ purpose: SleepPurpose?, _ place: String) async throws {
        let patience = patience
        let number = state.withLock { $0.number() }
        let timer = Mutex<Task<Void, Never>?>(nil)
        defer {
            timer.withLock { $0?.cancel() }
            state.withLock { $0.forget(number) }
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let watcher = ManualClockState.Watcher(count: count, purpose: purpose, continuation: continuation)
                let actions = state.withLock { $0.watch(number, watcher) }
                guard actions.isEmpty else { return carryOut(actions) }
                // Its time is real: the clock of the test stands still.
                let task = Task {
                    guard (try? await Task.sleep(for: patience)) != nil else { return }
                    carryOut(state.withLock { $0.giveUp(number, after: patience, at: place) })
                }
                timer.withLock { $0 = task }
            }
        } onCancel: {
            carryOut(state.withLock { $0.cancel(number) })
        }
    }

    public func sleep(until deadline: MonotonicInstant, tolerance: Duration?) async throws {
        try await sleep(until: deadline, tolerance: tolerance, as: .other)
    }

    public func sleep(until deadline: MonotonicInstant, tolerance: Duration?, as purpose: SleepPurpose) async throws {
        let number = state.withLock { $0.number() }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let sleeper = ManualClockState.Sleeper(wakes: deadline, purpose: purpose, continuation: continuation)
                carryOut(state.withLock { $0.sleep(number, sleeper) })
            }
        } onCancel: {
            carryOut(state.withLock { $0.cancel(number) })
        }
        state.withLock { $0.forget(number) }
    }

    private func carryOut(_ actions: [ManualClockState.Action]) {
        for action in actions {
            switch action {
            case .resume(let continuation): continuation.resume()
            case .fail(let continuation, let error): continuation.resume(throwing: error)
            case .drive: Task { await drive() }
            case .mind: mind()
            }
        }
    }

    /// Gives up on sleepers whom nobody wakes. Its time is real, and it does not keep the clock.
    private func mind() {
        let patience = patience
        Task { [weak self] in
            while let changes = self?.changes, (try? await Task.sleep(for: patience)) != nil {
                guard self?.goOnMinding(since: changes) == true else { return }
            }
        }
    }

    private var changes: Int { state.withLock { $0.changes } }

    private func goOnMinding(since changes: Int) -> Bool {
        let (actions, failure, isDone) = state.withLock { $0.giveUp(ifStillSince: changes, for: patience) }
        if let failure { print("holdfast: \(failure)") }
        carryOut(actions)
        return !isDone
    }

    /// Moves from sleeper to sleeper, as long as there is one whom the clock passes by itself.
    private func drive() async {
        while true {
            await settle()
            let (actions, isDone) = state.withLock { $0.step() }
            carryOut(actions)
            if isDone { return }
        }
    }

    /// Lets everybody else go on until nobody comes to sleep, or wakes, any more. Nobody can be asked whether a task is at
    /// rest, so this goes to the back of the line again and again.
    private func settle() async {
        for _ in 0..<100 {
            let before = state.withLock { $0.changes }
            for _ in 0..<50 { await Task.yield() }
            if state.withLock({ $0.changes }) == before { return }
        }
    }
}

extension SleepPurpose {
    /// The time that a dependency takes, in a script or by a fault.
    public static let latency = SleepPurpose("latency")
    /// A dependency that never answers: only a cancellation ends it. A clock that passes some sleeps by itself passes over
    /// it to what may end it, such as the timer of a limit; where nothing does, the clock's patience ends it.
    public static let hang = SleepPurpose("hang")
}
