#if Gateway
import Holdfast
import HoldfastHTTP
import NIOCore
import NIOHTTP1

/// A request that asks for a WebSocket. It is sent once. When the service agrees, the exchange has ended, and the two
/// connections are joined; the endpoint and the route's `concurrency` count them until they close. The adaptive limit
/// does not: it learns from latency, and a WebSocket has none. Any other answer is relayed.
extension Exchange {
    /// Fields that are about one connection, and that this request alone brings through.
    private static let upgrade = [("connection", "Upgrade"), ("upgrade", "websocket")]

    static func asksForWebSocket(_ request: HTTPRequestHead, _ fields: RequestFields) -> Bool {
        request.method == .GET && request.version == .http1_1 && !fields.announcesBody
            && request.headers[canonicalForm: "connection"].contains { $0.lowercased() == "upgrade" }
            && request.headers["upgrade"].map { $0.lowercased() } == ["websocket"]
            // Without it, nobody can tell whether the service has understood what it agrees to.
            && request.headers["sec-websocket-key"].count == 1
    }

    func addUpgrade<Fields: FieldSink>(to fields: inout Fields) {
        for (name, value) in Self.upgrade { fields.add(name: name, value: value) }
    }

    /// The service leaves HTTP behind. The end of its answer follows, and then bytes that are not HTTP.
    func receivedSwitch(_ head: HTTPResponseHead, from attempt: UpstreamAttempt) {
        guard isWebSocket, WebSocketHandshake.isAgreed(head.headers, to: request.headers) else {
            let words =
                isWebSocket
                ? "switched protocols without agreeing to this WebSocket" : "switched to what nobody asked for"
            return failed(
                attempt, .unknown, .failed, problem(.upstreamReset, words, at: attempt.endpoint), .close)
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
        _ = HeaderRules.toClient(answer, for: request, named: fieldID, keepAlive: true, date: nil, into: &headers)
        addUpgrade(to: &headers)
        let head = HTTPResponseHead(version: .http1_1, status: answer.status, headers: headers)
        let limits = Tunnel.Limits(
            silence: TimeAmount(plan.configuration.webSocketTimeout), behind: plan.clientTimeout)
        if let place = place.take() {
            let held = HeldPlace(place)
            connection.channel.closeFuture.assumeIsolated().whenComplete { _ in held.place = nil }
        }
        let givePlace = attempt.handOverPlace()
        connection.channel.closeFuture.assumeIsolated().whenComplete { _ in givePlace() }
        current = nil
        attempt.end(.succeeded, .over)
        finish()
        client.switchProtocols(head, with: connection, limits)
    }

    /// A place that goes back when the connection to the service has closed, which is when both have.
    private final class HeldPlace {
        var place: Bulkhead.Place?

        init(_ place: consuming Bulkhead.Place) { self.place = consume place }
    }
}
#endif
