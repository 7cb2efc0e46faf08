#if Gateway
import Holdfast
import HoldfastHTTP
import NIOCore
import NIOHTTP1

/// A request that asks for a WebSocket. It is sent once. When the service agrees, the exchange has ended, and the two
/// connections are joined; the endpoint counts the connection until it closes. Any other answer is relayed.
extension Exchange {
    /// Fields that are about one connection, and that this request alone brings through.
    private static let upgrade = [("connection", "Upgrade"), ("upgrade", "websocket")]

    static func asksForWebSocket(_ request: HTTPRequestHead, _ fields: RequestFields) -> Bool {
        request.method == .GET && request.version == .http1_1 && !fields.announcesBody
            && request.headers[canonicalForm: "connection"].contains { $0.lowercased() == "upgrade" }
            && request.headers["upgrade"].map { $0.lowercased() } == ["websocket"]
    }

    func addUpgrade<Fields: FieldSink>(to fields: inout Fields) {
        for (name, value) in Self.upgrade { fields.add(name: name, value: value) }
    }

    /// The service leaves HTTP behind. The end of its answer follows, and then bytes that are not HTTP.
    func receivedSwitch(_ head: HTTPResponseHead, from attempt: UpstreamAttempt) {
        guard isWebSocket, head.headers.first(name: "upgrade")?.lowercased() == "websocket" else {
            return failed(
                attempt, .unknown, .failed,
                Problem(.upstreamReset, "\(attempt.endpoint.name) switched to what nobody asked for"), .close)
        }
        attempt.answers()
        attempt.judge(.succeeded)
        route.budget.succeeded(after: attemptNumber > 1 ? .retry : nil)
        account.answered(Int(head.status.code))
        responseHead = head
    }

    /// Whether the service has switched, and the connections are to be joined.
    var isSwitching: Bool { phase == .attempting && responseHead?.status == .switchingProtocols }

    func switchProtocols(_ attempt: UpstreamAttempt) {
        guard let client, let connection = attempt.connection, let answer = responseHead else { return finish() }
        var headers = HTTPHeaders()
        _ = HeaderRules.toClient(answer, for: request, keepAlive: true, into: &headers)
        addUpgrade(to: &headers)
        let head = HTTPResponseHead(version: .http1_1, status: answer.status, headers: headers)
        let idleLimit = plan.idleTimeout
        current = nil
        attempt.end(.succeeded, .over)
        finish()
        client.switchProtocols(head, with: connection, idleLimit: idleLimit)
    }
}
#endif
