#if Gateway
import Holdfast
import NIOCore

/// A timer for deadlines that are moved far more often than they are met. Moving one back costs a store: the timer
/// that is scheduled finds out when it fires that it is early, and schedules itself again.
final class LazyTimer {
    private let eventLoop: any EventLoop
    private var deadline: NIODeadline?
    private var scheduled: (at: NIODeadline, task: Scheduled<Void>)?
    /// Whom the timer serves at the moment.
    var onFire: (() -> Void)?

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    func set(_ deadline: NIODeadline?) {
        self.deadline = deadline
        guard let deadline else { return }
        if let scheduled {
            guard deadline < scheduled.at else { return }
            scheduled.task.cancel()
        }
        schedule(at: deadline)
    }

    /// Sets it to a limit that begins now.
    func set(in limit: TimeAmount) { set(eventLoop.now + limit) }

    /// Ends the timer for good.
    func cancel() {
        deadline = nil
        onFire = nil
        scheduled?.task.cancel()
        scheduled = nil
    }

    private func schedule(at instant: NIODeadline) {
        let task = eventLoop.assumeIsolated().scheduleTask(deadline: instant) { self.fired() }
        scheduled = (instant, task)
    }

    private func fired() {
        scheduled = nil
        guard let deadline else { return }
        guard eventLoop.now >= deadline else { return schedule(at: deadline) }
        self.deadline = nil
        onFire?()
    }
}

extension TimeAmount {
    init(_ duration: Duration) {
        self = .nanoseconds(duration.saturatingNanoseconds)
    }
}
#endif
