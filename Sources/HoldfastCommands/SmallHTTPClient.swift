#if Gateway
import HoldfastGateway
import NIOCore
import NIOHTTP1
import NIOPosix

/// Sends one request on a connection of its own: for the command line, and for the page's button.
enum SmallHTTPClient {
    struct Answer: Sendable {
        let status: Int
        let body: [UInt8]
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// - Parameter token: Who asks, for the control plane.
    /// - Throws: When there is no answer within half a minute, or a larger one than 16 MiB.
    static func send(
        _ method: HTTPMethod, _ uri: String, to address: GatewayConfiguration.Address, token: String? = nil,
        body: [UInt8] = []
    ) async throws -> Answer {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(.seconds(5))
            .connect(host: address.host, port: address.port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    // An answer that does not come would hold the command for ever.
                    channel.eventLoop.scheduleTask(in: .seconds(30)) { channel.close(promise: nil) }
                    return try NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>(
                        wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            var headers = HTTPHeaders([("host", "\(address)"), ("connection", "close")])
            if let token { headers.add(name: "authorization", value: "Bearer \(token)") }
            if !body.isEmpty { headers.add(name: "content-length", value: "\(body.count)") }
            // At once: a server may answer a request without a body, and close, when it has the head.
            var parts: [HTTPClientRequestPart] = [
                .head(HTTPRequestHead(version: .http1_1, method: method, uri: uri, headers: headers))
            ]
            if !body.isEmpty { parts.append(.body(.byteBuffer(ByteBuffer(bytes: body)))) }
            try await outbound.write(contentsOf: parts + [.end(nil)])
            var status = 0
            var bytes: [UInt8] = []
            for try await part in inbound {
                switch part {
                case .head(let head): status = Int(head.status.code)
                case .body(let buffer):
                    bytes.append(contentsOf: buffer.readableBytesView)
                    guard bytes.count <= 16 << 20 else { throw Failure(description: "\(address) answers too much") }
                case .end: return Answer(status: status, body: bytes)
                }
            }
            throw Failure(description: "\(address) did not answer")
        }
    }
}
#endif
