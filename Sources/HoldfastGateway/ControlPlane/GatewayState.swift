#if Gateway
import Holdfast

/// What `GET /api/state` answers, and what a page is told the changes of once a second: figures alone, in a number of rows
/// that has a bound. A figure that is a metric too has the metric's definition.
struct GatewayState: Encodable, Equatable {
    struct Breaker: Encodable, Equatable {
        let state: String
        let generation: UInt32
        /// What it has counted, in words.
        let evidence: String
        /// Failures in a row; both are nil where it counts something else.
        let failures: Int?
        let threshold: Int?
        let cooldownSeconds: Double
        let retryAfterSeconds: Double
        let probesInFlight: Int
    }

    struct Endpoint: Encodable, Equatable {
        let name: String
        let breaker: Breaker
        /// Whether its checks succeed; nil where it is not checked.
        let healthy: Bool?
        /// Whether it is left out.
        let ejected: Bool
        /// Whether it is called although it is not well, because too many others are left out.
        let waived: Bool
        /// What an operator has made of it: `drained` or `disabled`; nil while it is in service.
        let heldOut: String?
        /// In percent of an equal share.
        let weight: Int
        /// Attempts at work.
        let inFlight: Int
        let connections: Int
        /// Attempts that ended, by result.
        let succeeded: Int
        let failed: Int
        let rejected: Int
        let abandoned: Int
    }

    struct Service: Encodable, Equatable {
        let name: String
        /// That of the service as a whole, if it has one.
        let breaker: Breaker?
        let budget: Budget
        /// Attempts at work, at all its endpoints.
        let inFlight: Int
        /// How many endpoints it has; not all of them may have a row.
        let endpointCount: Int
        let ejected: Int
        let endpoints: [Endpoint]
    }

    struct Route: Encodable, Equatable {
        let name: String
        /// Requests that ended, by class of status.
        let requests: [String: Int]
        let retries: Int
        let hedges: Int
        let claims: Int
        let replays: Int
        /// Executions that ended so that nobody knows their effect.
        let unknownOutcomes: Int
        /// Answers of the gateway's own, by problem; those that there were.
        let rejections: [String: Int]
        /// What policies that only watch would have done; what there was.
        let wouldHave: [String: Int]
    }

    struct Budget: Encodable, Equatable {
        let balance: Int
        let refused: Int
    }

    struct Claims: Encodable, Equatable {
        let inFlight: Int
        let waiting: Int
    }

    /// Of all routes, and of what no route took.
    struct Requests: Encodable, Equatable {
        /// Those that ended.
        let total: Int
        let inFlight: Int
        let retries: Int
        let claims: Int
        let replays: Int
        /// Answers of the gateway's own, by problem; those that there were.
        let rejections: [String: Int]
    }

    /// What the store holds, of all who share it.
    struct Store: Encodable, Equatable {
        let keys: Int
        /// Of outcomes.
        let bytes: Int
        /// Keys that began and of which nobody knows how they ended.
        let unknownKeys: Int
    }

    struct Demo: Encodable, Equatable {
        let mode: String
        let charges: Int
    }

    let version: String
    let uptimeSeconds: Double
    let services: [Service]
    let routes: [Route]
    let budget: Budget
    let claims: Claims
    let requests: Requests
    /// Nil where the store cannot tell, or has not been asked yet.
    let store: Store?
    /// What operators have set at run time.
    var overrides: [OverrideList.Override] = []
    let demo: Demo?
}

/// The version that the gateway reports.
public enum GatewayVersion {
    public static let current = "0.1.0"
}
#endif
