#if Gateway
import Foundation

/// The system's random numbers, fetched 256 bytes at a time: what names requests may be guessed by nobody who has seen
/// others, which a fast generator does not promise, and a call into the kernel for each would cost more than the name.
struct RandomBlock: RandomNumberGenerator {
    /// As many as `getentropy` gives at once.
    private static let bytes = 256

    private var words = [UInt64](repeating: 0, count: Self.bytes / 8)
    private var left = 0

    mutating func next() -> UInt64 {
        if left == 0 { fill() }
        left -= 1
        return words[left]
    }

    private mutating func fill() {
        left = words.count
        let isFilled = words.withUnsafeMutableBytes { room in
            room.baseAddress.map { getentropy($0, room.count) == 0 } ?? false
        }
        guard !isFilled else { return }
        // A kernel without the call has another way, which the standard library knows.
        var system = SystemRandomNumberGenerator()
        for place in words.indices { words[place] = system.next() }
    }
}
#endif
