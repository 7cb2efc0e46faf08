#if Gateway && (FUZZ || DEBUG)
import Holdfast
@testable import HoldfastGateway
import HoldfastHTTP
import HoldfastIdempotency

/// How two gateways are configured, by the bits of two bytes.
struct KeyedChoice {
    private let bits: Int

    init(_ first: UInt8, _ second: UInt8) {
        bits = Int(first) | Int(second) << 8
    }

    private func has(_ bit: Int) -> Bool { bits >> bit & 1 == 1 }

    private var unknown: RouteConfiguration.Idempotency.Unknown {
        [.refuse, .probe, .rerun, .probe][bits & 3]
    }
    /// Whether the store is asked directly, as the memory is, or in batches, as all others are.
    var isImmediate: Bool { !has(3) }
    /// Whether everybody is waited for at the end, and whether the service answers then.
    var isPatient: Bool { has(8) }
    var isAnsweredAtEnd: Bool { has(9) }

    func configuration() throws -> GatewayConfiguration {
        var configuration = GatewayConfiguration(upstreams: [KeyedGateways.Ground.service], threads: 1)
        configuration.headerLimit = 1_024
        configuration.listeners[0].lineageFrom = [try AddressRange("192.0.2.1")]
        var route = configuration.routes[0]
        route.deadline = .seconds(5)
        route.attemptTimeout = .seconds(2)
        route.idempotency.unknown = unknown
        route.idempotency.retention = .seconds(60)
        route.idempotency.wait = has(2) ? .zero : .seconds(3)
        route.idempotency.isHonouredByService = has(4)
        if has(4) {
            var hedge = HedgeConfiguration()
            hedge.delay = .fixed(.seconds(1))
            route.hedge = hedge
        }
        if unknown == .probe {
            var probe = RouteConfiguration.Idempotency.Probe(path: try ProbePath("\(KeyedLedger.questions){key}"))
            probe.replaysAnswer = !has(12)
            if has(13) { probe.settle = .seconds(1) }
            route.idempotency.probe = probe
        }
        if has(5) { route.keptBytes = 64 }
        if has(6) {
            route.concurrency = 2
            route.adaptiveLimit = AdaptiveLimitConfiguration()
        }
        if has(10) { route.idempotency.profile = .successOnly }
        configuration.routes = [route]
        if !has(7) { configuration.services[0].breaker.trip = .consecutiveFailures(1_000) }
        configuration.services[0].breaker.cooldown = .fixed(.seconds(5), jitter: 0)
        if has(15) { configuration.services[0].connections = 1 }
        try configuration.validate()
        return configuration
    }

    func rules(_ route: RouteConfiguration) -> KeyedLedger.Rules {
        KeyedLedger.Rules(
            idempotency: route.idempotency, settle: route.idempotency.probe?.settle ?? route.deadline,
            attempts: route.retry.attempts + (route.hedge?.hedges ?? 0))
    }

    func idempotency(owner: String) -> IdempotencyConfiguration {
        var configuration = IdempotencyConfiguration()
        configuration.owner = owner
        configuration.recordingTime = .seconds(5)
        configuration.retention = .seconds(60)
        if has(11) { configuration.waitersPerKey = 1 }
        if has(14) {
            configuration.keysPerCaller = 2
            configuration.keysInFlight = 2
        }
        return configuration
    }
}
#endif
