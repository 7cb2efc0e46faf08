#if Gateway
import HoldfastGateway
import NIOHTTP1
import TestSupport
import Testing

@testable import enum HoldfastGateway.HopField

/// The one list of what strangers may not send.
@Suite struct HopFieldTests {
    /// One of each family, as whoever sets it writes it.
    private static let set = [
        "X-Forwarded-User", "X-Forwarded-Prefix", "X-Forwarded-Client-Cert", "X-Original-URL", "X-Rewrite-URL",
        "X-Real-IP",
        "X-Envoy-Internal", "X-Envoy-External-Address", "X-Envoy-Retry-On", "X-Envoy-Upstream-Rq-Timeout-Ms",
        "X-Envoy-Peer-Metadata-Id", "X-Envoy-Original-Path", "X-Envoy-Force-Trace", "L5d-Client-Id", "L5d-Dst-Override",
        "X-Consumer-ID", "X-Consumer-Username", "X-Consumer-Groups", "X-Credential-Identifier", "X-Credential-Username",
        "X-Anonymous-Consumer", "X-Authenticated-Userid", "X-Authenticated-Scope", "X-Authenticated-Groups",
        "X-Userinfo",
        "X-Vouch-User", "X-Vouch-Idp-Claims-Email", "X-Auth-Request-Email", "X-Auth-Request-Access-Token",
        "X-Pomerium-Jwt-Assertion", "X-Pomerium-Claim-Email", "X-authentik-username", "X-WEBAUTH-USER", "Remote-User",
        "Remote-Groups", "Remote-Email", "X-Remote-User", "X-Remote-Group", "X-Remote-Extra-Scopes", "X-SSO-User",
        "Tailscale-User-Login", "Ngrok-Auth-User-Email", "X-Token-User-Email", "X-Token-Subject", "X-Replit-User-Id",
        "Teleport-Jwt-Assertion", "CF-Connecting-IP", "CF-IPCountry", "CF-Access-Authenticated-User-Email",
        "Cf-Access-Jwt-Assertion", "CF-Worker", "Cf-Cert-Verified", "True-Client-IP", "Fastly-Client-IP",
        "Fly-Client-IP",
        "X-NF-Client-Connection-IP", "X-Vercel-Forwarded-For", "X-Vercel-IP-Country", "X-Akamai-Edgescape",
        "X-Amzn-Oidc-Data", "X-Amzn-Oidc-Identity", "X-Amzn-Mtls-Clientcert-Leaf", "X-Amzn-Request-Context",
        "X-Apigateway-Event", "CloudFront-Viewer-Address", "X-Goog-Authenticated-User-Email",
        "X-Goog-IAP-JWT-Assertion",
        "X-Endpoint-API-UserInfo", "X-Apigateway-Api-Userinfo", "X-Appengine-User-Email", "X-MS-CLIENT-PRINCIPAL",
        "X-MS-CLIENT-PRINCIPAL-NAME", "X-MS-TOKEN-AAD-ID-TOKEN", "X-Azure-FDID", "X-ARR-ClientCert",
        "X-AppService-Proto",
        "MS-ASPNETCORE-WINAUTHTOKEN", "X-MS-Forwarded-Client-IP", "WL-Proxy-Client-IP", "$WSRU", "$WSRA", "iv-user",
        "iv-groups", "Shib-Session-ID", "OSSO-User-DN", "SSL-Client-S-DN", "X-SSL-Client-Verify", "Client-Cert",
        "Proxy-Auth-Cert", "X-JWT-Assertion", "X-Middleware-Subrequest", "X-Middleware-Rewrite", "X-Now-Route-Matches",
        "X-Invoke-Path", "X-Matched-Path", "X-Forwarded", "Front-End-Https", "X-Proxied-Https",
    ]
    /// With marks as variables have them.
    private static let variables = [
        "SCRIPT_NAME", "PATH_INFO", "SM_USER", "SM_UNIVERSALID", "OIDC_CLAIM_sub", "OIDC_CLAIM_given-name",
        "MELLON_NAME_ID", "OAM_REMOTE_USER",
    ]
    /// What clients send for themselves.
    private static let clients = [
        "Authorization", "X-Auth-Token", "X-Auth-Key", "X-Auth-User", "X-Access-Token", "X-Api-Key", "X-User",
        "X-User-Id",
        "X-Goog-Api-Key", "X-Goog-User-Project", "X-Amz-Date", "X-Amzn-Trace-Id", "X-Ms-Date", "X-Ms-Version",
        "CF-Access-Client-Id", "CF-Access-Client-Secret", "cf-turnstile-response", "Fastly-Key", "X-Requested-With",
        "X-Request-Start", "X-Middleware-Prefetch", "X-Nextjs-Data", "X-Vercel-Protection-Bypass", "X-CSRF-Token",
        "X-Hasura-Role", "X-Trino-User", "Accept", "Cookie", "User-Agent", "Sec-Fetch-Site", "Content-Type", "Range",
        "Stripe-Account", "X-Correlation-Id", "X-Ssl", "X-Consumer", "Cf-Ray", "X-B3-TraceId", "Smart", "X", "Xy", "",
    ]

    @Test func `what proxies and authenticators set is known, in every spelling, and what clients send is not`() {
        for name in Self.set + Self.variables {
            for spelled in [name, name.lowercased(), name.uppercased()] {
                #expect(HopField(spelled) == .asItIs, "\(spelled)")
            }
        }
        for name in Self.set where name.contains("-") {
            for mark in ["_", ".", "~", "!"] {
                let spelled = name.replacing("-", with: mark, maxReplacements: 1)
                #expect(HopField(spelled) == .misspelt, "\(spelled)")
            }
        }
        for name in Self.variables {
            #expect(HopField(name.replacing("_", with: "-")) == .misspelt, "\(name)")
        }
        for name in Self.clients { #expect(HopField(name) == nil, "\(name)") }
    }

    @Test func `no stranger's is passed on, and a trusted proxy's are`() async throws {
        for isTrusted in [false, true] {
            let service = try await TestService.start { _, _ in .ok() }
            let trusting = { (configuration: inout GatewayConfiguration) in
                if isTrusted { configuration.listeners[0].trusted = .loopback }
            }
            try await withGateway(to: service, configure: trusting) { gateway in
                let all = Self.set + Self.variables + Self.clients.filter { $0.count > 2 && $0 != "Range" }
                for start in stride(from: 0, to: all.count, by: 60) {
                    let sent = all[start..<min(start + 60, all.count)]
                    let headers = HTTPHeaders(sent.map { ($0, "it") })
                    try await expectEqual(TestClient.send(.GET, "/", to: gateway.port, headers: headers).status, 200)
                    let seen = try #require(service.requests.last).headers
                    for name in sent {
                        let passes = isTrusted || Self.clients.contains(name)
                        #expect(seen[name].contains("it") == passes, "\(name)")
                    }
                }
            }
        }
    }
}
#endif
