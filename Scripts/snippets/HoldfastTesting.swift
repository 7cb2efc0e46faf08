// What the examples of HoldfastTesting take for granted.
import Holdfast
import HoldfastTesting
import Testing

struct Reset: Error {}
struct ConnectionReset: Error {}

let clock = ManualClock()
// swift-format-ignore: NeverUseForceTry
let retry = try! Retry(.constant(.seconds(1)), attempts: 2, budget: RetryBudget(), on: .anyError, clock: clock)
// swift-format-ignore: NeverUseForceTry
let policy = try! Policy { retry }
func call() async throws -> Int { 7 }
