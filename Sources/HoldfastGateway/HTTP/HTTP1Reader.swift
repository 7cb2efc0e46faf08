#if Gateway
import NIOCore
import NIOHTTP1

/// Reads requests from the bytes of a client's connection (RFC 9112), one after another.
///
/// A machine: it holds bytes, and no channel. Whoever feeds it asks for the next part until there is none.
struct HTTP1RequestReader {
    enum Part {
        case head(HTTPRequestHead)
        case body(ByteBuffer)
        case end
    }

    private enum State {
        case head
        case body(HTTP1Body)
        /// What follows is not read as HTTP.
        case over
    }

    /// A head is as long as its fields, and its line, whose target counts with them.
    private static let lineRoom = 1_024

    private let headLimit: Int
    private var input = HTTP1Input()
    private var state = State.head
    private var isLast = false

    /// - Parameter headLimit: How many bytes of header fields are read.
    init(headLimit: Int) { self.headLimit = headLimit + Self.lineRoom }

    /// Whether nothing that comes is read as a request any longer.
    var isOver: Bool { if case .over = state { true } else { false } }
    /// How many bytes are kept unread.
    var unread: Int { input.count }
    /// Whether a head has begun to come, and is not whole.
    var isInHead: Bool { if case .head = state { !input.isEmpty } else { false } }

    mutating func append(_ bytes: ByteBuffer) { input.append(bytes) }
    mutating func settle() { input.settle() }
    mutating func takeUnread() -> ByteBuffer? { input.takeAll() }

    /// The next part; nil when more has to come.
    ///
    /// - Throws: ``HTTP1Error`` for what is no request. Nothing is read after it.
    mutating func next() throws(HTTP1Error) -> Part? {
        do throws(HTTP1Error) {
            return try read()
        } catch {
            state = .over
            throw error
        }
    }

    private mutating func read() throws(HTTP1Error) -> Part? {
        switch state {
        case .over: return nil
        case .head:
            guard skipEmptyLines() else { return nil }
            guard let read = try readHead() else { return nil }
            if case .contradictory(let words) = read.framing.length { throw .malformed(words) }
            // What follows a request that asks to leave HTTP may be something else already (RFC 9110, section 7.8).
            isLast = read.framing.hasUpgrade
            state = .body(HTTP1Body(read.framing.length, trailerLimit: headLimit))
            return .head(read.head)
        case .body(var body):
            let part = try body.next(&input)
            switch part {
            case .piece(let piece):
                state = .body(body)
                return .body(piece)
            case .more:
                state = .body(body)
                return nil
            case .end:
                state = isLast ? .over : .head
                return .end
            }
        }
    }

    private mutating func readHead() throws(HTTP1Error) -> HTTP1Head.Read<HTTPRequestHead>? {
        do throws(HTTP1Error) {
            return try input.block(limit: headLimit) { bytes throws(HTTP1Stop) in
                let read = try HTTP1Head.request(bytes)
                return (read, read.count)
            }
        } catch .tooLarge where !input.withBytes({ $0.prefix(headLimit).contains(HTTP1Lines.lf) }) {
            throw .lineTooLong
        }
    }

    /// Empty lines in front of a request come from old clients, and are read over (section 2.2).
    ///
    /// - Returns: Whether something else may have begun.
    private mutating func skipEmptyLines() -> Bool {
        let (count, isHalf) = input.withBytes { bytes in
            var position = 0
            while position + 1 < bytes.count, bytes[position] == HTTP1Lines.cr, bytes[position + 1] == HTTP1Lines.lf {
                position += 2
            }
            return (position, bytes.count == position + 1 && bytes[position] == HTTP1Lines.cr)
        }
        if count > 0 { input.skip(count) }
        return !isHalf
    }
}

/// Reads what a service says on a connection, of which one request at a time is awaited an answer.
struct HTTP1ResponseReader {
    enum Part {
        /// - Parameter persists: Whether the connection can serve another request after it.
        case head(HTTPResponseHead, persists: Bool)
        case body(ByteBuffer)
        case end
    }

    private enum State {
        /// Nobody has asked.
        case idle
        case head
        case body(HTTP1Body)
        /// What follows is not HTTP, or cannot be read.
        case over
    }

    /// The longest head of a response, in bytes: Envoy reads 60 KiB of one, nginx as a rule 4 or 8.
    static let headLimit = 128 << 10

    private var input = HTTP1Input()
    private var state = State.idle
    private var method = HTTPMethod.GET
    /// Whether what follows the head is not HTTP.
    private var isSwitch = false

    /// Whether there are bytes that belong to no answer that was read.
    var hasUnread: Bool { !input.isEmpty }
    /// Whether the answer that is being read ends with the connection.
    var endsWithConnection: Bool { if case .body(let body) = state { body.endsWithConnection } else { false } }

    /// A request is sent, with this method.
    mutating func expect(_ method: HTTPMethod) {
        isSwitch = false
        self.method = method
        state = .head
    }

    mutating func append(_ bytes: ByteBuffer) { input.append(bytes) }
    mutating func settle() { input.settle() }
    mutating func takeUnread() -> ByteBuffer? { input.takeAll() }

    /// The next part; nil when more has to come.
    ///
    /// - Throws: ``HTTP1Error`` for what is no answer, or one that nobody asked for. Nothing is read after it.
    mutating func next() throws(HTTP1Error) -> Part? {
        do throws(HTTP1Error) {
            return try read()
        } catch {
            state = .over
            throw error
        }
    }

    private mutating func read() throws(HTTP1Error) -> Part? {
        switch state {
        case .over: return nil
        case .idle:
            guard input.isEmpty else { throw .malformed("it has sent what nobody asked for") }
            return nil
        case .head:
            let read = try input.block(limit: Self.headLimit) { bytes throws(HTTP1Stop) in
                let read = try HTTP1Head.response(bytes)
                return (read, read.count)
            }
            guard let read else { return nil }
            if case .contradictory(let words) = read.framing.length { throw .malformed(words) }
            begin(read)
            return .head(read.head, persists: read.framing.persists(minor: read.head.version.minor))
        case .body(var body):
            let part = try body.next(&input)
            switch part {
            case .piece(let piece):
                state = .body(body)
                return .body(piece)
            case .more:
                state = .body(body)
                return nil
            case .end:
                state = isSwitch ? .over : .idle
                return .end
            }
        }
    }

    private mutating func begin(_ read: HTTP1Head.Read<HTTPResponseHead>) {
        let status = read.head.status
        // Another answer follows.
        if read.head.isInformational { return }
        isSwitch = status == .switchingProtocols
        // Whatever is said of its length (section 6.3, rules 1 and 2).
        let isBodiless = method == .HEAD || status.code < 200 || status == .noContent || status == .notModified
        let length: HTTP1Framing.Length? =
            if isBodiless { HTTP1Framing.Length.none } else {
                read.framing.length == .none ? nil : read.framing.length
            }
        state = .body(HTTP1Body(length, trailerLimit: Self.headLimit))
    }
}
#endif
