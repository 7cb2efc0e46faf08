import Holdfast

/// Who sleeps on a manual clock, who waits for sleepers, and who is to be woken when the clock moves.
struct ManualClockState {
    struct Sleeper {
        let wakes: MonotonicInstant
        let purpose: SleepPurpose
        let continuation: CheckedContinuation<Void, any Error>
    }

    /// Somebody who waits until there are as many sleepers.
    struct Watcher {
        let count: Int
        /// nil for any.
        let purpose: SleepPurpose?
        let continuation: CheckedContinuation<Void, any Error>
    }

    /// What the clock does, outside its lock.
    enum Action {
        case resume(CheckedContinuation<Void, any Error>)
        case fail(CheckedContinuation<Void, any Error>, any Error)
        /// Begin to move from sleeper to sleeper.
        case drive
        /// Begin to mind whether anything moves.
        case mind
    }

    /// How often the clock moves by itself in a row before it gives up, and how often for nothing but what hangs: then it
    /// seems that nothing ends it.
    private static let moveBounds = (all: 10_000, hang: 1_000)

    private(set) var now: MonotonicInstant
    private let passed: Set<SleepPurpose>
    private var sleepers: [Int: Sleeper] = [:]
    private var watchers: [Int: Watcher] = [:]
    private var lastNumber = 0
    /// Who was cancelled before it came.
    private var cancelled: Set<Int> = []
    /// Why nobody can sleep any more.
    private var failure: UnexpectedOutcome?
    /// What was said last about a clock that stands still.
    private(set) var lastRemark: String?
    /// How often somebody has come to sleep, or was woken.
    private(set) var changes = 0
    private var isDriven = false
    private var isMinded = false
    private var moves = (all: 0, hang: 0)

    init(now: MonotonicInstant, passed: Set<SleepPurpose>) {
        self.now = now
        self.passed = passed
    }

    mutating func number() -> Int {
        lastNumber += 1
        return lastNumber
    }

    mutating func forget(_ number: Int) { cancelled.remove(number) }

    /// The earliest to wake first; of two at the same time, who came first.
    var inOrder: [Sleeper] {
        sleepers.sorted { ($0.value.wakes, $0.key) < ($1.value.wakes, $1.key) }.map(\.value)
    }

    // MARK: Sleeping

    mutating func sleep(_ number: Int, _ sleeper: Sleeper) -> [Action] {
        if cancelled.remove(number) != nil { return [.fail(sleeper.continuation, CancellationError())] }
        if let failure { return [.fail(sleeper.continuation, failure)] }
        changes += 1
        if sleeper.wakes <= now { return [.resume(sleeper.continuation)] }
        sleepers[number] = sleeper
        return satisfied() + drivenIfNeeded() + mindedIfNeeded()
    }

    /// One who sleeps, or waits for sleepers, is cancelled.
    mutating func cancel(_ number: Int) -> [Action] {
        changes += 1
        if let sleeper = sleepers.removeValue(forKey: number) {
            return [.fail(sleeper.continuation, CancellationError())]
        }
        if let watcher = watchers.removeValue(forKey: number) {
            return [.fail(watcher.continuation, CancellationError())]
        }
        cancelled.insert(number)
        return []
    }

    mutating func advance(to instant: MonotonicInstant) -> [Action] {
        now = max(now, instant)
        changes += 1
        let due = sleepers.filter { $0.value.wakes <= now }
            .sorted { ($0.value.wakes, $0.key) < ($1.value.wakes, $1.key) }
        for (number, _) in due { sleepers[number] = nil }
        return due.map { .resume($0.value.continuation) }
    }

    /// Nobody who sleeps here wakes any more.
    mutating func fail(because failure: UnexpectedOutcome) -> [Action] {
        self.failure = failure
        changes += 1
        defer { sleepers = [:] }
        return inOrder.map { .fail($0.continuation, failure) }
    }

    // MARK: Watching

    mutating func watch(_ number: Int, _ watcher: Watcher) -> [Action] {
        if cancelled.remove(number) != nil { return [.fail(watcher.continuation, CancellationError())] }
        watchers[number] = watcher
        return satisfied()
    }

    private mutating func satisfied() -> [Action] {
        let satisfied = watchers.filter { count(of: $0.value.purpose) >= $0.value.count }
        for number in satisfied.keys { watchers[number] = nil }
        return satisfied.values.map { .resume($0.continuation) }
    }

