// What the examples of HoldfastIdempotencyTesting take for granted.
import HoldfastIdempotency
import HoldfastIdempotencyTesting
import HoldfastTesting
import Testing

let clock = ManualClock()
let store = MemoryStore(clock: clock)
