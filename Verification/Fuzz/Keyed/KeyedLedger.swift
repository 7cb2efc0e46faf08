#if Gateway && (FUZZ || DEBUG)
import Holdfast
import HoldfastHTTP
@testable import HoldfastGateway
import HoldfastIdempotency

/// An account of its own of what was sent under each key, what the service said to it, and what the store recorded: what
/// a gateway does with keys is judged by it, and by nothing that the gateway says of itself.
final class KeyedLedger {
    struct Rules {
        let idempotency: RouteConfiguration.Idempotency
        let settle: Duration
        /// How often one claim may be sent where the service knows keys.
        let attempts: Int
    }

    /// What the service was sent.
    struct Send {
        let link: HeldConnection
        /// Which one on its connection.
        let number: Int
        let at: MonotonicInstant
        let request: StrictReader.Message
        let record: RecordID?
        /// Whether it asks what became of the record.
        let isQuestion: Bool
    }

    struct Outcome {
        let fence: Int64
        let payload: [UInt8]?
        let at: MonotonicInstant
        /// Whether whoever executed it has recorded it, and not somebody who found out.
        let isOwn: Bool
    }

    private let rules: Rules
    private let secret: StoreSecret
    private let clock: LoopClock
    private(set) var sends: [Send] = []
    private(set) var grants: [RecordID: Set<Int64>] = [:]
    /// When each claim was granted.
    private var granted: [Int64: MonotonicInstant] = [:]
    /// When a connection to the service ended last: what was about to be sent on it then may not be seen here.
    var linkEnded: MonotonicInstant?
    private(set) var outcomes: [RecordID: [Outcome]] = [:]
    /// The claims that nobody has ended, by their records.
    private(set) var open: [RecordID: Int64] = [:]
    private var releases: [RecordID: [MonotonicInstant]] = [:]
    private var resolutions: [RecordID: [MonotonicInstant]] = [:]
    /// How many outcomes there were before the step that is being looked at.
    private var former: [RecordID: Int] = [:]
    private var asked: [String: StrictReader.Message] = [:]
    private var counts: [ObjectIdentifier: Int] = [:]
    private var recordIDs: [String: RecordID] = [:]
    /// The connections on which the service has said what may be read in more than one way.
    private var wild: Set<ObjectIdentifier> = []
    /// What did not hold when there was nobody to throw to.
    private(set) var violation: Violation?
    private(set) var replays = 0
    /// Whether the store has ever not answered.
    var hasStoreFailed = false
    /// Whether it tells what happens, a line each.
    var tells = false
    private(set) var story: [String] = []

    init(_ rules: Rules, secret: StoreSecret, clock: LoopClock) {
        self.rules = rules
        self.secret = secret
        self.clock = clock
    }

    /// A request that a client is about to send, under a name that nothing else has.
    func asks(_ request: StrictReader.Message) {
        for name in request.values("x-request") { asked[name] = request }
    }

    func isWild(_ link: HeldConnection) { wild.insert(ObjectIdentifier(link)) }

    func beginStep() { former = outcomes.mapValues(\.count) }

    private func note(_ body: () throws -> Void) {
        do { try body() } catch { violation = violation ?? error as? Violation ?? Violation("\(error)") }
    }

    func tell(_ line: @autoclosure () -> String) {
        if tells { story.append("\(clock.now.nanoseconds / 1_000_000) ms: \(line())") }
    }

    // MARK: The store

    /// A command was carried out.
    func stored(_ command: ClaimCommand, _ reply: ClaimReply) {
        tell("the store: \(command.id) \(command.action.word): \(reply)")
        let (id, now) = (command.id, clock.now)
        if reply == .done, let fence = command.action.ended, open[id] == fence { open[id] = nil }
        switch (command.action, reply) {
        case (.claim, .claimed(let fence)):
            grants[id, default: []].insert(fence)
            open[id] = fence
            granted[fence] = now
        case (.complete(let fence, let payload, _), .done):
            // The same may be written again, and at last without its payload: what is there stays.
            guard outcomes[id]?.last?.fence != fence else { return }
            outcomes[id, default: []].append(Outcome(fence: fence, payload: payload, at: now, isOwn: true))
            if let payload { note { try checkRecorded(payload, of: id) } }
        case (.abandon(let fence), .done):
            guard linkEnded != now, let since = granted[fence] else { return }
            note {
                let isSent = sends.contains { $0.record == id && $0.at >= since }
                try expect(isSent, "nothing was sent, and the key is unknown")
            }
        case (.release, .done): releases[id, default: []].append(now)
        case (.resolve(let fence, .completed(let payload), _, _, _), .done):
            outcomes[id, default: []].append(Outcome(fence: fence, payload: payload, at: now, isOwn: false))
            if let payload { note { try checkRecorded(payload, of: id) } }
        case (.resolve(_, .released, _, _, _), .done): resolutions[id, default: []].append(now)
        default: break
        }
    }

