#if Gateway
import NIOCore
import Synchronization

/// How many bytes of bodies are kept in memory, of all event loops together: those of requests, for another attempt or
/// for the fingerprint, and those of responses to requests with a key, until they are recorded.
final class KeptRoom: Sendable {
    private let taken = Atomic<Int>(0)

    var bytes: Int { taken.load(ordering: .relaxed) }

    /// - Returns: False, with nothing taken, when there is no room for so many.
    func take(_ count: Int, atMost bound: Int) -> Bool {
        guard taken.add(count, ordering: .relaxed).newValue <= bound else {
            give(count)
            return false
        }
        return true
    }

    /// Takes room for what is there already, whether there is any or not.
    func require(_ count: Int) { taken.add(count, ordering: .relaxed) }

    func give(_ count: Int) { taken.subtract(count, ordering: .relaxed) }

    /// What a request of so many bytes may find taken. Whoever fills the room with large bodies leaves small ones a
    /// quarter of it, and nobody's request takes the last: what was executed has a response that must find room, and what
    /// was not can still be refused.
    static func ofRequests(_ bound: Int, length: Int) -> Int {
        length <= smallLength ? bound / 4 * 3 : bound / 2
    }

    static let smallLength = 16 << 10
}

extension [ByteBuffer] {
    /// Appends a piece so that what is kept takes about as much memory as it has bytes. A piece holds on to all that was
    /// read with it, and whoever sends a byte at a time would have a hundred kept for each.
    mutating func append(compacting piece: ByteBuffer) {
        let small = 4_096
        if let last = indices.last, self[last].readableBytes + piece.readableBytes <= small {
            self[last].writeImmutableBuffer(piece)
        } else if piece.storageCapacity > 2 * piece.readableBytes + small {
            append(ByteBuffer(buffer: piece))
        } else {
            append(piece)
        }
    }
}
#endif
