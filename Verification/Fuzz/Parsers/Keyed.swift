#if Gateway && (FUZZ || DEBUG)
@testable import HoldfastGateway
import HoldfastIdempotency
import NIOCore
import NIOEmbedded

extension FuzzTarget {
    /// Whole histories of requests with keys.
    static var histories: [FuzzTarget] {
        [FuzzTarget("keyed", words: keyedWords, share: 0.2, run: keyed)]
    }

    /// A repeat, an answer, a time that passes: what histories are made of.
    private static let keyedWords = [
        "r00", "r40", "r10", "r01", "r20", "r0@", "R00", "h00", "b0", "a00", "a04", "a05", "a09", "p00", "q0", "z0",
        "Z0",
        "x0", "X0", "t0", "t2", "t4", "t5", "t6", "t7", "s10", "s20", "s40", "s13", "S", "c1", "c2", "C0", "C1", "v0",
        "V0", "o00", "&", "r00r20a00r00", "r00z0t5t6r00a05", "r00a00t7r00",
    ]

    /// The first two bytes say how the gateways are configured; each that follows is a step, with a byte or two that say
    /// more about it. The names of steps are letters, and what follows them counts from `0`, so that a history can be read.
    private static func keyed(_ bytes: [UInt8]) throws -> Outcome {
        let (outcome, loop) = try run(bytes)
        // A timer, a task or a closure that was left behind holds the exchange that it serves, and that its loop. What is
        // scheduled and holds nothing ends the process when the loop goes.
        try expect(loop.value == nil, "something holds the event loop at the end")
        return outcome
    }

    private struct Weak<Value: AnyObject> {
        weak var value: Value?
    }

    private static func run(_ bytes: [UInt8]) throws -> (Outcome, Weak<EmbeddedEventLoop>) {
        var history = try KeyedHistory(bytes)
        defer { TasksOnLoop.end() }
        do { try history.run() } catch {
            history.gateways.giveUp()
            throw Violation("\(error)\n\(try story(of: bytes))")
        }
        return (history.outcome, Weak(value: history.gateways.loop))
    }

    /// What has happened: the same again, which is now told.
    private static func story(of bytes: [UInt8]) throws -> String {
        var history = try KeyedHistory(bytes)
        defer {
            history.gateways.giveUp()
            TasksOnLoop.end()
        }
        history.gateways.ledger.tells = true
        try? history.run()
        return history.gateways.ledger.story.joined(separator: "\n")
    }
}

/// What clients, the service, the store and the time do, one step after the other.
struct KeyedHistory {
    /// So many steps, requests and connections of one kind tell all that more of them would.
    private static let stepBound = 256
    private static let requestBound = 64

    let gateways: KeyedGateways
    private let choice: KeyedChoice
    private var rest: ArraySlice<UInt8>
    private var requests = 0
    private var answers = 0
    private var kinds = Outcome("keyed")

    init(_ bytes: [UInt8]) throws {
        choice = KeyedChoice((bytes.first ?? 0x30) &- 0x30, (bytes.dropFirst().first ?? 0x30) &- 0x30)
        rest = bytes.dropFirst(2)
        gateways = try KeyedGateways(choice)
    }

    /// What follows a step's name, as it counts from `0`.
    private mutating func value() -> Int { Int((rest.popFirst() ?? 0x30) &- 0x30) }

    private mutating func piece() -> [UInt8] {
        let count = value() & 63
        defer { rest = rest.dropFirst(count) }
        return Array(rest.prefix(count))
    }

    var outcome: Outcome { kinds }

    mutating func run() throws {
        var steps = 0
        while let name = rest.popFirst(), steps < Self.stepBound {
            steps += 1
            // Several things may happen in one turn of the loop.
            if name == UInt8(ascii: "&") {
                if let name = rest.popFirst() { try step(name) }
            } else {
                try step(name)
                gateways.settle()
                try gateways.check()
            }
        }
        gateways.settle()
        try gateways.check()
        if choice.isPatient {
            let late = KeyedAnswer(0).bytes("late")
            try gateways.waitForAll(answer: choice.isAnsweredAtEnd ? { $0.finish(with: late) } : nil)
        }
        add()
        try gateways.end()
    }

    /// What came of it, so far as it tells one history from another.
    private mutating func add() {
        let ledger = gateways.ledger
        kinds.add(ledger.sends.count)
        kinds.add(ledger.sends.count(where: \.isQuestion))
        kinds.add(ledger.grants.values.reduce(0) { $0 + $1.count })
        kinds.add(ledger.replays)
        for client in gateways.clients {
            let answers = StrictReader.responses(client.connection.sent, to: [])
            for answer in answers.messages.prefix(6) { kinds.add("\(answer.status) \(answer.isWhole)") }
        }
    }

