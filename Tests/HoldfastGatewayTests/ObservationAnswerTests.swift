#if Gateway
import Foundation
import Holdfast
import NIOCore
import NIOHTTP1
import NIOPosix
import TestSupport
import Testing

@testable import HoldfastGateway

/// What operators are told of answers that are not good ones.
@Suite struct ObservationAnswerTests {
    /// Sends through a gateway, and returns the lines of its access log.
    ///
    /// - Parameters:
    ///   - port: That of another service, in place of the one that is given.
    ///   - count: How many requests the service has to have before the gateway ends.
    private func log(
        _ reply: TestService.Reply = .ok(), port: Int? = nil, until count: Int = 0,
        configure: (inout GatewayConfiguration) -> Void = { _ in }, _ send: (RunningGateway) async throws -> Void
    ) async throws -> [[String: Any]] {
        let path = FileManager.default.temporaryDirectory.appending(path: "holdfast-access-\(UUID()).log").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let service = try await TestService.start { _, _ in reply }
        try await withGateway(
            to: service,
            configure: { configuration in
                configuration.accessLog = AccessLogConfiguration()
                configuration.accessLog?.path = path
                configuration.accessLog?.sample = 1
                configuration.routes[0].retry.attempts = 1
                if let port {
                    configuration.services[0].endpoints = [.init(address: .init(host: "127.0.0.1", port: port))]
                }
                configure(&configuration)
            }
        ) { gateway in
            try await send(gateway)
            await service.requests(count)
        }
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        return try lines.map { try object(Array($0.utf8)) }
    }

    private func attempt(_ line: [String: Any]?) -> [String: Any]? {
        (line?["attempts"] as? [[String: Any]])?.first
    }

    @Test func `an answer that breaks off is told with its endpoint and the reason`() async throws {
        let lines = try await log(.breakOff([1, 2])) { gateway in
            _ = try? await gateway.get()
            // With a key nothing of it is out yet.
            try await expectEqual(gateway.post(key: "k").problem, "upstream-reset")
        }
        #expect(lines.map { $0["outcome"] as? String } == ["failed", "failed"])
        for line in lines {
            #expect((line["attempts"] as? [Any])?.count == 1)
            #expect(attempt(line)?["ended"] as? String == "broke off")
            #expect(attempt(line)?["status"] as? Int == 200)
            let reason = attempt(line)?["reason"] as? String
            #expect(reason == "the service closed the connection before the end of its answer")
            #expect((attempt(line)?["endpoint"] as? String)?.hasPrefix("127.0.0.1:") == true)
        }
    }

    @Test func `an answer that comes no further is told as such`() async throws {
        let service = try await WebSocketService.start("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
        let lines = try await log(
            port: service.port, configure: { $0.routes[0].streamTimeout = .seconds(1) }
        ) { _ = try? await $0.get() }
        let reason = attempt(lines.first)?["reason"] as? String ?? ""
        #expect(reason.hasPrefix("the service sent nothing of the answer for 1.0 seconds"), "\(lines)")
        await service.stop()
    }

    static let unreadable: [(answer: String, reason: String)] = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", "more than one length"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx", "both a transfer coding"),
        ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nx", "its length is not a number"),
        ("HTTP/1.1 200 OK\r\n folded\r\nContent-Length: 1\r\n\r\nx", "begins with a blank"),
        ("HTTP/2.0 200 OK\r\nContent-Length: 1\r\n\r\nx", "no version HTTP/1.x"),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
            "its transfer coding is not chunked, once"
        ),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nx", "its transfer coding is not chunked, once"),
        ("nonsense\r\n\r\n", "no version HTTP/1.x"),
        ("HTTP/1.1 099 What\r\nContent-Length: 1\r\n\r\nx", "its status is below 100"),
        ("HTTP/1.1 200 OK\r\nX: \(String(repeating: "x", count: 140_000))\r\n\r\n", "longer than is read"),
    ]

    @Test(arguments: unreadable)
    func `an answer that cannot be read is told apart from a connection that closed`(
        answer: String, reason: String
    ) async throws {
        let service = try await WebSocketService.start(answer)
        let lines = try await log(port: service.port) { gateway in
            for key in [nil, "k"] {
                let told = try await gateway.post(key: key)
                #expect(told.problem == "upstream-reset")
                #expect(told.text.contains("sent an answer that cannot be read\""), "\(told.text)")
            }
        }
        for line in lines {
            let detail = line["detail"] as? String ?? ""
            #expect(detail.contains("127.0.0.1:\(service.port) sent an answer that cannot be read: "), "\(detail)")
            #expect(detail.contains(reason), "\(detail)")
        }
        await service.stop()
    }

    @Test func `an answer that cannot be read to its end is told as such, once it is on its way`() async throws {
        let service = try await WebSocketService.start(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\nzz\r\n")
        let lines = try await log(port: service.port) { _ = try? await $0.get() }
        #expect(lines.first?["status"] as? Int == 200)
        let reason = attempt(lines.first)?["reason"] as? String
        #expect(reason == "the answer cannot be read: a chunk has no size")
        await service.stop()
    }

    @Test func `an answer with as long a field as is read passes`() async throws {
        let field = String(repeating: "x", count: 80 << 10)
        let service = try await WebSocketService.start("HTTP/1.1 200 OK\r\nX: \(field)\r\nContent-Length: 0\r\n\r\n")
        _ = try await log(port: service.port) { gateway in
            try await expectEqual(gateway.get().headers.first(name: "x")?.utf8.count, field.utf8.count)
        }
        await service.stop()
    }

    @Test func `an answer that its client does not take is told as such`() async throws {
        let large = TestService.Reply.answer(.ok, [:], [UInt8](repeating: 7, count: 32 << 20))
        var client: (any Channel)?
        // The gateway's end waits for the answer's, and the client reads nothing.
        let lines = try await log(large, until: 1, configure: { $0.clientTimeout = .seconds(1) }) {
            gateway in
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .channelOption(.autoRead, value: false)
                .connect(host: "127.0.0.1", port: gateway.port).get()
            try await channel.writeAndFlush(ByteBuffer(string: "GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
            client = channel
        }
        let reason = attempt(lines.first)?["reason"] as? String ?? ""
        #expect(reason.hasPrefix("the client took nothing of the answer for 1.0 seconds"), "\(lines)")
        try? await client?.close()
    }

    @Test func `an answer that its client leaves is told as such`() async throws {
        let service = try await WebSocketService.start("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
        let lines = try await log(port: service.port) { gateway in
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connect(host: "127.0.0.1", port: gateway.port) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                    }
                }
            try await channel.executeThenClose { inbound, outbound in
                try await outbound.write(ByteBuffer(string: "GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
                for try await _ in inbound { break }
            }
        }
        let reason = attempt(lines.first)?["reason"] as? String
        #expect(reason == "the client's connection ended before the answer did", "\(lines)")
        await service.stop()
    }

    @Test func `an answer of 5xx is told with its endpoint, and of a good one no attempt is told`() async throws {
        let lines = try await log(.status(.internalServerError)) { try await expectEqual($0.get().status, 500) }
        #expect(attempt(lines.first)?["status"] as? Int == 500)
        #expect((attempt(lines.first)?["endpoint"] as? String)?.hasPrefix("127.0.0.1:") == true)
        let good = try await log { try await expectEqual($0.get().status, 200) }
        #expect(good.count == 1 && attempt(good.first) == nil)
    }
}
#endif
