#if Gateway
import NIOCore

/// Decides whether a client takes what it is answered: something of what waits for it must go within each limit, however
/// little. A client that reads slowly and steadily goes on for as long as it likes.
///
/// How much waits is looked at now and then, because to be told of each byte that goes would cost every answer. So a
/// client that has stopped is found out at most a look later.
struct AnswerPaceMachine {
    enum Verdict: Equatable {
        case goesOn
        case stuck
    }

    /// How many looks a limit has.
    static let looks: Int64 = 4

    private let limit: TimeAmount
    /// When something went last, as far as it was seen.
    private var since: NIODeadline
    private var lastLook: NIODeadline
    private var waiting: Int

    /// - Parameter waiting: How many bytes wait for the client.
    init(_ limit: TimeAmount, waiting: Int, at now: NIODeadline) {
        self.limit = limit
        self.waiting = waiting
        (since, lastLook) = (now, now)
    }

    /// When to look again.
    var deadline: NIODeadline {
        min(since + limit, lastLook + max(.nanoseconds(1), .nanoseconds(limit.nanoseconds / Self.looks)))
    }

    /// - Parameter waiting: How many bytes wait now. More of them than before say nothing.
    mutating func look(waiting: Int, at now: NIODeadline) -> Verdict {
        if waiting < self.waiting { since = now }
        self.waiting = waiting
        lastLook = now
        return now >= since + limit ? .stuck : .goesOn
    }
}
#endif
