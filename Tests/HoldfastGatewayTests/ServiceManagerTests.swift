#if Gateway && os(Linux)
import Foundation
import Holdfast
import HoldfastTesting
import Logging
import NIOHTTP1
import Synchronization
import Testing

@testable import HoldfastGateway

/// What a service manager asks for, and what it is told, as `sd_notify(3)` and `sd_watchdog_enabled(3)` have it.
@Suite struct ServiceManagerTests {
    private func request(_ environment: [String: String]) -> ServiceRequest {
        ServiceRequest(environment, process: 42)
    }

    @Test func `whoever asks for nothing is told nothing`() {
        for environment in [[:], ["NOTIFY_SOCKET": ""], ["WATCHDOG_USEC": "1000000"]] {
            let request = request(environment)
            #expect(request.socket == nil && request.watchdog == nil && request.faults == [])
        }
    }

    @Test(arguments: [
        ("/run/systemd/notify", true), ("@/org/holdfast", true), ("@", false), ("notify", false), ("vsock:2:1", false),
        ("/" + String(repeating: "x", count: 106), true), ("/" + String(repeating: "x", count: 107), false),
    ])
    func `a socket is a path or a name after an at sign, and short enough`(name: String, isTaken: Bool) {
        let request = request(["NOTIFY_SOCKET": name])
        #expect(request.socket == (isTaken ? name : nil))
        #expect(request.faults.count == (isTaken ? 0 : 1))
        #expect(request.faults.allSatisfy { $0.contains("NOTIFY_SOCKET is \(name), but must be") })
    }

