#if Gateway
import HoldfastHTTP

/// The state as rows of figures, so that what changed can be told alone. The names are those of ``GatewayState``; a row's
/// own name is `g` for the whole, `s0` for the first service, `e0.1` for its second endpoint, `r0` for the first route.
struct StateRows: Equatable {
    /// A figure, as JSON has it.
    enum Figure: Equatable {
        case absent
        case number(Int)
        case real(Double)
        case text(String)
        case flag(Bool)
        case counts([String: Int])
        case group([Member])
        /// What is less with each moment: no change by itself, and told with a change of the rest.
        case passing(Passing)
    }

    struct Passing: Equatable {
        let seconds: Double

        static func == (_: Passing, _: Passing) -> Bool { true }
    }

    struct Member: Equatable {
        let name: String
        let figure: Figure

        init(_ name: String, _ figure: Figure) { (self.name, self.figure) = (name, figure) }
    }

    struct Row: Equatable {
        let name: String
        var members: [Member]
        /// What is told before anything else when it changes: a breaker's state, and whether an endpoint is called.
        var urgent = ""
    }

    /// What the rows are about. While this stays, a row's name stays what it is.
    var shape: [String] = []
    var rows: [Row] = []
}

extension StateRows {
    init(_ state: GatewayState) {
        rows.append(Row(name: "g", members: state.members, urgent: state.demo?.mode ?? ""))
        for (place, service) in state.services.enumerated() {
            shape.append("s \(service.name)")
            rows.append(
                Row(name: "s\(place)", members: service.members, urgent: service.breaker?.state ?? ""))
            for (number, endpoint) in service.endpoints.enumerated() {
                shape.append("e \(endpoint.name)")
                let isHealthy = endpoint.healthy ?? true
                rows.append(
                    Row(
                        name: "e\(place).\(number)", members: endpoint.members,
                        urgent: "\(endpoint.breaker.state) \(isHealthy) \(endpoint.ejected) \(endpoint.waived)"))
            }
        }
        for (place, route) in state.routes.enumerated() {
            shape.append("r \(route.name)")
            rows.append(Row(name: "r\(place)", members: route.members))
        }
    }
}

extension GatewayState {
    fileprivate var members: [StateRows.Member] {
        [
            StateRows.Member("budget", budget.figure),
            StateRows.Member(
                "claims",
                .group([
                    StateRows.Member("inFlight", .number(claims.inFlight)),
                    StateRows.Member("waiting", .number(claims.waiting)),
                ])),
            .init(
                "requests",
                .group([
                    StateRows.Member("total", .number(requests.total)),
                    StateRows.Member("inFlight", .number(requests.inFlight)),
                    StateRows.Member("retries", .number(requests.retries)),
                    StateRows.Member("claims", .number(requests.claims)),
                    StateRows.Member("replays", .number(requests.replays)),
                    StateRows.Member("rejections", .counts(requests.rejections)),
                ])),
            .init(
                "store",
                store.map {
                    .group([
                        StateRows.Member("keys", .number($0.keys)), StateRows.Member("bytes", .number($0.bytes)),
                        StateRows.Member("unknownKeys", .number($0.unknownKeys)),
                    ])
                } ?? .absent),
            .init(
                "demo",
                demo.map {
                    .group([StateRows.Member("mode", .text($0.mode)), StateRows.Member("charges", .number($0.charges))])
                } ?? .absent),
        ]
    }
}

extension GatewayState.Budget {
    fileprivate var figure: StateRows.Figure {
        .group([StateRows.Member("balance", .number(balance)), StateRows.Member("refused", .number(refused))])
    }
}

extension GatewayState.Service {
    fileprivate var members: [StateRows.Member] {
        [
            StateRows.Member("breaker", breaker?.figure ?? .absent), StateRows.Member("budget", budget.figure),
            StateRows.Member("inFlight", .number(inFlight)), StateRows.Member("endpointCount", .number(endpointCount)),
            StateRows.Member("ejected", .number(ejected)),
        ]
    }
}

extension GatewayState.Endpoint {
    fileprivate var members: [StateRows.Member] {
        [
            StateRows.Member("breaker", breaker.figure),
            StateRows.Member("healthy", healthy.map { .flag($0) } ?? .absent),
            StateRows.Member("ejected", .flag(ejected)), StateRows.Member("waived", .flag(waived)),
            StateRows.Member("inFlight", .number(inFlight)),
            StateRows.Member("connections", .number(connections)), StateRows.Member("succeeded", .number(succeeded)),
            StateRows.Member("failed", .number(failed)), StateRows.Member("rejected", .number(rejected)),
            StateRows.Member("abandoned", .number(abandoned)),
        ]
    }
}

extension GatewayState.Breaker {
    fileprivate var figure: StateRows.Figure {
        .group([
            StateRows.Member("state", .text(state)), StateRows.Member("generation", .number(Int(generation))),
            StateRows.Member("evidence", .text(evidence)),
            StateRows.Member("failures", failures.map { .number($0) } ?? .absent),
            StateRows.Member("threshold", threshold.map { .number($0) } ?? .absent),
            StateRows.Member("cooldownSeconds", .real(cooldownSeconds)),
            StateRows.Member("retryAfterSeconds", .passing(StateRows.Passing(seconds: retryAfterSeconds))),
            StateRows.Member("probesInFlight", .number(probesInFlight)),
        ])
    }
}

extension GatewayState.Route {
    fileprivate var members: [StateRows.Member] {
        [
            StateRows.Member("requests", .counts(requests)), StateRows.Member("retries", .number(retries)),
            StateRows.Member("hedges", .number(hedges)),
            StateRows.Member("claims", .number(claims)), StateRows.Member("replays", .number(replays)),
            StateRows.Member("unknownOutcomes", .number(unknownOutcomes)),
            StateRows.Member("rejections", .counts(rejections)),
            StateRows.Member("wouldHave", .counts(wouldHave)),
        ]
    }
}
#endif
