#if Gateway
import HTTPTypes
import Hummingbird

/// Keeps other web sites from reaching the control plane through a browser on this machine: a request must name this
/// host, not one that a site's owner has pointed here, and must not come from another site's page.
/// Where a token is asked for, any name of ours will do: another site's page has neither the token nor a session.
struct SameOriginMiddleware: RouterMiddleware {
    typealias Context = AdminContext

    let host: String
    let hasToken: Bool

    @concurrent func handle(
        _ request: Request, context: Context, next: @concurrent (Request, Context) async throws -> Response
    ) async throws -> Response {
        // One host, said once: in a second field, or in the target, another reader might find another
        // (RFC 9112, section 3.2).
        guard let authority = request.head.authority, request.headers[named: "Host"] == nil,
            request.head.path?.hasPrefix("/") == true, let field = HostField(authority)
        else {
            throw HTTPError(.badRequest, message: "a request names one host, in its field Host, and a path")
        }
        guard hasToken || isOurs(field) else {
            throw HTTPError(.forbidden, message: "the control plane answers to its own address only")
        }
        if let origin = request.headers[.origin], origin != "http://\(authority)",
            !hasToken || origin != "https://\(authority)"
        {
            throw HTTPError(.forbidden, message: "the control plane answers its own page only")
        }
        guard !comesFromElsewhere(request) else {
            throw HTTPError(.forbidden, message: "the control plane answers its own page only")
        }
        return try await next(request, context)
    }

    /// Whether nobody but us has this name: an address is nobody's to point elsewhere.
    func isOurs(_ field: HostField) -> Bool {
        switch field.host {
        case .address: true
        case .name(let name): name == "localhost" || name == host.lowercased()
        }
    }

    /// What a browser says of where a request comes from, which no page can change (W3C, Fetch Metadata). A link on another
    /// site may lead to our page: it shows itself, and asks for what it needs.
    private func comesFromElsewhere(_ request: Request) -> Bool {
        guard let site = request.headers[named: "Sec-Fetch-Site"], site != "same-origin", site != "none" else {
            return false
        }
        let isLink =
            request.method == .get && request.uri.path == "/" && request.headers[named: "Sec-Fetch-Mode"] == "navigate"
            && request.headers[named: "Sec-Fetch-Dest"] == "document"
        return !isLink
    }
}

/// Gives whoever has shown that they may ask a place that no stranger can take.
struct AdminPlaceMiddleware: RouterMiddleware {
    typealias Context = AdminContext

    @concurrent func handle(
        _ request: Request, context: Context, next: @concurrent (Request, Context) async throws -> Response
    ) async throws -> Response {
        // Everybody may ask these.
        guard !ControlPlane.probes.contains(request.uri.path) else { return try await next(request, context) }
        let hasPlace = context.showed()
        // A stream stays. In a stranger's place it would go when the next stranger comes.
        guard hasPlace || request.uri.path != "/api/events" else {
            throw HTTPError(
                .serviceUnavailable, headers: [.retryAfter: "10"],
                message: "\(AdminPlaces.known) others look at the control plane, and no more may")
        }
        return try await next(request, context)
    }
}

/// What every answer of the control plane tells a browser: to take it for what it says it is, to show it in no other
/// page's frame, to give it to no other site, to keep none of it, and to tell nobody where a link was followed from.
enum AdminFields {
    private static let fields = [
        ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"), ("X-Frame-Options", "DENY"),
        ("Cross-Origin-Resource-Policy", "same-origin"), ("Cross-Origin-Opener-Policy", "same-origin"),
    ]

    static func add(to response: inout Response) {
        for (name, value) in fields { response.headers[named: name] = value }
        if response.headers[.cacheControl] == nil { response.headers[.cacheControl] = "no-store" }
        if response.headers[.contentSecurityPolicy] == nil {
            response.headers[.contentSecurityPolicy] = "default-src 'none'; frame-ancestors 'none'"
        }
    }
}

extension HTTPFields {
    /// A field by its name, for names that the library has no word for. `Host` is one: the first is the authority.
    fileprivate subscript(named name: String) -> String? {
        get { HTTPField.Name(name).flatMap { self[$0] } }
        set { if let name = HTTPField.Name(name) { self[name] = newValue } }
    }
}
#endif