    @Test(arguments: [
        (["WATCHDOG_USEC": "30000000"], Duration.seconds(15), 0), (["WATCHDOG_USEC": "1"], .microseconds(1), 0),
        (["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "42"], .seconds(15), 0),
        (["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "43"], nil, 0),
        (["WATCHDOG_USEC": "0"], nil, 1), (["WATCHDOG_USEC": "soon"], nil, 1), (["WATCHDOG_USEC": "-5"], nil, 1),
        ([:], nil, 0),
    ])
    func `a watchdog hears twice within its time, if it is meant for this process`(
        environment: [String: String], interval: Duration?, faults: Int
    ) {
        let request = request(environment.merging(["NOTIFY_SOCKET": "/x"]) { $1 })
        #expect(request.watchdog == interval && request.faults.count == faults)
    }

    @Test func `notices are lines, and nobody's words begin another`() {
        #expect(ServiceNotice.ready(status: "a\nREADY=0").text == "READY=1\nSTATUS=a READY=0")
        #expect(ServiceNotice.reloading(microseconds: 7).text == "RELOADING=1\nMONOTONIC_USEC=7")
        #expect(
            ServiceNotice.stopping(within: .seconds(65)).text
                == "STOPPING=1\nSTATUS=Draining.\nEXTEND_TIMEOUT_USEC=65000000")
        #expect(ServiceNotice.alive.text == "WATCHDOG=1")
    }

    @Test(arguments: [false, true])
    func `what is notified arrives, by a path and by a name`(isNamed: Bool) async throws {
        let name = (isNamed ? "@holdfast-" : "/tmp/holdfast-notify-") + UUID().uuidString.prefix(8)
        let socket = try NotifySocket(name)
        defer { unlink(name) }
        let manager = ServiceManager(request(["NOTIFY_SOCKET": name]), logger: Logger(label: "test"))
        manager.notify(.ready(status: "Serving."))
        manager.reloads()
        #expect(await socket.next() == ["READY=1", "STATUS=Serving."])
        let reloading = await socket.next()
        #expect(reloading.first == "RELOADING=1")
        let time = UInt64(reloading.last?.dropFirst("MONOTONIC_USEC=".count) ?? "")
        #expect(time ?? 0 > 0 && reloading.count == 2)
    }

    @Test func `a manager that is gone is told of once in the log, and keeps nobody from working`() {
        struct Lines: LogHandler {
            let heard: @Sendable (String) -> Void
            var metadata: Logger.Metadata = [:]
            var logLevel = Logger.Level.info
            subscript(metadataKey key: String) -> Logger.Metadata.Value? {
                get { metadata[key] }
                set { metadata[key] = newValue }
            }
            func log(event: LogEvent) { heard("\(event.message)") }
        }
        let heard = Heard()
        let logger = Logger(label: "test") { _ in Lines(heard: { heard.add($0) }) }
        let manager = ServiceManager(request(["NOTIFY_SOCKET": "/nowhere/at/all"]), logger: logger)
        for _ in 0..<3 { manager.notify(.alive) }
        #expect(heard.all == ["the service manager cannot be notified"])
    }

    private final class Heard: Sendable {
        private let lines = Mutex<[String]>([])
        func add(_ line: String) { lines.withLock { $0.append(line) } }
        var all: [String] { lines.withLock { $0 } }
    }

    @Test func `a process whose loops do not turn says nothing to the watchdog`() async throws {
        let name = "@holdfast-\(UUID().uuidString.prefix(8))"
        let socket = try NotifySocket(name)
        let clock = ManualClock()
        let manager = ServiceManager(
            request(["NOTIFY_SOCKET": name, "WATCHDOG_USEC": "20000000"]), logger: Logger(label: "test"))
        let (turns, turn) = AsyncStream.makeStream(of: Void.self)
        let watch = Task {
            await manager.keepWatch(by: clock) { for await _ in turns { return } }
        }
        turn.yield()
        #expect(await socket.next() == ["WATCHDOG=1"])
        await clock.sleepers(1)
        clock.advance(by: .seconds(10))
        // Half of its time is over, and nothing has turned. What comes next is what is said after that.
        manager.notify(.ready(status: "meanwhile"))
        #expect(await socket.next() == ["READY=1", "STATUS=meanwhile"])
        turn.yield()
        #expect(await socket.next() == ["WATCHDOG=1"])
        watch.cancel()
        turn.finish()
        await watch.value
    }

    @Test func `a process tells its manager of its start, its reloads and its end`() async throws {
        let service = try await TestService.start { _, _ in .ok("charged") }
        let folder = try ConfigurationFolder()
        defer { folder.remove() }
        let name = "@holdfast-\(UUID().uuidString.prefix(8))"
        let socket = try NotifySocket(name)
        func text(_ more: String = "") -> String {
            "listeners: [{address: 127.0.0.1:0}]\nadmin: {address: 127.0.0.1:0}\nstore: {location: memory}\n"
                + "limits: {drainTimeout: 2s, drainDelay: 100ms}\n"
                + "services: {a: {endpoints: [http://127.0.0.1:\(service.port)]}}\n"
                + "routes: [{name: r, service: a}]\n\(more)"
        }
        let path = try folder.write(text())
        let process = try await HoldfastProcess.start(
            ["gateway", "--config", path], takesPorts: false,
            environment: ["NOTIFY_SOCKET": name, "WATCHDOG_USEC": "600000000"])
        #expect(await socket.nextChange() == ["READY=1", "STATUS=Serving."])
        // The file is read once more when it is watched.
        #expect(await socket.nextChange().first == "RELOADING=1")
        #expect(await socket.nextChange().first == "READY=1")
        process.signal(SIGHUP)
        #expect(await socket.nextChange().first == "RELOADING=1")
        #expect(await socket.nextChange() == ["READY=1", "STATUS=Serving."])
        try folder.write(text("nonsense: 1"))
        var notice = await socket.nextChange()
        while !notice.contains(where: { $0.contains("refused") }) { notice = await socket.nextChange() }
        #expect(notice.first == "READY=1")
        let metrics = try await TestClient.send(.GET, "/metrics", to: process.admin).text
        #expect(metrics.contains("holdfast_config_last_reload_successful 0\n"))
        process.signal(SIGTERM)
        var end = await socket.nextChange()
        while end.first != "STOPPING=1", !end.isEmpty { end = await socket.nextChange() }
        #expect(end == ["STOPPING=1", "STATUS=Draining.", "EXTEND_TIMEOUT_USEC=9100000"])
        let status = await process.end()
        #expect(status == 0)
        await service.stop()
    }
}
#endif
