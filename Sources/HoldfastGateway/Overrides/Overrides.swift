#if Gateway
import FoundationEssentials
import Holdfast
import Logging
import Synchronization

/// Carries out what operators set at run time: the machine's decisions, on the endpoints and breakers of the plan that
/// counts, and on the log. Each change is logged, with who and why, whatever the log's level is.
///
/// Calls see it as plain atomics of their endpoints (``Endpoint/service``, ``Endpoint/weight``), and ask nobody.
final class Overrides: Sendable {
    private struct State {
        var machine = OverridesMachine()
        var services: [UpstreamService] = []
        /// The isolations that stand, by their breakers.
        var isolations: [ObjectIdentifier: CircuitBreaker.Isolation] = [:]
        var closeIdle: (@Sendable () -> Void)?
    }

    /// The target is not there.
    struct Missing: Error { let words: String }

    let level: LogLevelSwitch
    private let clock: any TimeSource
    private let logger: Logger
    private let state = Mutex(State())
    /// One is carried out after the other, in the order in which they were decided.
    private let turn = AsyncTurn()
    private let (ends, endsChanged) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

    /// - Parameters:
    ///   - level: What the log follows.
    ///   - clock: What the times of overrides are measured on.
    ///   - logger: Where they are told.
    init(level: LogLevelSwitch, clock: any TimeSource, logger: Logger) {
        self.level = level
        self.clock = clock
        self.logger = logger.atAnyLevel
    }

    /// For whoever has none of the rest.
    convenience init() {
        self.init(
            level: LogLevelSwitch(.info), clock: MonotonicClock(),
            logger: Logger(label: "holdfast") { _ in SwiftLogNoOpLogHandler() })
    }

    /// Has the connections that are idle looked at when an endpoint is drained.
    func whenDrained(_ close: @escaping @Sendable () -> Void) { state.withLock { $0.closeIdle = close } }

    /// Applies what is set to the services of another plan, before any call sees them.
    func take(_ services: [UpstreamService]) async {
        await turn.run {
            let gone = state.withLock { state in
                state.services = services
                return state.machine.keep { Self.exists($0, in: services) }
            }
            for override in gone { tell("an override is gone with what it was about", override) }
            carryOut()
        }
    }

    /// An operator does something.
    ///
    /// - Parameters:
    ///   - time: How long it counts; nil for until it is taken back.
    ///   - make: Makes the note, given when it ends for people to read.
    /// - Throws: ``Missing``, or ``OverridesMachine/Refusal``.
    func act(
        _ action: OverridesMachine.Action, on target: OverridesMachine.Target, _ note: OverridesMachine.Note,
        for time: Duration? = nil
    ) async throws {
        try await turn.run {
            let services = state.withLock { $0.services }
            if let missing = Self.missing(action, target, in: services) { throw missing }
            let ends = time.map { clock.now.advanced(by: $0) }
            try state.withLock { state in try state.machine.act(action, on: target, note, until: ends) }
            var words: Logger.Metadata = ["action": "\(action.word)", "by": "\(note.by)", "from": "\(note.from)"]
            words["service"] = target.service.map { "\($0)" }
            words["endpoint"] = target.endpoint.map { "\($0)" }
            words["reason"] = "\(note.reason)"
            words["until"] = note.until.map { "\($0)" }
            switch action {
            case .set(.weight(let weight)), .takeBack(.weight(let weight)): words["weight"] = .stringConvertible(weight)
            case .set(.level(let level)): words["level"] = "\(level)"
            default: break
            }
            logger.notice("an operator has acted", metadata: words)
            carryOut()
            if action == .resetBreaker { Self.breakers(of: target, in: services).forEach { $0.reset() } }
            endsChanged.yield()
        }
    }

    /// Ends overrides when their time is over, until it is cancelled.
    func keepEnding() async {
        var waiting: Task<Void, Never>?
        for await _ in ends {
            waiting?.cancel()
            waiting = state.withLock { $0.machine.nextEnd }.map { end in
                Task {
                    guard (try? await clock.sleep(until: end, tolerance: nil)) != nil else { return }
                    await endThoseThatAreOver()
                }
            }
        }
        waiting?.cancel()
        await waiting?.value
    }

    private func endThoseThatAreOver() async {
        await turn.run {
            let over = state.withLock { $0.machine.expire(at: clock.now) }
            for override in over { tell("an override has ended: its time is over", override) }
            carryOut()
            endsChanged.yield()
        }
    }

    // MARK: What is seen of it

    var overrides: [OverridesMachine.Override] { state.withLock { $0.machine.overrides } }
    var events: [OverridesMachine.Event] { state.withLock { $0.machine.events } }

