#if Gateway
import HoldfastHTTP
import HoldfastIdempotency
import HoldfastTLS
import NIOHTTP1

/// What stands with the claim of a request's key: see ``ClaimCause``.
extension Exchange {
    /// What is told of the request, for as long as nobody knows how it ended.
    func cause() -> ClaimCause {
        ClaimCause(
            startedAt: RequestReport.now, route: route.name, method: request.method.rawValue, host: target.host,
            path: target.path, caller: callerShown, client: origin.client,
            request: requestID.description, serviceRequest: serviceRequestID,
            trace: request.headers.first(name: "traceparent").flatMap { TraceParent($0)?.traceID })
    }

    /// Has the access log say that it begins.
    func tellBegin(under fence: Int64) {
        guard let id = claimed?.id else { return }
        shared.observer.began(
            BeginReport(cause: cause(), service: route.service.name, record: id, fence: fence))
    }

    /// What the service is told that the request is called, where that is not our own name for it: what the client has given.
    private var serviceRequestID: String? { fieldID == nil ? request.headers.first(name: "x-request-id") : nil }

    /// Who calls, as far as it is no secret: what a token says, whom a certificate names, and of fields those that the route
    /// says are names. An address is told anyway.
    private var callerShown: String? {
        switch route.configuration.caller {
        case .jwt: return identityShown
        case .address: return nil
        case .certificate:
            let values = certificate?.values ?? []
            return values.isEmpty ? nil : values.joined(separator: ", issued by ")
        case .fields:
            let shown = route.callerName.compactMap { name in
                request.headers.first(name: name).map { "\(name)=\($0)" }
            }
            return shown.isEmpty ? nil : shown.joined(separator: ", ")
        }
    }
}
#endif
