#if Gateway
import Holdfast
import HoldfastIdempotency
import Synchronization

/// What `GET /api/state` answers.
struct GatewayState: Encodable, Equatable {
    struct Breaker: Encodable, Equatable {
        let name: String
        let state: String
        let generation: UInt32
        let failures: Int
        let threshold: Int
        let cooldownSeconds: Double
        let retryAfterSeconds: Double
        let probesInFlight: Int
        let attempts: Int
        let succeeded: Int
        let failed: Int
        let rejected: Int
    }

    struct Budget: Encodable, Equatable {
        let balance: Int
        let refused: Int
    }

    struct Claims: Encodable, Equatable {
        let inFlight: Int
        let waiting: Int
    }

    struct Requests: Encodable, Equatable {
        let total: Int
        let inFlight: Int
        let retries: Int
        let rejections: Int
        let replays: Int
        let conflicts: Int
        let unknown: Int
    }

    struct Demo: Encodable, Equatable {
        let mode: String
        let charges: Int
    }

    let version: String
    let uptimeSeconds: Double
    let breakers: [Breaker]
    let budget: Budget
    let claims: Claims
    let requests: Requests
    let demo: Demo?
}

extension GatewayState {
    init(_ shared: DataPlaneContext, _ plan: Plan, demo controls: DemoControls?, uptime: Duration) {
        let breakers = plan.services.flatMap(\.endpoints).map { endpoint in
            let cooldown = endpoint.breaker.configuration.cooldown.base.inSeconds
            let snapshot = endpoint.breaker.snapshot()
            return Breaker(
                name: snapshot.name, state: snapshot.state.rawValue, generation: snapshot.generation,
                failures: snapshot.evidence.count, threshold: Int(snapshot.evidence.threshold),
                cooldownSeconds: cooldown,
                retryAfterSeconds: snapshot.retryAfter.inSeconds, probesInFlight: snapshot.probesInFlight,
                attempts: endpoint.attempts.load(ordering: .relaxed),
                succeeded: endpoint.succeeded.load(ordering: .relaxed),
                failed: endpoint.failed.load(ordering: .relaxed),
                rejected: endpoint.rejected.load(ordering: .relaxed))
        }
        let balances = plan.services.map { $0.budget.snapshot() }
        let going = shared.engine.snapshot()
        let counters = shared.counters
        self.init(
            version: GatewayVersion.current,
            // Whole seconds, so that a gateway at rest has nothing new to say.
            uptimeSeconds: uptime.inSeconds.rounded(.down), breakers: breakers,
            budget: Budget(
                balance: balances.reduce(0) { $0 + $1.balance }, refused: balances.reduce(0) { $0 + $1.refused }),
            claims: Claims(inFlight: going.inFlight, waiting: going.waiting),
            requests: Requests(
                total: counters.requests.load(ordering: .relaxed),
                inFlight: counters.inFlight.load(ordering: .relaxed),
                retries: counters.retries.load(ordering: .relaxed),
                rejections: counters.rejections.load(ordering: .relaxed),
                replays: counters.replays.load(ordering: .relaxed),
                conflicts: counters.conflicts.load(ordering: .relaxed),
                unknown: counters.unknown.load(ordering: .relaxed)),
            demo: controls.map { Demo(mode: $0.mode().rawValue, charges: $0.charges()) })
    }
}

/// The version that the gateway reports.
public enum GatewayVersion {
    public static let current = "0.1.0"
}
#endif
