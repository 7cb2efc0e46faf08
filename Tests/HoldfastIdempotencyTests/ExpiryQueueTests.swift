import Holdfast
import Testing

@testable import HoldfastIdempotency

@Suite struct ExpiryQueueTests {
    private func entry(_ milliseconds: Int64) -> ExpiryQueue.Entry {
        let words = (0..<8).map { UInt8(truncatingIfNeeded: milliseconds >> ($0 * 8)) }
        return .init(expires: StoreInstant(milliseconds: milliseconds), id: RecordID(bytes: words))
    }

    @Test func `what is due comes out, the first to expire first, and nothing else does`() {
        var queue = ExpiryQueue()
        var generator = SplitMix64(seed: 7)
        let times = (0..<500).map { _ in Int64.random(in: 0..<1_000, using: &generator) }
        for time in times { queue.note(entry(time)) }
        var taken: [Int64] = []
        while let next = queue.next(at: StoreInstant(milliseconds: 400)) { taken.append(next.expires.milliseconds) }
        #expect(taken == times.filter { $0 <= 400 }.sorted())
        #expect(queue.count == times.count - taken.count)
        while let next = queue.next(at: StoreInstant(milliseconds: .max)) { taken.append(next.expires.milliseconds) }
        #expect(taken == times.sorted())
    }

    @Test func `one that is made of entries in any order gives them in order, and takes more`() {
        var queue = ExpiryQueue([entry(5), entry(1), entry(3)])
        queue.note(entry(2))
        let taken = (0..<4).map { _ in queue.next(at: StoreInstant(milliseconds: 9))?.expires.milliseconds }
        #expect(taken == [1, 2, 3, 5])
        #expect(queue.next(at: StoreInstant(milliseconds: .max)) == nil)
    }
}
