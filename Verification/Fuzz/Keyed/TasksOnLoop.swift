#if Gateway && (FUZZ || DEBUG)
import Foundation
import Holdfast
import NIOCore
import NIOEmbedded

/// Has tasks run on an embedded event loop, each in its turn: what the engine and a store do in tasks is then the same
/// every time, and nothing happens while nobody runs the loop.
///
/// The runtime of tasks asks a hook of its own before it hands one to its threads. Tasks that others have begun, on other
/// threads, go where they always go.
enum TasksOnLoop {
    private typealias Original = @convention(thin) (UnownedJob) -> Void
    private typealias Hook = @convention(thin) (UnownedJob, Original) -> Void

    private final class Here: TaskExecutor {
        func enqueue(_ job: consuming ExecutorJob) { TasksOnLoop.put(UnownedJob(job)) }
    }

    private static let here = Here()
    // One thread parses. Others read only whether they are that thread, which is decided before the hook is there.
    nonisolated(unsafe) private static var owner: pthread_t?
    nonisolated(unsafe) private static var loop: EmbeddedEventLoop?
    nonisolated(unsafe) private static var hook: UnsafeMutablePointer<Hook?>?

    /// - Throws: ``Violation`` where the runtime has no such hook.
    static func begin(on loop: EmbeddedEventLoop) throws {
        self.loop = loop
        if owner == nil {
            owner = pthread_self()
            hook = dlsym(dlopen(nil, RTLD_NOW), "swift_task_enqueueGlobal_hook")?
                .assumingMemoryBound(to: Hook?.self)
        }
        guard let hook else { throw Violation("the runtime has no hook for tasks") }
        hook.pointee = { job, original in
            guard let owner = TasksOnLoop.owner, pthread_equal(owner, pthread_self()) != 0 else { return original(job) }
            TasksOnLoop.put(job)
        }
    }

    static func end() {
        hook?.pointee = nil
        loop = nil
    }

    private static func put(_ job: UnownedJob) {
        loop?.execute { job.runSynchronously(on: here.asUnownedTaskExecutor()) }
    }
}

/// The time of an embedded event loop, for those who go by another kind of clock.
final class LoopClock: TimeSource, @unchecked Sendable {
    // Asked on the loop's own thread alone.
    private let loop: EmbeddedEventLoop

    init(_ loop: EmbeddedEventLoop) {
        self.loop = loop
    }

    var now: MonotonicInstant { MonotonicInstant(nanoseconds: Int64(loop.now.uptimeNanoseconds)) }
    var minimumResolution: Duration { .nanoseconds(1) }

    func sleep(until deadline: MonotonicInstant, tolerance: Duration?) async throws {
        let instant = NIODeadline.uptimeNanoseconds(UInt64(max(0, deadline.nanoseconds)))
        await withCheckedContinuation { continuation in
            _ = loop.scheduleTask(deadline: instant) { continuation.resume() }
        }
    }
}
#endif
