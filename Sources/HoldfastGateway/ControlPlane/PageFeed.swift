#if Gateway
import Foundation
import HoldfastHTTP

/// Decides what a page is told, and when: the whole at first, and then what changed, within a bound.
///
/// A page costs at most ``bytesPerSecond``, whatever the configuration and the load. Changes of a breaker's state go out as
/// they happen, up to ``flushesPerSecond``; all else waits for the second's end. What does not fit waits for its turn.
struct PageFeed {
    /// What one page may be sent, on average. What is beyond is paid back before more is told.
    static let bytesPerSecond = 4_096
    /// What may be sent at once after a quiet time.
    static let burst = 8_192
    /// How often in a second a change is told as it happens.
    static let flushesPerSecond = 4
    /// The most transitions that wait to be told. Those beyond are counted; the log has the latest 100.
    static let transitionBound = 10

    /// What there is to tell.
    struct Sight {
        let state: GatewayState
        let plan: PlanWords
        let trends: TrendKeeper
    }

    struct Message: Equatable {
        let event: String
        let data: [UInt8]

        /// As server-sent events have it. JSON has no line's end in it.
        var bytes: [UInt8] { Array("event: \(event)\ndata: ".utf8) + data + Array("\n\n".utf8) }
    }

    private var delta: StateDelta
    private var plan: PlanWords
    private var allowance = PageFeed.burst
    private var flushes = 0
    private var trend: Int
    private var waiting: [TransitionLog.Entry] = []
    private var missed = 0

    /// - Returns: The feed, and what the page is told as a whole.
    static func begin(
        _ sight: Sight, transitions: [TransitionLog.Entry]
    ) throws -> (feed: PageFeed, messages: [Message]) {
        let feed = PageFeed(
            delta: StateDelta(told: StateRows(sight.state)), plan: sight.plan, trend: sight.trends.number)
        return (feed, try whole(sight) + [message("transitions", transitions)])
    }

    private init(delta: StateDelta, plan: PlanWords, trend: Int) {
        (self.delta, self.plan, self.trend) = (delta, plan, trend)
    }

    private static func whole(_ sight: Sight) throws -> [Message] {
        [try message("plan", sight.plan), try message("state", sight.state)]
    }

    private static func message(_ event: String, _ value: some Encodable) throws -> Message {
        Message(event: event, data: Array(try JSONEncoder().encode(value)))
    }

    /// A breaker changed its state.
    ///
    /// - Returns: Whether to ``tell(_:)`` at once.
    mutating func hear(_ entry: TransitionLog.Entry) -> Bool {
        if waiting.count == Self.transitionBound {
            waiting.removeFirst()
            missed += 1
        }
        waiting.append(entry)
        guard flushes < Self.flushesPerSecond, allowance > 0 else { return false }
        flushes += 1
        return true
    }

    /// A second is over.
    mutating func tick() {
        allowance = min(allowance + Self.bytesPerSecond, Self.burst)
        flushes = 0
    }

    /// - Parameter urgentOnly: Tells what brooks no delay; the rest waits for the second's end.
    /// - Returns: What is told now.
    mutating func tell(_ sight: Sight, urgentOnly: Bool = false) throws -> [Message] {
        guard allowance > 0 else { return [] }
        var messages: [Message] = []
        let rows = StateRows(sight.state)
        let isNew = sight.plan != plan || delta.isOver(rows)
        if isNew {
            (plan, delta, trend) = (sight.plan, StateDelta(told: rows), sight.trends.number)
            messages += try Self.whole(sight)
        }
        if !waiting.isEmpty {
            messages.append(try Self.message("transition", Transitions(entries: waiting, missed: missed)))
            (waiting, missed) = ([], 0)
        }
        if !isNew {
            if !urgentOnly, let told = latestTrend(sight) { messages.append(told) }
            let spent = messages.reduce(0) { $0 + $1.bytes.count }
            if let changes = delta.next(rows, atMost: max(1, allowance - spent), urgentOnly: urgentOnly) {
                messages.append(Message(event: "change", data: changes))
            }
        }
        allowance -= messages.reduce(0) { $0 + $1.bytes.count }
        return messages
    }

    /// The latest sample of each row's trend, if it is new.
    private mutating func latestTrend(_ sight: Sight) -> Message? {
        guard sight.trends.number > trend else { return nil }
        let trends = sight.trends.current
        trend = trends.number
        var subjects: [(row: String, subject: Trends.Subject)] = [("g", .all)]
        for (place, service) in sight.state.services.enumerated() {
            subjects.append(("s\(place)", .service(service.name)))
        }
        for (place, route) in sight.state.routes.enumerated() { subjects.append(("r\(place)", .route(route.name))) }
        var json = JSONText()
        json.object { json in
            json.member("number", trend)
            guard trends.latest(of: .all) != nil else { return json.member("missing", true) }
            json.name("rows")
            json.object { json in
                for (row, subject) in subjects {
                    guard let values = trends.latest(of: subject), !values.isEmpty else { continue }
                    json.string(row)
                    json.raw(":")
                    json.object { json in
                        for value in values {
                            json.string(value.series)
                            json.raw(":\(value.value)")
                        }
                    }
                }
            }
        }
        return Message(event: "trend", data: json.bytes)
    }

    private struct Transitions: Encodable {
        let entries: [TransitionLog.Entry]
        let missed: Int
    }
}
#endif
