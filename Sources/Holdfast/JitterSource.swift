import Synchronization

/// Random numbers for jitter, shared by threads: SplitMix64 whose state is one atomic. The system's generator costs a
/// call into the kernel for each number on some platforms; jitter needs no secrecy.
public final class JitterSource: Sendable {
    private let state: Atomic<UInt64>

    /// - Parameter seed: The same seed gives the same numbers, in the order in which they are asked for.
    public init(seed: UInt64 = .random(in: 0 ... .max)) {
        state = Atomic(seed)
    }

    public func next() -> UInt64 {
        SplitMix64.mixed(state.wrappingAdd(0x9E37_79B9_7F4A_7C15, ordering: .relaxed).newValue)
    }

    /// The source as a generator.
    struct Generator: RandomNumberGenerator {
        let source: JitterSource
        func next() -> UInt64 { source.next() }
    }

    var generator: Generator { Generator(source: self) }
}
