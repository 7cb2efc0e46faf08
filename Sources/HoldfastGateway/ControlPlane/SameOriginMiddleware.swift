#if Gateway
import HTTPTypes
import Hummingbird

/// Keeps other web sites from reaching the control plane through a browser on this machine: a request must name this
/// host, not one that a site's owner has pointed here, and one that changes something must come from our own page.
/// Where a token is asked for, any name of ours will do: another site's page has neither the token nor a session.
struct SameOriginMiddleware<Context: RequestContext>: RouterMiddleware {
    let host: String
    let hasToken: Bool

    @concurrent func handle(
        _ request: Request, context: Context, next: @concurrent (Request, Context) async throws -> Response
    ) async throws -> Response {
        guard let authority = request.head.authority, hasToken || isOurs(authority) else {
            throw HTTPError(.forbidden, message: "the control plane answers to its own address only")
        }
        if request.method != .get, request.method != .head, let origin = request.headers[.origin],
            origin != "http://\(authority)", !hasToken || origin != "https://\(authority)"
        {
            throw HTTPError(.forbidden, message: "the control plane takes changes from its own page only")
        }
        return try await next(request, context)
    }

    func isOurs(_ authority: String) -> Bool {
        let name = authority.hasPrefix("[") ? authority.prefix { $0 != "]" } + "]" : authority.prefix { $0 != ":" }
        if name == "localhost" || name == host || name.hasPrefix("[") { return true }
        return name.split(separator: ".").count == 4
            && name.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == 0x2E }
    }
}
#endif
