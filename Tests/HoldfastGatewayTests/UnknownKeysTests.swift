#if Gateway
import Holdfast
import HoldfastIdempotency
import HoldfastTesting
import Logging
import NIOHTTP1
import Synchronization
import TestSupport
import Testing

@testable import HoldfastGateway

/// What is left unknown by a crash is counted at the start and in the metrics, at every gateway that shares the store.
@Suite struct UnknownKeysTests {
    /// Leaves keys as a process does that is killed, and others as one that ends well.
    private func leave(_ unknown: Int, in store: MemoryStore) async throws {
        for number in 0..<UInt8(unknown + 2) {
            let id = RecordID(bytes: [number])
            let claim = ClaimCommand.Action.claim(
                fingerprint: Fingerprint(bytes: [1]), lease: .seconds(60), retention: .seconds(600))
            guard case .claimed(let fence)? = try await store.apply([ClaimCommand(id: id, action: claim)]).first else {
                throw UnexpectedOutcome("no claim")
            }
            let end: ClaimCommand.Action =
                number < unknown
                ? .abandon(fence: fence) : .complete(fence: fence, payload: [1, 2, 3], retention: .seconds(600))
            _ = try await store.apply([ClaimCommand(id: id, action: end)])
        }
    }

    private func gauge(_ name: String, of gateway: RunningGateway) async throws -> String? {
        let text = try await TestClient.send(.GET, "/metrics", to: gateway.admin).text
        let line = text.split(separator: "\n").first { $0.hasPrefix(name + " ") }
        return line?.split(separator: " ").last.map(String.init)
    }

    @Test func `unknown keys are told at the start, and counted at every gateway until they are settled`() async throws
    {
        let service = try await TestService.start { _, _ in .ok() }
        let store = MemoryStore()
        try await leave(3, in: store)
        let (one, two) = (Told(), Told())
        try await withGateway(to: service, store: store, logger: Logger(label: "one") { _ in one }) { here in
            let start = one.messages.list.withLock { $0 }.first { $0.contains("keys list --state unknown") }
            #expect(start?.contains("\"unknown\": 3") == true && start?.contains("\"keys\": 5") == true)
            let other = try await TestService.start { _, _ in .ok() }
            try await withGateway(to: other, store: store, logger: Logger(label: "two") { _ in two }) { there in
                for gateway in [here, there] {
                    try await expectEqual(gauge("holdfast_store_unknown_keys", of: gateway), "3")
                    try await expectEqual(gauge("holdfast_store_keys", of: gateway), "5")
                    try await expectEqual(gauge("holdfast_store_bytes", of: gateway), "6")
                }
                let listed = try object(
                    try await TestClient.send(.GET, "/api/keys?state=unknown&looking-at=2", to: there.admin).body)
                let records = try #require(listed["records"] as? [[String: Any]])
                #expect(records.count == 2 && (listed["store"] as? [String: Any])?["unknown"] as? Int == 3)
                let record = try #require(records.first?["record"] as? String)
                let fence = try #require(records.first?["fence"] as? Int)
                let settled = try await TestClient.send(
                    .POST, "/api/keys/\(record)/resolve", to: there.admin,
                    headers: ["content-type": "application/json"],
                    body: Array(#"{"fence":\#(fence),"as":"released","by":"ada","why":"looked"}"#.utf8))
                #expect(settled.status == 200, "\(settled.text)")
                try await expectEqual(gauge("holdfast_store_unknown_keys", of: here), "2")
            }
        }
        #expect(two.messages.list.withLock { $0 }.contains { $0.contains("\"unknown\": 3") })
    }

    @Test func `what a store cannot tell is no number`() {
        let text = GatewayMetrics.text(MetricsSnapshot())
        for name in ["keys", "bytes", "unknown_keys"] { #expect(text.contains("\nholdfast_store_\(name) NaN\n")) }
    }

    @Test func `a store without an unknown key is counted without a warning`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        let (store, told) = (MemoryStore(), Told())
        try await leave(0, in: store)
        try await withGateway(to: service, store: store, logger: Logger(label: "one") { _ in told }) { gateway in
            try await expectEqual(gauge("holdfast_store_unknown_keys", of: gateway), "0")
        }
        let messages = told.messages.list.withLock { $0 }
        #expect(messages.contains { $0.contains("no key in the store is unknown") && $0.contains("\"keys\": 2") })
        #expect(!messages.contains { $0.contains("keys list --state unknown") })
    }
}
#endif
