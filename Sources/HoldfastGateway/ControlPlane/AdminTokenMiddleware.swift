#if Gateway
import FoundationEssentials
import HTTPTypes
import Hummingbird
import NIOCore

/// Lets through who presents the token (`Authorization: Bearer …`) or has a session, and everybody to `/health` and
/// `/ready`. Whoever asks for the page is asked for the token.
struct AdminTokenMiddleware: RouterMiddleware {
    typealias Context = AdminContext

    static let cookie = "holdfast-session"
    /// What every 401 has (RFC 9110, section 11.6.1), the realm in quotes (section 11.5).
    private static var challenge: HTTPFields { [.wwwAuthenticate: #"Bearer realm="holdfast""#] }

    let access: AdminAccess

    @concurrent func handle(
        _ request: Request, context: Context, next: @concurrent (Request, Context) async throws -> Response
    ) async throws -> Response {
        switch (request.method, request.uri.path) {
        case (_, let path) where ControlPlane.probes.contains(path): return try await next(request, context)
        case (.post, "/api/login"): return try await logIn(request, context)
        default: break
        }
        guard await isAdmitted(request, context) else { return refusal(request) }
        guard request.method == .post, request.uri.path == "/api/logout" else {
            return try await next(request, context)
        }
        if let session = Self.session(request) { access.end(session: session) }
        return Response(status: .noContent, headers: [.setCookie: Self.cookie(holding: "", seconds: 0)])
    }

    private func isAdmitted(_ request: Request, _ context: Context) async -> Bool {
        guard let token = Self.token(request) else { return isAdmitted(request) }
        return await access.admits(token: token) { await context.pause(for: $0, by: access.clock) }
    }

    /// The same at once, for a request that goes on.
    func isAdmitted(_ request: Request) -> Bool {
        // Whoever sends the field is judged by it alone.
        guard request.headers[.authorization] == nil else {
            return Self.token(request).map { access.admits(token: $0) } ?? false
        }
        return Self.session(request).map { access.admits(session: $0) } ?? false
    }

    private static func token(_ request: Request) -> Substring? {
        let words = request.headers[.authorization]?.split(separator: " ", maxSplits: 1) ?? []
        return words.count == 2 && words[0].lowercased() == "bearer" ? words[1] : nil
    }

    private func logIn(_ request: Request, _ context: Context) async throws -> Response {
        let body = try await request.body.collect(upTo: 16 << 10)
        // What is wrong with the body is not said: it may hold the token.
        guard let order = try? JSONDecoder().decode(LoginOrder.self, from: Data(body.readableBytesView)) else {
            throw HTTPError(.badRequest, message: #"the body must be {"token": "…"}"#)
        }
        guard await access.admits(token: order.token, pausing: { await context.pause(for: $0, by: access.clock) })
        else {
            access.countRefusal()
            throw HTTPError(.unauthorized, headers: Self.challenge, message: "this is not the token")
        }
        context.showed()
        let seconds = Int(AdminAccess.lifetime.components.seconds)
        return Response(
            status: .noContent, headers: [.setCookie: Self.cookie(holding: access.begin(), seconds: seconds)])
    }

    private func refusal(_ request: Request) -> Response {
        access.countRefusal()
        var headers = Self.challenge
        headers[.cacheControl] = "no-store"
        guard request.method == .get, request.uri.path == "/" else {
            headers[.contentType] = "application/json"
            let body = #"{"error":{"message":"the control plane needs its token: Authorization: Bearer TOKEN"}}"#
            return Response(status: .unauthorized, headers: headers, body: .init(byteBuffer: ByteBuffer(string: body)))
        }
        headers[.contentType] = "text/html; charset=utf-8"
        headers[.contentSecurityPolicy] = PageFiles.loginPolicy
        return Response(
            status: .unauthorized, headers: headers, body: .init(byteBuffer: ByteBuffer(string: loginPage)))
    }

    static func session(_ request: Request) -> Substring? {
        for field in request.headers[values: .cookie] {
            for pair in field.split(separator: ";") {
                let words = pair.drop { $0 == " " }.split(separator: "=", maxSplits: 1)
                if words.count == 2, words[0] == cookie { return words[1] }
            }
        }
        return nil
    }

    /// Sent back by this browser to this origin alone, when one of our own pages asks, and never shown to scripts.
    private static func cookie(holding value: String, seconds: Int) -> String {
        "\(cookie)=\(value); Path=/; Max-Age=\(seconds); HttpOnly; SameSite=Strict"
    }
}

/// What `POST /api/login` is told.
private struct LoginOrder: Decodable {
    let token: String
}
#endif
