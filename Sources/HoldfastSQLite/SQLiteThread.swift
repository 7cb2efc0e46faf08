#if SQLite
import Dispatch

/// The thread that a store blocks while it reads, writes and syncs: not one of those that all tasks share. A batch
/// that is gathered on it is carried out without a change of threads.
final class SQLiteThread: TaskExecutor {
    private let queue = DispatchQueue(label: "holdfast.sqlite")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
#endif