    // MARK: Steps

    private static let names = Array("rRhbwxXapqgzZtsScCvVo".utf8)

    private mutating func step(_ name: UInt8) throws {
        let name = Self.names.contains(name) ? name : Self.names[Int(name) % Self.names.count]
        gateways.ledger.tell("step \(UnicodeScalar(name))")
        switch Character(UnicodeScalar(name)) {
        case "r": try request(size: 0, isCut: false)
        case "R": try request(size: 100, isCut: false)
        case "h": try request(size: 0, isCut: true)
        case "b": try goOn(value() % 3)
        case "w":
            let client = try gateways.client(value() % 3)
            goOn(client)
            client.connection.receive(piece())
        case "x": latestClient()?.connection.receiveEnd()
        case "X": latestClient()?.connection.reset()
        case "a": answer(isCut: false)
        case "p": answer(isCut: true)
        case "q": if let link = owing() { link.finish() }
        case "g":
            guard let link = openLink() else { break }
            gateways.ledger.isWild(link.connection)
            link.connection.receive(piece())
        case "z": openLink()?.connection.receiveEnd()
        case "Z": openLink()?.connection.reset()
        case "t": gateways.advance(by: Self.times[value() % Self.times.count])
        case "s":
            let behaviour = ScriptedStore.Behaviour.allCases[value() % ScriptedStore.Behaviour.allCases.count]
            gateways.store.behave(Array(repeating: behaviour, count: 1 + value() % 8))
        case "S": gateways.store.goOn()
        case "c": gateways.connecting = KeyedGateways.Connecting(rawValue: value() % 3) ?? .succeeds
        case "C": gateways.connectAll(succeeds: value() & 1 == 0)
        case "v": latestClient()?.connection.toggleWritable()
        case "V": openLink()?.connection.toggleWritable()
        default: resolve()
        }
    }

    private static let times: [TimeAmount] = [
        .milliseconds(1), .milliseconds(60), .milliseconds(1_001), .milliseconds(2_001), .milliseconds(5_001),
        .seconds(11), .seconds(41), .seconds(61),
    ]

    private mutating func latestClient() -> KeyedGateways.Client? {
        let slot = value() % 3
        return gateways.clients.last { $0.slot == slot && $0.connection.isActive && !$0.connection.isLeft }
    }

    private mutating func openLink() -> KeyedGateways.Link? {
        let number = value()
        let open = gateways.links.filter { $0.connection.isActive && !$0.connection.isLeft }
        return open.isEmpty ? nil : open[number % open.count]
    }

    private mutating func owing() -> KeyedGateways.Link? {
        let number = value()
        let owing = gateways.owing
        return owing.isEmpty ? nil : owing[number % owing.count]
    }

    /// Who asks, under which key and with how much time, then what: the body, how it is framed, as which caller, and by
    /// which method.
    private mutating func request(size: Int, isCut: Bool) throws {
        let (who, shape) = (value(), value())
        guard requests < Self.requestBound else { return }
        let client = try gateways.client((who & 3) % 3)
        goOn(client)
        requests += 1
        let body = (shape & 1 == 0 ? "pay 1" : "pay 22") + String(repeating: "x", count: size)
        let isOld = shape & 128 != 0
        let isChunked = shape & 2 != 0 && !isOld
        var fields = [("host", "a"), ("x-request", "\(requests)"), ("content-type", "text/plain")]
        fields.append(("authorization", shape & 8 == 0 ? "one" : "another"))
        if shape & 4 != 0 { fields.append(("connection", "close")) }
        if shape & 64 != 0 { fields.append(("expect", "100-continue")) }
        if who & 16 != 0 { fields.append(("holdfast-timeout", "500")) }
        if who & 32 != 0 { fields.append(("holdfast-attempt", "2")) }
        let kind = shape >> 4 & 3
        let method = ["POST", "PATCH", "GET", "POST"][kind]
        if kind != 3 { fields.append(("idempotency-key", "k\(who >> 2 & 3)")) }
        let hasBody = kind != 2
        if hasBody, isChunked { fields.append(("transfer-encoding", "chunked")) }
        if hasBody, !isChunked { fields.append(("content-length", "\(body.utf8.count)")) }
        gateways.ledger.asks(
            StrictReader.Message(
                method: method, target: "/pay", isOld: isOld, fields: fields, body: hasBody ? Array(body.utf8) : []))
        let head = "\(method) /pay HTTP/1.\(isOld ? 0 : 1)\r\n\(fields.map { "\($0): \($1)\r\n" }.joined())\r\n"
        let framed = !hasBody ? "" : isChunked ? chunks(body) : body
        let (first, last) = isCut ? (head + framed.prefix(2), String(framed.dropFirst(2))) : (head + framed, "")
        gateways.ledger.tell(
            "\(client.slot) asks \(requests): \(method), key \(who >> 2 & 3)\(isCut ? ", half of it" : "")")
        client.connection.receive(Array(first.utf8))
        client.rest = Array(last.utf8)
    }