    /// What is recorded is what the service has said, whole, to a request of this key or to a question about it.
    private func checkRecorded(_ payload: [UInt8], of id: RecordID) throws {
        guard let response = RecordedResponse(encoded: payload) else {
            throw Violation("what is recorded cannot be read")
        }
        guard wild.isEmpty else { return }
        let isSaid = sends.contains { send in
            guard send.record == id, let answer = answer(to: send) else { return false }
            return answer.isWhole && answer.status == response.status && answer.body == response.body
        }
        try expect(isSaid, "a \(response.status) is recorded that the service has not said under this key")
    }

    // MARK: The service

    /// Something was sent on a connection to the service.
    func sent(on link: HeldConnection) {
        note {
            let reader = StrictReader.requests(link.sent)
            if case .invalid(let why) = reader.stop { throw Violation("the service gets \(why)") }
            let known = counts[ObjectIdentifier(link)] ?? 0
            counts[ObjectIdentifier(link)] = reader.messages.count
            for (number, request) in reader.messages.enumerated().dropFirst(known) {
                let name = request.values("x-request").first
                let isQuestion = request.method == "GET" && request.target.hasPrefix(Self.questions)
                let keyed = isQuestion ? name.flatMap { asked[$0] } : request
                let record = keyed.flatMap { self.record(of: $0) }
                let send = Send(
                    link: link, number: number, at: clock.now, request: request, record: record, isQuestion: isQuestion)
                tell("sent: \(request.method) \(request.target), \(name ?? "nobody")'s")
                try check(send)
                sends.append(send)
            }
        }
    }

    static let questions = "/asked/"

    private func check(_ send: Send) throws {
        guard let id = send.record, !send.isQuestion else { return }
        let (now, retention) = (clock.now, rules.idempotency.retention)
        let granted = grants[id]?.count ?? 0
        let earlier = sends.filter { $0.record == id && !$0.isQuestion }
        let bound = rules.idempotency.isHonouredByService ? granted * rules.attempts : granted
        try expect(earlier.count < bound, "sent \(earlier.count + 1) times under \(granted) claims")
        if let last = outcomes[id]?.last, now < last.at.advanced(by: retention),
            !(resolutions[id] ?? []).contains(where: { $0 > last.at })
        {
            throw Violation("sent again after its outcome was recorded")
        }
        guard !rules.idempotency.isHonouredByService else { return }
        for former in earlier where !mayRepeat(former, at: now) {
            throw Violation("sent again, though the first may have had its effect")
        }
    }

    /// Whether something says that what was sent had no effect, or that the policy of the route takes it upon itself.
    private func mayRepeat(_ send: Send, at now: MonotonicInstant) -> Bool {
        guard let id = send.record else { return true }
        if wild.contains(ObjectIdentifier(send.link)) || rules.idempotency.unknown == .rerun { return true }
        if now >= send.at.advanced(by: rules.idempotency.retention) { return true }
        if resolutions[id]?.contains(where: { $0 >= send.at }) == true { return true }
        if let answer = answer(to: send), answer.isWhole, isReleased(answer) { return true }
        // A question that was answered by 404, and not earlier than whatever was sent has had its time.
        return now >= send.at.advanced(by: rules.settle)
            && sends.contains { question in
                guard question.isQuestion, question.record == id, question.at >= send.at else { return false }
                return wild.contains(ObjectIdentifier(question.link)) || answer(to: question)?.status == 404
            }
    }

    private func isReleased(_ answer: StrictReader.Message) -> Bool { disposition(of: answer) == .release }

    private func disposition(of answer: StrictReader.Message) -> OutcomeProfile.Disposition {
        rules.idempotency.disposition(
            status: answer.status, hasRetryAfter: !answer.values("retry-after").isEmpty)
    }

    /// What the service has said to it, as far as the gateway has read it.
    func answer(to send: Send) -> StrictReader.Message? {
        let methods = StrictReader.requests(send.link.sent).messages.map(\.method)
        let finals = StrictReader.responses(send.link.read, to: methods).messages.filter { $0.status >= 200 }
        guard send.number < finals.count else { return nil }
        var answer = finals[send.number]
        // Without a length, it is whole when the connection has ended.
        if answer.endsWithConnection { answer.isWhole = send.link.hasEnded }
        return answer
    }

    // MARK: The client

    /// Looks at one answer that a client has got, or at what it has got of it so far.
    func check(_ answer: StrictReader.Message, to request: StrictReader.Message) throws {
        tell("\(request.values("x-request").first ?? "somebody") gets \(answer.status), \(answer.body.count) bytes")
        let id = record(of: request)
        if answer.values("idempotent-replayed") == ["true"] {
            guard let id, request.isWhole else { throw Violation("a replay to a request without a key") }
            return try checkReplay(answer, to: request, id)
        }
        if answer.values("content-type") == ["application/problem+json"] { return }
        guard wild.isEmpty, let name = request.values("x-request").first else { return }
        let own = sends.filter { !$0.isQuestion && $0.request.values("x-request").first == name }
        let isOwn = own.contains { send in
            guard let said = self.answer(to: send), said.status == answer.status else { return false }
            guard answer.isWhole, !answer.endsWithConnection else { return said.body.starts(with: answer.body) }
            return said.isWhole && said.body == answer.body
        }
        try expect(isOwn, "a client gets a \(answer.status) that the service has not said to its request")
        // That nothing was done is told even where the store does not take the claim back: the key stays unusable then.
        // What says that somebody did not get an answer is told as it is, and its key is unknown.
        let disposition = disposition(of: answer)
        guard let id, let first = own.first?.at, disposition != .unknown, !hasStoreFailed || disposition != .release
        else { return }
        let isKept = outcomes[id]?.contains { $0.at >= first } == true
        try expect(
            isKept || releases[id]?.contains { $0 >= first } == true,
            "a client gets an answer under a key, and nothing is recorded")
    }

