#if Gateway && (FUZZ || DEBUG)
@testable import HoldfastGateway
import Holdfast
import HoldfastIdempotency
import NIOCore
import Synchronization

/// What must hold, after every step and at the end.
extension KeyedGateways {
    /// What must hold after every step.
    func check() throws {
        if let violation = ledger.violation { throw violation }
        for client in clients {
            try check(client)
            try expect(!isForgotten(client), "a request waits for an outcome that is recorded")
        }
        for gateway in gateways {
            let counters = gateway.shared.counters
            try expect(counters.inFlight.load(ordering: .relaxed) >= 0, "fewer than no requests in flight")
            try expect(gateway.shared.kept.bytes >= 0, "fewer than no bytes kept")
            for route in gateway.plan.routes {
                if let limit = route.configuration.concurrency, let bulkhead = route.bulkhead {
                    try expect(bulkhead.snapshot().inFlight <= limit, "more in flight than the bulkhead lets in")
                }
            }
        }
        ledger.beginStep()
    }

    private func check(_ client: Client) throws {
        let connection = client.connection
        guard client.seen != connection.sent.count else { return }
        client.seen = connection.sent.count
        let exchanges = exchanges(of: client)
        let (requests, answers) = (exchanges.requests, exchanges.answers)
        if case .invalid(let why) = exchanges.stop { throw Violation("the client gets \(why)") }
        try expect(answers.count <= requests.count + 1, "\(answers.count) answers to \(requests.count) requests")
        for (number, answer) in answers.enumerated().dropFirst(client.checked) {
            if number < requests.count {
                try ledger.check(answer, to: requests[number])
            } else {
                try expect(answer.status >= 400, "a \(answer.status) to what is no request")
            }
            if answer.isWhole, !answer.endsWithConnection { client.checked = number + 1 }
        }
    }

    private func isForgotten(_ client: Client) -> Bool {
        let connection = client.connection
        guard connection.isActive, !connection.wasSlow, connection.read.count == connection.received.count else {
            return false
        }
        let exchanges = exchanges(of: client)
        guard exchanges.answers.count < exchanges.requests.count else { return false }
        if let last = exchanges.answers.last, last.isLast || !last.isWhole { return false }
        return ledger.isForgotten(exchanges.requests[exchanges.answers.count])
    }

    private func exchanges(of client: Client) -> Exchanges {
        let connection = client.connection
        let (received, sent) = (connection.received.count, connection.sent.count)
        if let latest = client.latest, latest.received == received, latest.sent == sent { return latest.exchanges }
        let requests = StrictReader.requests(connection.received).messages
        let answers = StrictReader.responses(connection.sent, to: requests.map(\.method))
        let exchanges = Exchanges(
            requests: requests, answers: answers.messages.filter { $0.status >= 200 }, stop: answers.stop)
        client.latest = (received, sent, exchanges)
        return exchanges
    }

    // MARK: The end

    /// The store and the service are well again, and everybody is given time: whoever has asked is answered.
    ///
    /// - Parameter answer: What the service says to everything, if it says anything.
    func waitForAll(answer: ((Link) -> Void)?) throws {
        store.behave([])
        connecting = .succeeds
        connectAll(succeeds: true)
        for client in clients { client.connection.setWritable(true) }
        for link in links { link.connection.setWritable(true) }
        settle()
        for _ in 0..<400 {
            try check()
            if let answer { for link in owing { answer(link) } }
            settle()
            guard clients.contains(where: { owed(to: $0) > 0 }) else { break }
            advance(by: .milliseconds(1_700))
        }
        try check()
        for client in clients where owed(to: client) > 0 {
            throw Violation("\(owed(to: client)) requests are not answered, and it goes on")
        }
        for client in clients { try checkEnd(of: client) }
    }

    /// How many whole requests on an open connection have no whole answer.
    private func owed(to client: Client) -> Int {
        guard client.connection.isActive, !client.connection.isLeft else { return 0 }
        let exchanges = exchanges(of: client)
        if exchanges.answers.last?.isLast == true { return 0 }
        return max(0, exchanges.requests.count(where: \.isWhole) - exchanges.answers.count(where: \.isWhole))
    }

    /// A connection that the gateway has closed was closed after an answer that says so, or in the midst of one. A client
    /// that does not take its answers loses it too.
    private func checkEnd(of client: Client) throws {
        let connection = client.connection
        guard !connection.isActive, !connection.isLeft, !connection.wasSlow else { return }
        let exchanges = exchanges(of: client)
        let (requests, answers) = (exchanges.requests, exchanges.answers)
        guard let last = answers.last else {
            return try expect(!requests.contains(where: \.isWhole), "a connection is closed, and nothing is answered")
        }
        let isExplained = last.isLast || !last.isWhole || last.endsWithConnection
        try expect(
            isExplained || answers.count >= requests.count(where: \.isWhole),
            "a connection is closed, and requests on it are not answered")
    }

    /// Everybody leaves. Nothing is held then.
    func end() throws {
        for client in clients where client.connection.isActive { client.connection.reset() }
        settle()
        store.behave([])
        connecting = .isRefused
        connectAll(succeeds: false)
        settle()
        for link in links where link.connection.isActive { link.connection.reset() }
        settle()
        // What was begun under a key goes on until its deadline; a store that fails is tried for longer.
        advance(by: ledger.hasStoreFailed ? .seconds(200) : .seconds(6))
        try check()
        for gateway in gateways { gateway.loop.context.pool.close() }
        settle()
        try checkNothingIsHeld()
    }

    private func checkNothingIsHeld() throws {
        for gateway in gateways {
            let (shared, snapshot) = (gateway.shared, gateway.shared.engine.snapshot())
            func none(_ count: Int, _ what: String) throws { try expect(count == 0, "\(count) \(what) at the end") }
            try none(snapshot.inFlight, "keys in flight")
            try none(snapshot.waiting, "duplicates that wait")
            try none(shared.counters.inFlight.load(ordering: .relaxed), "requests in flight")
            try none(shared.counters.connections.load(ordering: .relaxed), "connections of clients")
            try none(shared.counters.serviceConnections.load(ordering: .relaxed), "connections to services")
            try none(shared.kept.bytes, "bytes kept")
            for route in gateway.plan.routes {
                try none(route.bulkhead?.snapshot().inFlight ?? 0, "places in the bulkhead")
                try none(route.adaptiveLimit?.snapshot().inFlight ?? 0, "permits of the adaptive limit")
            }
            for endpoint in gateway.plan.services.flatMap(\.endpoints) {
                try none(endpoint.inFlight.load(ordering: .relaxed), "attempts in progress")
                try none(endpoint.connections.load(ordering: .relaxed), "connections to an endpoint")
                try none(endpoint.breaker.snapshot().probesInFlight, "probes in progress")
            }
        }
        // A claim that the store was not told of ends with its lease.
        try expect(ledger.hasStoreFailed || ledger.open.isEmpty, "\(ledger.open.count) claims at the end")
        try expect(attempts.isEmpty, "connections that are still being made")
    }
}
#endif
