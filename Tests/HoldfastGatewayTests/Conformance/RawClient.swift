#if Gateway
import NIOCore
import NIOPosix

/// A client that sends bytes when it is time to, and leaves whenever it wants.
enum RawClient {
    /// Sends bytes, and leaves.
    static func sendAndLeave(_ text: String, to port: Int) async throws {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port).get()
        try await channel.writeAndFlush(ByteBuffer(string: text))
        try? await channel.close()
    }

    /// Sends one text after another, each when what was awaited has come, and returns all that came until that of the last.
    ///
    /// - Parameter steps: What is sent, and what is awaited behind what came for the step before; nil is the other side's
    ///   end.
    static func converse(_ steps: [(send: String, until: String?)], with port: Int) async throws -> String {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            var (received, read) = ("", "")
            var pieces = inbound.makeAsyncIterator()
            for (send, until) in steps {
                read = ""
                try await outbound.write(ByteBuffer(string: send))
                while until.map({ !read.contains($0) }) ?? true {
                    guard let piece = try await pieces.next() else { return received + read }
                    read += String(buffer: piece)
                }
                received += read
            }
            return received
        }
    }
}
#endif
