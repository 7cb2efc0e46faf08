#if Gateway
import Foundation
import Holdfast
import HoldfastTesting
import Testing

@testable import HoldfastGateway

@Suite struct PageFeedTests {
    private let trends = TrendKeeper(clock: ManualClock())

    private func sight(_ state: GatewayState) throws -> PageFeed.Sight {
        PageFeed.Sight(state: state, plan: PlanWords(GatewayConfiguration(upstreams: [], threads: 1)), trends: trends)
    }

    private func begin(_ state: GatewayState) throws -> PageFeed {
        try PageFeed.begin(try sight(state), transitions: []).feed
    }

    private func entry(_ number: Int) throws -> TransitionLog.Entry {
        let log = TransitionLog()
        let breaker = try CircuitBreaker("b\(number)", clock: ManualClock()) {
            log.add($0, of: "b\(number)", endpoint: nil)
        }
        _ = breaker.isolate()
        return try #require(log.entries.first)
    }

    @Test func `a page is told the whole at first, and then what changed and no more`() throws {
        var (feed, messages) = try PageFeed.begin(try sight(.of(routes: 2, at: 0)), transitions: [])
        #expect(messages.map(\.event) == ["plan", "state", "transitions"])
        #expect(
            messages[1].bytes.starts(with: "event: state\ndata: {".utf8) && messages[1].bytes.suffix(2) == [10, 10])
        feed.tick()
        messages = try feed.tell(try sight(.of(routes: 2, at: 0)))
        #expect(messages.isEmpty)
        feed.tick()
        messages = try feed.tell(try sight(.of(routes: 2, at: 0, retriesOfFirst: 9)))
        #expect(messages.map { String(decoding: $0.data, as: UTF8.self) } == [#"{"r0":{"retries":9}}"#])
    }

    @Test func `what is added up from changes is the state, whatever comes in between`() throws {
        var feed = try begin(.of(services: 3, routes: 4, at: 0))
        var known: [String: [String: Any]] = [:]
        for second in 1...40 {
            feed.tick()
            let state = GatewayState.of(services: 3, routes: 4, at: second, open: second % 5 == 0 ? 1 : nil)
            for message in try feed.tell(try sight(state), urgentOnly: second % 3 == 0) where message.event == "change"
            {
                for (row, change) in try object(message.data) { merge(&known[row, default: [:]], change) }
            }
        }
        feed.tick()
        for message in try feed.tell(try sight(.of(services: 3, routes: 4, at: 40, open: 1))) {
            for (row, change) in try object(message.data) { merge(&known[row, default: [:]], change) }
        }
        #expect(known.count == 1 + 3 + 6 + 4)
        for route in 0..<4 { #expect((known["r\(route)"]?["requests"] as? [String: Int])?["2xx"] == 40_000) }
        for place in 0..<3 { #expect(known["e\(place).1"]?["succeeded"] as? Int == 40) }
        #expect((known["e1.0"]?["breaker"] as? [String: Any])?["state"] as? String == "open")
        #expect((known["e2.0"]?["breaker"] as? [String: Any])?["state"] as? String ?? "closed" == "closed")
    }

    /// Everything changes all the time.
    @Test(arguments: [(1, 1), (31, 31), (100, 100)])
    func `a page costs at most four kibibytes a second, and each row has its turn`(services: Int, routes: Int) throws {
        var feed = try begin(.of(services: services, routes: routes, at: 0))
        var (bytes, seen) = (0, Set<String>())
        for second in 1...60 {
            feed.tick()
            for message in try feed.tell(try sight(.of(services: services, routes: routes, at: second))) {
                bytes += message.bytes.count
                seen.formUnion(try object(message.data).keys)
            }
        }
        #expect(bytes <= PageFeed.burst + 60 * PageFeed.bytesPerSecond)
        #expect(seen.count == 1 + services * 3 + routes)
    }

    @Test func `a breaker's change is told at once, before what was waiting, and comes with its cooldown`() throws {
        var feed = try begin(.of(services: 100, routes: 100, at: 0))
        let changed = GatewayState.of(services: 100, routes: 100, at: 1, open: 99)
        let isToldAtOnce = feed.hear(try entry(1))
        #expect(isToldAtOnce)
        let messages = try feed.tell(try sight(changed), urgentOnly: true)
        #expect(messages.map(\.event) == ["transition", "change"])
        let change = try object(messages[1].data)
        #expect(change.keys.sorted() == ["e99.0"])
        let breaker = (change["e99.0"] as? [String: Any])?["breaker"] as? [String: Any]
        #expect(breaker?["state"] as? String == "open" && breaker?["retryAfterSeconds"] as? Double == 3.5)
        // Nobody is told that it is nearer each second.
        feed.tick()
        let later = try feed.tell(try sight(.of(services: 100, routes: 100, at: 1, open: 99, retryAfter: 2.5)))
        #expect(!String(decoding: later.flatMap(\.data), as: UTF8.self).contains("retryAfterSeconds"))
    }

    @Test func `of a storm of transitions the latest are told, and how many there were`() throws {
        let state = GatewayState.of(routes: 1, at: 0)
        var feed = try begin(state)
        let entries = try (0..<100).map { try entry($0) }
        let atOnce = entries.filter { feed.hear($0) }.count
        #expect(atOnce == PageFeed.flushesPerSecond)
        let messages = try feed.tell(try sight(state), urgentOnly: true)
        let told = try object(try #require(messages.first).data)
        #expect((told["entries"] as? [[String: Any]])?.last?["breaker"] as? String == "b99")
        #expect((told["entries"] as? [Any])?.count == PageFeed.transitionBound)
        #expect(told["missed"] as? Int == 90)
        feed.tick()
        let isToldAgain = feed.hear(entries[0])
        #expect(isToldAgain)
    }

    @Test func `when rows come or go the page is told the whole again`() throws {
        var feed = try begin(.of(services: 1, routes: 1, at: 0))
        feed.tick()
        let whole = try feed.tell(try sight(.of(services: 1, routes: 2, at: 0)))
        #expect(whole.map(\.event) == ["plan", "state"])
        feed.tick()
        let rest = try feed.tell(try sight(.of(services: 1, routes: 2, at: 0)))
        #expect(rest.isEmpty)
    }

    private func merge(_ known: inout [String: Any], _ change: Any) {
        for (name, value) in change as? [String: Any] ?? [:] {
            if value is [String: Any], var inner = known[name] as? [String: Any] {
                merge(&inner, value)
                known[name] = inner
            } else {
                known[name] = value
            }
        }
    }
}

extension GatewayState {
    /// Services of two endpoints each, and routes, whose counts rise with the seconds.
    fileprivate static func of(
        services: Int = 0, routes: Int, at second: Int, open: Int? = nil, retryAfter: Double = 3.5,
        retriesOfFirst: Int = 0
    ) -> GatewayState {
        func breaker(isOpen: Bool) -> Breaker {
            Breaker(
                state: isOpen ? "open" : "closed", generation: isOpen ? 1 : 0,
                evidence: "\(second) of \(second * 10) calls failed", failures: nil, threshold: nil, cooldownSeconds: 5,
                retryAfterSeconds: isOpen ? retryAfter : 0, probesInFlight: 0)
        }
        return GatewayState(
            version: "1", uptimeSeconds: Double(second),
            services: (0..<services).map { place in
                Service(
                    name: "s\(place)", breaker: nil, budget: .init(balance: second, refused: 0), inFlight: second % 7,
                    endpointCount: 2, ejected: 0,
                    endpoints: (0..<2).map { number in
                        Endpoint(
                            name: "10.0.\(place).\(number):80", breaker: breaker(isOpen: open == place && number == 0),
                            healthy: nil, ejected: false, waived: false, heldOut: nil, weight: 100,
                            inFlight: second % 3, connections: 4,
                            succeeded: second, failed: second, rejected: second, abandoned: second)
                    })
            },
            routes: (0..<routes).map { place in
                Route(
                    name: "r\(place)", requests: ["2xx": second * 1_000, "5xx": second],
                    retries: place == 0 ? retriesOfFirst + second : second,
                    hedges: 0, claims: second, replays: second, unknownOutcomes: 0,
                    rejections: ["circuit-open": second],
                    wouldHave: [:])
            },
            budget: .init(balance: second, refused: 0), claims: .init(inFlight: second % 5, waiting: 0),
            requests: .init(
                total: second * 1_000, inFlight: second % 11, retries: second, claims: second, replays: second,
                rejections: ["circuit-open": second]),
            store: .init(keys: second, bytes: second, unknownKeys: 0), demo: nil)
    }
}
#endif
