import Testing

@testable import HoldfastIdempotency

@Suite struct ClaimOrderTests {
    @Test func `pages go on behind a fence, in the order of claims`() {
        var order = ClaimOrder()
        for fence in 1...9 as ClosedRange<Int64> { order.add(fence * 10, RecordID(bytes: [UInt8(fence)])) }
        for (after, count, fences) in [
            (0, 2, [10, 20]), (20, 2, [30, 40]), (25, 1, [30]), (80, 5, [90]), (90, 5, []), (0, 0, []), (-5, 1, [10]),
        ] as [(Int64, Int, [Int64])] {
            #expect(order.page(after: after, atMost: count).map(\.fence) == fences)
        }
    }

    @Test func `what is gone takes no more than half of the places`() {
        var order = ClaimOrder()
        var there: Set<Int64> = []
        for fence in 1...10_000 as ClosedRange<Int64> {
            order.add(fence, RecordID(bytes: []))
            there.insert(fence)
            // Every hundredth stays.
            if !fence.isMultiple(of: 100) {
                there.remove(fence)
                order.lose { there.contains($0.fence) }
            }
            #expect(order.entries.count <= 2 * there.count + 66)
        }
        #expect(order.page(after: 0, atMost: .max).map(\.fence).filter { there.contains($0) } == there.sorted())
    }
}
