#if Gateway
import Foundation
import HoldfastGateway
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// For many bytes: an expectation that shows where two arrays differ takes longer than any test should.
func isSame(_ one: [UInt8], _ other: [UInt8]) -> Bool { one == other }

/// A client that sends just what it is told.
enum TestClient {
    struct Answer: Sendable {
        let status: Int
        let headers: HTTPHeaders
        let body: [UInt8]

        var text: String { String(decoding: body, as: UTF8.self) }
        var problem: String? {
            text.firstMatch(of: /urn:holdfast:problem:([a-z-]+)/).map { String($0.1) }
        }
        var isReplay: Bool { headers.first(name: "idempotent-replayed") == "true" }
    }

    struct NoAnswer: Error {}

    /// Sends one request on a connection of its own.
    ///
    /// - Parameters:
    ///   - tls: What the connection is encrypted with, if it is.
    ///   - header: What is sent before that.
    static func send(
        _ method: HTTPMethod, _ uri: String, to port: Int, headers: HTTPHeaders = [:], body: [UInt8] = [],
        over tls: NIOSSLContext? = nil, after header: [UInt8] = []
    ) async throws -> Answer {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    if !header.isEmpty { try channel.pipeline.syncOperations.addHandler(HeaderFirst(header)) }
                    if let tls {
                        try channel.pipeline.syncOperations.addHandler(
                            NIOSSLClientHandler(context: tls, serverHostname: "localhost"))
                    }
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    return try NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>(
                        wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            var headers = headers
            if !headers.contains(name: "host") { headers.add(name: "host", value: "127.0.0.1:\(port)") }
            if !body.isEmpty || method == .POST { headers.add(name: "content-length", value: "\(body.count)") }
            do {
                try await outbound.write(.head(.init(version: .http1_1, method: method, uri: uri, headers: headers)))
                if !body.isEmpty { try await outbound.write(.body(.byteBuffer(ByteBuffer(bytes: body)))) }
                try await outbound.write(.end(nil))
            } catch is ChannelError {
                // The answer may come before the request is out, and close the connection.
            }
            var head: HTTPResponseHead?
            var bytes: [UInt8] = []
            for try await part in inbound {
                switch part {
                case .head(let received): head = received
                case .body(let buffer): bytes.append(contentsOf: buffer.readableBytesView)
                case .end:
                    guard let head else { throw NoAnswer() }
                    return Answer(status: Int(head.status.code), headers: head.headers, body: bytes)
                }
            }
            throw NoAnswer()
        }
    }

    /// Sends some bytes before all others.
    private final class HeaderFirst: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let header: [UInt8]

        init(_ header: [UInt8]) { self.header = header }

        func channelActive(context: ChannelHandlerContext) {
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: header)), promise: nil)
            context.fireChannelActive()
        }
    }

    /// Sends bytes as they are, and returns all that comes back until the other side closes.
    static func raw(_ text: String, to port: Int) async throws -> String {
        String(decoding: try await raw(Array(text.utf8), to: port), as: UTF8.self)
    }

    /// The same, with bytes.
    ///
    /// - Parameters:
    ///   - isHalfClosing: Whether the other side is told that no more comes, once it has said something.
    ///   - isResetTold: Whether a connection that ends with a reset is an error.
    static func raw(
        _ bytes: [UInt8], to port: Int, isHalfClosing: Bool = false, isResetTold: Bool = false
    ) async throws -> [UInt8] {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                        wrappingChannelSynchronously: channel,
                        configuration: .init(isOutboundHalfClosureEnabled: isHalfClosing))
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            var received: [UInt8] = []
            do {
                try await outbound.write(ByteBuffer(bytes: bytes))
                for try await buffer in inbound {
                    received += Array(buffer.readableBytesView)
                    if isHalfClosing { outbound.finish() }
                }
            } catch let error as IOError {
                if isResetTold { throw error }
                // A reset ends it as well as a close does.
            } catch is ChannelError {
                // So does a close that came before everything was sent.
            }
            return received
        }
    }
}
#endif
