#if Gateway
import HoldfastHTTP
import Synchronization

/// What the data plane counts. Each is one relaxed addition: nobody decides by them.
final class GatewayCounters: Sendable {
    let requests = Atomic<Int>(0)
    let inFlight = Atomic<Int>(0)
    let connections = Atomic<Int>(0)
    let retries = Atomic<Int>(0)
    let rejections = Atomic<Int>(0)
    let replays = Atomic<Int>(0)
    let conflicts = Atomic<Int>(0)
    let unknown = Atomic<Int>(0)
    let recordingFailures = Atomic<Int>(0)
    private let problems = Mutex<[Problem.Kind: Int]>([:])

    /// Counts an answer that was the gateway's own.
    func count(_ problem: Problem.Kind) {
        problems.withLock { $0[problem, default: 0] += 1 }
        switch problem {
        case .circuitOpen: rejections.add(1, ordering: .relaxed)
        case .keyInFlight, .keyReused: conflicts.add(1, ordering: .relaxed)
        case .outcomeUnknown: unknown.add(1, ordering: .relaxed)
        default: break
        }
    }

    var problemCounts: [Problem.Kind: Int] { problems.withLock { $0 } }
}
#endif
