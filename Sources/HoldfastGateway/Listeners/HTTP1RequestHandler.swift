#if Gateway
import HoldfastHTTP
import NIOCore
import NIOHTTP1

/// The bytes of a client's connection of HTTP/1, as requests for the handler behind it.
final class HTTP1RequestHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = ByteBuffer

    /// How much is kept of what follows a request that asks to leave HTTP, until it has been answered.
    private static let unreadBound = 64 << 10

    private let headerLimit: Int
    private let downstream: DownstreamHandler
    private var reader: HTTP1RequestReader
    private var isReading = false
    private var hasFailed = false

    /// - Parameter downstream: The handler behind this one.
    init(headerLimit: Int, downstream: DownstreamHandler) {
        self.headerLimit = headerLimit
        self.downstream = downstream
        reader = HTTP1RequestReader(headLimit: headerLimit)
    }

    /// What was not read as a request, for whoever takes the connection over.
    func takeUnread() -> ByteBuffer? { reader.takeUnread() }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        guard !hasFailed else { return downstream.receivedUnreadable(bytes.readableBytes) }
        reader.append(bytes)
        // A part that is handed on may lead back here.
        guard !isReading else { return }
        isReading = true
        defer { isReading = false }
        do throws(HTTP1Error) {
            while let part = try reader.next() {
                switch part {
                case .head(let head): context.fireChannelRead(wrapInboundOut(.head(head)))
                case .body(let body): context.fireChannelRead(wrapInboundOut(.body(body)))
                case .end: context.fireChannelRead(wrapInboundOut(.end(nil)))
                }
            }
            reader.settle()
            downstream.nextRequest(hasBegun: reader.isInHead)
        } catch {
            hasFailed = true
            let rest = reader.takeUnread()?.readableBytes ?? 0
            downstream.requestIsUnreadable(problem(error), rest)
        }
    }

    private func problem(_ error: HTTP1Error) -> Problem {
        switch error {
        case .tooLarge: .headersTooLarge(limit: headerLimit)
        // RFC 9112, section 3.
        case .lineTooLong: Problem(.targetTooLong, "at most \(headerLimit) bytes of a request's target are read")
        case .malformed(let words): Problem(.badRequest, "the request cannot be read: \(words)")
        }
    }

    func read(context: ChannelHandlerContext) {
        // Whoever takes the connection over begins to read again, and otherwise it ends with the answer.
        if !reader.isOver || reader.unread <= Self.unreadBound { context.read() }
    }
}

extension Problem {
    /// - Parameter limit: In bytes.
    static func headersTooLarge(limit: Int) -> Problem {
        Problem(.headersTooLarge, "at most \(limit) bytes of header fields are read")
    }
}
#endif
