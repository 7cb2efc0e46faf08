#if Gateway
import NIOCore

/// How long a connection to the control plane may take for what it does, and how much it may send.
struct AdminTimes {
    /// For a request's head, from the connection's beginning or the answer before.
    static let head = TimeAmount.seconds(10)
    /// For a request as a whole, from its head to its end.
    static let request = TimeAmount.seconds(30)
    /// Between two requests: longer than the minute that metrics are scraped in.
    static let idle = TimeAmount.seconds(75)
    /// For a client that takes nothing of its answer.
    static let stalled = TimeAmount.seconds(30)
    /// For the rest of an answer to a client that has closed its side: a page that was left must not keep its place until
    /// the next words of a stream find that out.
    static let left = TimeAmount.seconds(1)
    /// The most bytes of a body: what an order to settle a key may have, and some.
    static let body = 4 << 20

    enum Limit: Equatable {
        case none
        case within(TimeAmount)
        /// It has sent too much.
        case over
    }

    enum Event {
        case head
        case body(Int)
        case end
        /// The answer's end.
        case answered
        /// Whether the client takes what it is sent.
        case writable(Bool)
        /// The client has closed its side.
        case left
    }

    private var isReceiving = false
    private var received = 0
    /// Requests that have begun and are not answered.
    private var open = 0
    private var isWritable = true
    private var isNew = true
    private var hasLeft = false

    /// The limit from now on; nil when the one before goes on.
    mutating func took(_ event: Event) -> Limit? {
        switch event {
        case .left:
            hasLeft = true
        // The time goes on that it has for the rest.
        case _ where hasLeft:
            return nil
        case .head:
            (isReceiving, isNew, received) = (true, false, 0)
            open += 1
        case .body(let bytes):
            received += bytes
            // A body does not gain time by coming.
            return received > Self.body ? .over : nil
        case .end:
            isReceiving = false
        case .answered:
            open = max(0, open - 1)
            // The request's own time goes on.
            if isReceiving { return nil }
        case .writable(let isWritable):
            self.isWritable = isWritable
        }
        return limit
    }

    var limit: Limit {
        if hasLeft { return .within(Self.left) }
        if !isWritable { return .within(Self.stalled) }
        if isReceiving { return .within(Self.request) }
        // An answer takes as long as it takes: a stream of events has no end.
        if open > 0 { return .none }
        return .within(isNew ? Self.head : Self.idle)
    }
}
#endif
