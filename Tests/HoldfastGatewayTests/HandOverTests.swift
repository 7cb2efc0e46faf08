#if Gateway
import Foundation
import HoldfastGateway
import Synchronization
import TestSupport
import Testing

/// One gateway takes an address over from another while requests go on.
@Suite(.serialized) struct HandOverTests {
    /// Clients that ask without a pause until they are told to stop.
    private final class Load: Sendable {
        private struct Counts {
            var answers = 0
            var failures: [String] = []
            var isOver = false
            var stage = "at first"
        }

        private let counts = Mutex(Counts())

        func run(on port: Int, clients: Int) async {
            await withTaskGroup(of: Void.self) { group in
                for number in 0..<clients {
                    group.addTask { await onThread { self.ask(port, keepsAlive: number.isMultiple(of: 2)) } }
                }
            }
        }

        private func ask(_ port: Int, keepsAlive: Bool) {
            let client = KeepAliveClient(port: port, keepsAlive: keepsAlive)
            while !counts.withLock({ $0.isOver }) {
                do {
                    let text = try client.get()
                    counts.withLock { counts in
                        if text.hasPrefix("HTTP/1.1 200 ") {
                            counts.answers += 1
                        } else {
                            counts.failures.append(String(text.prefix(40)))
                        }
                    }
                } catch {
                    let kind = keepsAlive ? "kept" : "new"
                    counts.withLock { $0.failures.append("\(kind) connection, \($0.stage): \(error)") }
                }
            }
        }

        /// What goes on meanwhile.
        func stage(_ text: String) { counts.withLock { $0.stage = text } }
        func end() { counts.withLock { $0.isOver = true } }
        var answers: Int { counts.withLock { $0.answers } }
        var failures: [String] { counts.withLock { $0.failures } }
    }

    @Test func `no request fails while gateways on one address replace each other`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        // Without keys nothing is lost with a store that is not shared.
        let arguments = [
            "gateway", "--upstream", "http://127.0.0.1:\(service.port)", "--store", "memory", "--key", "off",
        ]
        var current = try await HoldfastProcess.start(arguments)
        let port = current.port
        let load = Load()
        async let running: Void = load.run(on: port, clients: 4)
        for round in 1...2 {
            let next = try await HoldfastProcess.start(arguments, port: port)
            await service.requests(service.requests.count + 100)
            load.stage("while \(round) drains")
            current.signal(SIGTERM)
            let status = await current.end()
            #expect(status == 0)
            load.stage("after \(round)")
            await service.requests(service.requests.count + 100)
            current = next
        }
        // The younger may go as well: who was there before goes on.
        let younger = try await HoldfastProcess.start(arguments, port: port)
        await service.requests(service.requests.count + 100)
        load.stage("while the younger drains")
        younger.signal(SIGTERM)
        let status = await younger.end()
        #expect(status == 0)
        await service.requests(service.requests.count + 100)
        load.end()
        await running
        #expect(load.failures.isEmpty, "\(load.failures.count) of \(load.answers): \(load.failures.prefix(3))")
        current.signal(SIGTERM)
        _ = await current.end()
        await service.stop()
    }

    @Test func `where keys are not shared, a second gateway on an address is refused`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        let arguments = ["gateway", "--upstream", "http://127.0.0.1:\(service.port)", "--store", "memory"]
        let first = try await HoldfastProcess.start(arguments)
        let second = try await HoldfastProcess.run(
            arguments + ["--listen", "127.0.0.1:\(first.port)", "--admin", "127.0.0.1:0"])
        #expect(second.status == 1)
        #expect(
            second.errors.contains(
                "level=critical message=\"cannot listen on 127.0.0.1:\(first.port): the address is taken: somebody listens there already"
            ),
            "\(second.errors)")
        first.signal(SIGTERM)
        _ = await first.end()
        await service.stop()
    }
}

/// Runs what blocks for long on a thread of its own.
private func onThread(_ body: @escaping @Sendable () -> Void) async {
    await withCheckedContinuation { continuation in
        Thread.detachNewThread {
            body()
            continuation.resume()
        }
    }
}
#endif