    private func count(of purpose: SleepPurpose?) -> Int {
        purpose.map { purpose in sleepers.values.count { $0.purpose == purpose } } ?? sleepers.count
    }

    /// - Parameter place: Where in the test somebody waits.
    mutating func giveUp(_ number: Int, after patience: Duration, at place: String) -> [Action] {
        guard let watcher = watchers.removeValue(forKey: number) else { return [] }
        let wanted = watcher.purpose.map { " for \($0)" } ?? ""
        return [
            .fail(
                watcher.continuation,
                UnexpectedOutcome(
                    "\(place): gave up after \(patience): \(watcher.count) sleepers\(wanted) were waited for, and \(told)"
                ))
        ]
    }

    /// Who sleeps.
    private var told: String {
        if sleepers.isEmpty { return "nobody sleeps on the clock, which stands at \(Self.words(now))" }
        let list = inOrder.prefix(8).map { "\($0.purpose) until \(Self.words($0.wakes))" }.joined(separator: ", ")
        let more = sleepers.count > 8 ? ", and \(sleepers.count - 8) more" : ""
        return "at \(Self.words(now)) these sleep: \(list)\(more)"
    }

    private static func words(_ instant: MonotonicInstant) -> String { "\(Duration.nanoseconds(instant.nanoseconds))" }

    // MARK: Moving by itself

    /// Whether somebody sleeps whom the clock passes, or what ends by another's doing.
    private var isToMove: Bool {
        guard !passed.isEmpty else { return false }
        return sleepers.values.contains { passed.contains($0.purpose) || $0.purpose == .hang }
            && sleepers.values.contains { $0.purpose != .hang }
    }

    private mutating func drivenIfNeeded() -> [Action] {
        guard isToMove, !isDriven else { return [] }
        isDriven = true
        moves = (0, 0)
        return [.drive]
    }

    private mutating func mindedIfNeeded() -> [Action] {
        guard !isMinded else { return [] }
        isMinded = true
        return [.mind]
    }

    /// Gives up if somebody sleeps, and nobody has come, woken or moved the clock, since ``changes`` was this. A clock that
    /// passes nothing may stand still because a test means it to: it says so, and nobody fails.
    ///
    /// - Returns: What there is to say; and whether there is nothing more to mind.
    mutating func giveUp(
        ifStillSince changes: Int, for patience: Duration
    ) -> (actions: [Action], failure: UnexpectedOutcome?, isDone: Bool) {
        guard !sleepers.isEmpty else {
            isMinded = false
            return ([], nil, true)
        }
        // Who waits for sleepers has a patience of its own, and says more.
        guard changes == self.changes, watchers.isEmpty, !isDriven else { return ([], nil, false) }
        isMinded = false
        if passed.isEmpty {
            let remark = UnexpectedOutcome(
                "a manual clock has stood still for \(patience): \(told). Each sleep ends when the test moves the clock, "
                    + "as clock.advance(by: .seconds(1)) does")
            lastRemark = remark.description
            return ([], remark, true)
        }
        let list = passed.map(\.description).sorted().joined(separator: ", ")
        let failure = UnexpectedOutcome(
            "gave up after \(patience) in which nothing moved the clock: it passes \(list) by itself, and \(told). A "
                + "sleep that it is to pass says what for, as clock.sleep(for: .seconds(1), as: .latency) does; any "
                + "other ends when the test moves the clock")
        return (fail(because: failure), failure, true)
    }

    /// Moves to whoever wakes first, if the clock is to move.
    mutating func step() -> (actions: [Action], isDone: Bool) {
        let next = inOrder.first { $0.purpose != .hang }
        guard isToMove, let next else {
            isDriven = false
            return ([], true)
        }
        moves.all += 1
        moves.hang = sleepers.values.contains { passed.contains($0.purpose) } ? 0 : moves.hang + 1
        guard moves.all <= Self.moveBounds.all, moves.hang <= Self.moveBounds.hang else {
            isDriven = false
            let failure = UnexpectedOutcome("the clock has moved \(moves.all) times by itself, and \(told)")
            return (fail(because: failure), true)
        }
        return (advance(to: next.wakes), false)
    }
}
