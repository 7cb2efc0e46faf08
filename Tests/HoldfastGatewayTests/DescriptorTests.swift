#if Gateway
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import TestSupport
import Testing

@testable import HoldfastGateway

/// What a gateway does that may have few files open.
@Suite(.serialized) struct DescriptorTests {
    @Test func `clients get what is configured, or half of what there is`() {
        let room = DescriptorRoom(limit: 1_000 + DescriptorRoom.own + 13, loops: 2, listeners: 5)
        #expect(room.connections == 1_000)
        #expect(room.clients(10_000) == 500 && room.services(10_000) == 500)
        #expect(room.clients(100) == 100 && room.services(100) == 900)
        #expect(DescriptorRoom(limit: 3, loops: 2, listeners: 1).clients(10) == 1)
        #expect(DescriptorRoom(limit: .max, loops: 2, listeners: 1).clients(10_000) == 10_000)
    }

    private func limits() -> (descriptors: Int, room: DescriptorRoom) {
        let loops = 1 + System.coreCount
        let descriptors = DescriptorRoom.own + 4 * loops + 1 + 20
        return (descriptors, DescriptorRoom(limit: descriptors, loops: loops, listeners: 1))
    }

    private func file(_ ports: Int...) -> String {
        """
        threads: 1
        listeners: [{address: 127.0.0.1:0}]
        admin: {address: 127.0.0.1:0}
        store: {location: memory}
        services:
          one: {endpoints: [http://127.0.0.1:\(ports[0])]}
          two: {endpoints: [http://127.0.0.1:\(ports[1])]}
        routes:
          - {name: one, service: one, match: {path: /one}}
          - {name: two, service: two}
        """
    }

    @Test func `with few descriptors fewer clients are taken, and they are served`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        let folder = try ConfigurationFolder()
        defer { folder.remove() }
        let path = try folder.write(file(service.port, service.port))
        let (descriptors, room) = limits()
        let gateway = try await HoldfastProcess.start(
            ["gateway", "--config", path], takesPorts: false, descriptors: descriptors)
        let (port, count) = (gateway.port, room.clients(.max))
        try await offPool { () throws -> Void in
            let clients = (0..<count).map { _ in KeepAliveClient(port: port, keepsAlive: true) }
            for client in clients { #expect(try client.get().hasPrefix("HTTP/1.1 200 ")) }
            for _ in 0..<20 {
                #expect(throws: KeepAliveClient.Failure.self) {
                    try KeepAliveClient(port: port, keepsAlive: true).get()
                }
            }
            for client in clients { #expect(try client.get().hasPrefix("HTTP/1.1 200 ")) }
        }
        let text = try await TestClient.send(.GET, "/metrics", to: gateway.admin).text
        #expect(text.contains("holdfast_connections_refused_total{reason=\"connections\"} 20\n"))
        #expect(text.contains("holdfast_accept_pauses_total 0\n"))
        await gateway.kill9()
        await service.stop()
    }

    @Test func `connections to the control plane that say nothing take nothing from the data plane`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        let folder = try ConfigurationFolder()
        defer { folder.remove() }
        let path = try folder.write(file(service.port, service.port))
        let (descriptors, room) = limits()
        let gateway = try await HoldfastProcess.start(
            ["gateway", "--config", path], takesPorts: false, descriptors: descriptors)
        var strangers: [any Channel] = []
        for _ in 0..<400 {
            strangers.append(
                try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                    .connect(host: "127.0.0.1", port: gateway.admin).get())
        }
        let (port, count) = (gateway.port, room.clients(.max))
        try await offPool { () throws -> Void in
            let clients = (0..<count).map { _ in KeepAliveClient(port: port, keepsAlive: true) }
            for client in clients { #expect(try client.get().hasPrefix("HTTP/1.1 200 ")) }
        }
        let text = try await TestClient.send(.GET, "/metrics", to: gateway.admin).text
        #expect(text.contains("holdfast_accept_pauses_total 0\n"))
        for stranger in strangers { try? await stranger.close() }
        await gateway.kill9()
        await service.stop()
    }

    @Test func `an idle connection to one service makes room for one to another`() async throws {
        let (descriptors, room) = limits()
        let count = room.clients(.max)
        let one = try await Together.start(count)
        let two = try await Together.start(count)
        let folder = try ConfigurationFolder()
        defer { folder.remove() }
        let path = try folder.write(file(one.port, two.port))
        let gateway = try await HoldfastProcess.start(
            ["gateway", "--config", path], takesPorts: false, descriptors: descriptors)
        for uri in ["/one", "/two"] {
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<count {
                    group.addTask { try await TestClient.send(.GET, uri, to: gateway.port).status }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(statuses == Array(repeating: 200, count: count), "\(uri)")
            // The next ones are taken when the gateway knows that these have left.
            while try await !TestClient.send(.GET, "/metrics", to: gateway.admin).text
                .contains("holdfast_connections 0\n")
            {
                await Task.yield()
            }
        }
        await gateway.kill9()
        await one.stop()
        await two.stop()
    }

    /// A service that answers when it has been asked by so many at once.
    private enum Together {
        static func start(_ count: Int) async throws -> TestService {
            let all = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: Void.self)
            return try await TestService.start { _, number in
                if number == count { all.succeed() }
                return .held(all.futureResult, Array("ok".utf8))
            }
        }
    }
}
#endif