    private func checkReplay(
        _ answer: StrictReader.Message, to request: StrictReader.Message, _ id: RecordID
    ) throws {
        replays += 1
        let all = outcomes[id] ?? []
        // Several may have been recorded since the client was looked at.
        let latest = all.dropFirst(max(0, (former[id] ?? 0) - 1))
        let isRecorded = latest.contains { outcome in
            guard let recorded = outcome.payload.flatMap({ RecordedResponse(encoded: $0) }) else { return false }
            let isBody = answer.isWhole ? recorded.body == answer.body : recorded.body.starts(with: answer.body)
            return recorded.status == answer.status && isBody
                && recorded.fields.allSatisfy { answer.values($0.name.lowercased()).contains($0.value) }
        }
        try expect(isRecorded, "a replay that is not the outcome that was recorded")
        guard wild.isEmpty else { return }
        let isOfSame = sends.contains { send in
            guard send.record == id, let said = self.answer(to: send) else { return false }
            return said.status == answer.status && said.body.starts(with: answer.body)
                && (send.isQuestion || send.request.saysTheSame(as: request))
        }
        try expect(isOfSame, "a replay of what was said to another request")
        try expect(answer.values("set-cookie").isEmpty, "a replay with a cookie")
    }

    /// Whether a request waits for what is known: its outcome was recorded longer ago than another gateway asks again.
    func isForgotten(_ request: StrictReader.Message) -> Bool {
        guard !hasStoreFailed, request.isWhole, let last = record(of: request).flatMap({ outcomes[$0] })?.last else {
            return false
        }
        // What is forgotten is executed anew. What an operator decides is not told to whoever asks the service meanwhile.
        return last.isOwn && last.at.advanced(by: .milliseconds(1_100)) < clock.now
            && clock.now < last.at.advanced(by: rules.idempotency.retention)
    }

    /// The record of a request's key; nil without one.
    private func record(of request: StrictReader.Message) -> RecordID? {
        let keys = request.values("idempotency-key")
        guard rules.idempotency.keyedMethods.contains(request.method), keys.count == 1,
            let key = try? IdempotencyKey(fieldValue: keys[0])
        else { return nil }
        guard let asked = request.asked, let operation = Operation(read: asked) else { return nil }
        let callers = request.values("authorization")
        let name = "\(callers) \(operation) \(key)"
        if let known = recordIDs[name] { return known }
        let scope = Scope(
            caller: secret.caller(CallerFields(callers.map { ("authorization", $0) })),
            operation: operation.description)
        let id = secret.recordID(of: key, in: scope)
        recordIDs[name] = id
        return id
    }

    /// Some record that is known, and its latest fence.
    func latestGrant(of number: Int) -> (id: RecordID, fence: Int64)? {
        let known = sends.filter { !$0.isQuestion }.compactMap(\.record)
        guard !known.isEmpty, let fence = grants[known[number % known.count]]?.max() else { return nil }
        return (known[number % known.count], fence)
    }
}

extension ClaimCommand.Action {
    /// The fence of the claim that it ends.
    fileprivate var ended: Int64? {
        switch self {
        case .complete(let fence, _, _), .release(let fence), .abandon(let fence), .resolve(let fence, _, _, _, _):
            fence
        case .claim, .look, .renew, .purge: nil
        }
    }

    fileprivate var word: String {
        switch self {
        case .claim: "claim"
        case .look: "look"
        case .renew: "renew"
        case .complete(let fence, _, _): "complete \(fence)"
        case .release(let fence): "release \(fence)"
        case .abandon(let fence): "abandon \(fence)"
        case .resolve(let fence, _, _, _, _): "resolve \(fence)"
        case .purge(let fence): "purge \(fence)"
        }
    }
}

extension StrictReader.Message {
    /// Of a response: whether only the connection's end says where it ends.
    var endsWithConnection: Bool {
        status != 204 && status != 304 && values("content-length").isEmpty && values("transfer-encoding").isEmpty
    }

    /// Of a response: whether no other follows on its connection.
    var isLast: Bool { values("connection").contains("close") }

    fileprivate func saysTheSame(as other: StrictReader.Message) -> Bool {
        method == other.method && target == other.asked?.text && body == other.body
            && values("content-type") == other.values("content-type")
    }
}
#endif
