import Foundation

/// Runs the body on this many threads of the system at once, and waits for all. Tasks would share as many threads as
/// there are cores; threads are switched anywhere, also between a load and an exchange.
func onThreads(_ count: Int, _ body: @escaping @Sendable (_ index: Int) -> Void) {
    let arrived = DispatchSemaphore(value: 0)
    let start = DispatchSemaphore(value: 0)
    let finished = DispatchSemaphore(value: 0)
    for index in 0..<count {
        Thread.detachNewThread {
            arrived.signal()
            start.wait()
            body(index)
            finished.signal()
        }
    }
    for _ in 0..<count { arrived.wait() }
    for _ in 0..<count { start.signal() }
    for _ in 0..<count { finished.wait() }
}
