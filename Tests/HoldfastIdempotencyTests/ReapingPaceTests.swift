import Testing

@testable import HoldfastIdempotency

@Suite struct ReapingPaceTests {
    @Test func `a quick store is given more at a time, up to the bound`() {
        var pace = ReapingPace()
        for count in [400, 800, 1_600, 3_200, 3_200] {
            pace.adapt(to: .milliseconds(9))
            #expect(pace.count == count)
        }
    }

    @Test func `a slow store is given less at a time, down to the bound`() {
        var pace = ReapingPace()
        for _ in 0..<2 { pace.adapt(to: .zero) }
        for count in [400, 200, 200] {
            pace.adapt(to: .milliseconds(21))
            #expect(pace.count == count)
        }
    }

    @Test func `a step that takes as long as it should stays as it is`() {
        var pace = ReapingPace()
        for taken in [10, 15, 20] {
            pace.adapt(to: .milliseconds(taken))
            #expect(pace.count == 200)
        }
    }
}