    /// For metrics: how many stand, by name, and how many actions there were.
    var figures: (standing: [String: Int], actions: [String: Int]) {
        let (overrides, actions) = state.withLock { ($0.machine.overrides, $0.machine.counts) }
        return (Dictionary(overrides.map { ($0.value.name, 1) }, uniquingKeysWith: +), actions)
    }

    // MARK: Carrying out

    /// Makes everything be as the machine says. Doing it twice changes nothing.
    private func carryOut() {
        let (services, machine, closeIdle) = state.withLock { ($0.services, $0.machine, $0.closeIdle) }
        if case .level(let name) = machine[.log, .level], let wanted = Logger.Level(rawValue: name) {
            level.current = wanted
        } else {
            level.current = level.usual
        }
        var drains = false
        var isolated: [CircuitBreaker] = []
        for service in services {
            if let breaker = service.breaker, machine[.service(service.name), .breaker] != nil {
                isolated.append(breaker)
            }
            for endpoint in service.endpoints {
                func value(_ kind: OverridesMachine.Value.Kind) -> OverridesMachine.Value? {
                    endpoint.names.lazy.compactMap { machine[.endpoint($0, of: service.name), kind] }.first
                }
                let wanted: Endpoint.Service =
                    switch value(.service) {
                    case .drained: .drained
                    case .disabled: .disabled
                    default: .inService
                    }
                if wanted == .drained, endpoint.service != .drained { drains = true }
                endpoint.service = wanted
                endpoint.weight = if case .weight(let weight) = value(.weight) { weight } else { Endpoint.usualWeight }
                if value(.breaker) != nil { isolated.append(endpoint.breaker) }
            }
            service.weigh()
        }
        isolate(isolated)
        for service in services { service.ejection.changed() }
        if drains { closeIdle?() }
    }

    /// Isolates these breakers, and no others. Each announces it, outside the lock.
    private func isolate(_ breakers: [CircuitBreaker]) {
        let standing = state.withLock { $0.isolations }
        var next: [ObjectIdentifier: CircuitBreaker.Isolation] = [:]
        for breaker in breakers {
            let name = ObjectIdentifier(breaker)
            next[name] = next[name] ?? standing[name] ?? breaker.isolate()
        }
        state.withLock { $0.isolations = next }
        for (name, isolation) in standing where next[name] == nil { isolation.release() }
    }

    private func tell(_ message: Logger.Message, _ override: OverridesMachine.Override) {
        var words: Logger.Metadata = ["override": "\(override.value.name)", "by": "\(override.note.by)"]
        words["service"] = override.target.service.map { "\($0)" }
        words["endpoint"] = override.target.endpoint.map { "\($0)" }
        words["reason"] = "\(override.note.reason)"
        logger.notice(message, metadata: words)
    }

    // MARK: What there is

    private static func exists(_ target: OverridesMachine.Target, in services: [UpstreamService]) -> Bool {
        switch target {
        case .log: true
        case .service(let name): services.contains { $0.name == name && $0.breaker != nil }
        case .endpoint(let endpoint, of: let name):
            services.contains { service in
                // While none of its addresses is known, the configuration still has it.
                service.name == name
                    && (service.endpoints.contains { $0.names.contains(endpoint) }
                        || service.configuration.endpoints.contains { "\($0.address)" == endpoint })
            }
        }
    }

    private static func missing(
        _ action: OverridesMachine.Action, _ target: OverridesMachine.Target, in services: [UpstreamService]
    ) -> Missing? {
        guard let name = target.service, !exists(target, in: services) else { return nil }
        guard let service = services.first(where: { $0.name == name }) else {
            return Missing(words: "there is no service '\(name)', only \(shown(services.map(\.name)))")
        }
        guard let endpoint = target.endpoint else {
            return Missing(words: "service '\(name)' has no breaker of its own (serviceBreaker: off)")
        }
        return Missing(
            words:
                "service '\(name)' has no endpoint '\(endpoint)', only \(shown(service.endpoints.map(\.name)))")
    }

    private static func shown(_ names: [String]) -> String {
        guard !names.isEmpty else { return "none" }
        return names.prefix(10).joined(separator: ", ") + (names.count > 10 ? ", … (\(names.count))" : "")
    }

    private static func breakers(
        of target: OverridesMachine.Target, in services: [UpstreamService]
    ) -> [CircuitBreaker] {
        guard let service = services.first(where: { $0.name == target.service }) else { return [] }
        guard let name = target.endpoint else { return service.breaker.map { [$0] } ?? [] }
        return service.endpoints.filter { $0.names.contains(name) }.map(\.breaker)
    }
}

extension Endpoint {
    /// What operators may call it by: its own name, and the address that it has in the configuration.
    fileprivate var names: [String] {
        let place = "\(identity.place.address)"
        return place == name ? [name] : [name, place]
    }
}
#endif
