import HoldfastMachines
import Testing

@Suite struct WaitPaceTests {
    @Test func `a store is asked after 20 ms, less and less often, and once a second at least`() {
        var pace = WaitPace()
        let pauses = (0..<9).map { _ in pace.next() }
        #expect(pauses == [20, 40, 80, 160, 320, 640, 1_000, 1_000, 1_000].map { .milliseconds($0) })
    }
}