    private func chunks(_ body: String) -> String {
        "2\r\n\(body.prefix(2))\r\n\(String(body.utf8.count - 2, radix: 16))\r\n\(body.dropFirst(2))\r\n0\r\n\r\n"
    }

    private func goOn(_ slot: Int) throws { goOn(try gateways.client(slot)) }

    /// The rest of a request that was begun.
    private func goOn(_ client: KeyedGateways.Client) {
        client.connection.receive(client.rest)
        client.rest = []
    }

    private mutating func answer(isCut: Bool) {
        let link = owing()
        let kind = KeyedAnswer(value())
        guard let link else { return }
        guard link.rest.isEmpty else { return link.finish() }
        answers += 1
        let bytes = kind.bytes("said \(answers)")
        let status = String(decoding: bytes.prefix { $0 != 0x0D }, as: UTF8.self)
        gateways.ledger.tell("said: \(status)\(isCut ? ", half of it" : "")")
        if isCut {
            link.begin(with: bytes)
        } else {
            link.finish(with: bytes)
            if kind.endsWithConnection { link.connection.receiveEnd() }
        }
    }

    /// An operator says how what is unknown has ended.
    private mutating func resolve() {
        let (number, isReleased) = (value(), value() & 1 == 0)
        guard let (id, fence) = gateways.ledger.latestGrant(of: number) else { return }
        let engine = gateways.gateways[0].shared.engine
        Task {
            try? await engine.resolve(
                id, fence: fence, as: isReleased ? .released : .completed(payload: nil), by: "operator", why: "told to")
        }
    }
}

extension KeyedGateways.Link {
    /// Says the rest of what was begun, or else this.
    fileprivate func finish(with bytes: @autoclosure () -> [UInt8] = []) {
        if rest.isEmpty {
            let bytes = bytes()
            guard !bytes.isEmpty else { return }
            connection.receive(bytes)
            answered += 1
        } else {
            connection.receive(rest)
            rest = []
            answered += 1
        }
    }

    fileprivate func begin(with bytes: [UInt8]) {
        connection.receive(Array(bytes.prefix(bytes.count / 2)))
        rest = Array(bytes.dropFirst(bytes.count / 2))
    }
}

/// What a service may say.
struct KeyedAnswer {
    private let kind: Int

    init(_ kind: Int) {
        self.kind = kind & 15
    }

    /// Whether the end of the connection is its end.
    var endsWithConnection: Bool { kind == 2 }

    /// - Parameter mark: What no other answer has in its body.
    func bytes(_ mark: String) -> [UInt8] {
        let large = mark + String(repeating: ".", count: 200)
        let text =
            switch kind {
            case 0: counted("200 OK", mark)
            case 1: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\(chunk(mark))\(chunk("and more"))0\r\n\r\n"
            case 2: "HTTP/1.1 200 OK\r\n\r\n\(mark)"
            case 3: counted("500 Internal Server Error", mark)
            case 4: counted("503 Service Unavailable", mark, "Retry-After: 1\r\n")
            case 5: counted("404 Not Found", mark)
            case 6: "HTTP/1.1 204 No Content\r\n\r\n"
            case 7: counted("409 Conflict", mark)
            case 8: counted("429 Too Many Requests", mark)
            case 9: counted("200 OK", large)
            case 10: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\(chunk(mark))\(chunk(large))0\r\n\r\n"
            case 11: "HTTP/1.1 100 Continue\r\n\r\n" + counted("200 OK", mark)
            case 12: counted("201 Created", mark, "Set-Cookie: a=b\r\nLocation: /pay/1\r\nETag: \"\(mark)\"\r\n")
            case 13: counted("302 Found", mark, "Location: /\r\n")
            case 14: counted("200 OK", mark, "Connection: close\r\n")
            default: counted("502 Bad Gateway", mark)
            }
        return Array(text.utf8)
    }

    private func counted(_ status: String, _ body: String, _ fields: String = "") -> String {
        "HTTP/1.1 \(status)\r\n\(fields)Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    private func chunk(_ text: String) -> String { "\(String(text.utf8.count, radix: 16))\r\n\(text)\r\n" }
}
#endif
