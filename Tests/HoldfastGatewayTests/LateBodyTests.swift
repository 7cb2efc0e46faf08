#if Gateway
import HoldfastIdempotency
import Testing

@testable import HoldfastGateway

/// Bodies of requests with keys that take the time which their requests have: what is told is the client's slowness, and
/// not a failure of the store, for which operators get up.
@Suite struct LateBodyTests {
    /// Has a body of 60 kB come within so many seconds.
    private func post(
        in seconds: Int, fields: String = "", to client: LoopGateway.Connection, _ gateway: LoopGateway
    ) {
        client.send("POST / HTTP/1.1\r\nHost: a\r\nIdempotency-Key: k\r\n\(fields)Content-Length: 60000\r\n\r\n")
        for second in 1...seconds {
            gateway.advance(by: .seconds(1))
            let all = second == seconds
            client.send([UInt8](repeating: 7, count: all ? 60_000 - 1_000 * (seconds - 1) : 1_000))
        }
    }

    private func held() -> HeldStore {
        let store = HeldStore()
        store.hold { _ in true }
        return store
    }

    @Test func `a body that takes longer than the deadline is answered with 408`() throws {
        let gateway = try LoopGateway(store: held())
        defer { gateway.end() }
        let slow = try gateway.connect()
        slow.send("POST / HTTP/1.1\r\nHost: a\r\nIdempotency-Key: l\r\nContent-Length: 60000\r\n\r\n")
        for second in 1...29 {
            gateway.advance(by: .seconds(1))
            slow.send([UInt8](repeating: 7, count: 1_000))
            #expect(slow.received.isEmpty, "after \(second) s")
        }
        gateway.advance(by: .seconds(1))
        #expect(slow.received.hasPrefix("HTTP/1.1 408 "), "\(slow.received)")
        #expect(slow.received.contains("did not arrive within the deadline of 30.0 seconds"))
        #expect(gateway.services.isEmpty)
    }

    @Test func `a store that is asked at the last moment has not failed`() throws {
        let gateway = try LoopGateway(store: held()) { $0.routes[0].deadline = .milliseconds(29_500) }
        defer { gateway.end() }
        let client = try gateway.connect()
        post(in: 29, to: client, gateway)
        gateway.advance(by: .milliseconds(500))
        #expect(client.received.hasPrefix("HTTP/1.1 408 "), "\(client.received)")
    }

    @Test(arguments: [1, 20, 28])
    func `a store that has had its time is what is told`(seconds: Int) throws {
        let gateway = try LoopGateway(store: held())
        defer { gateway.end() }
        let client = try gateway.connect()
        post(in: seconds, to: client, gateway)
        gateway.advance(by: .seconds(30 - seconds))
        #expect(client.received.hasPrefix("HTTP/1.1 503 ") && client.received.contains("store-unavailable"))
    }
}
#endif
