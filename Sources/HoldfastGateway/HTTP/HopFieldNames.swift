#if Gateway
/// What strangers may not send: the one list of the fields that services believe because somebody in front sets them.
///
/// A field belongs here if some proxy, balancer, authenticator or framework is documented to set it, or to drop it from
/// outside, and no client has a reason of its own to send it. So `X-Auth-Token`, `X-Access-Token` and `CF-Access-Client-Id`
/// are not here: these are credentials of clients. No list is complete: what an authenticator of your own sets must be
/// removed by whatever sets it.
enum HopFieldNames {
    static let table = FieldNameTable(
        names: places + clients + users + certificates + internals, beginnings: beginnings, variables: variables)

    /// Families that belong to one proxy or authenticator as a whole.
    private static let beginnings: [StaticString] = [
        "x-forwarded-", "x-original-", "x-ssl-", "ssl-client-",
        // Envoy and Istio: at its edge Envoy drops these itself. Linkerd, among them `l5d-dst-override`.
        "x-envoy-", "l5d-",
        // Amazon's balancer and the adapter of Lambda, with what an authorizer has said; CloudFront.
        "x-amzn-oidc-", "x-amzn-mtls-clientcert", "x-amzn-tls-", "x-amzn-request-context", "x-amzn-lambda-context",
        "x-apigateway-event", "x-apigateway-context", "cloudfront-",
        // Google's proxies, App Engine, and Cloud Endpoints.
        "x-goog-authenticated-user-", "x-goog-iap-", "x-appengine-", "x-endpoint-api-", "x-apigateway-api-",
        // Azure's App Service, Front Door and IIS; ASP.NET's module in it; AD FS.
        "x-arr-", "x-ms-client-principal", "x-ms-token-", "x-ms-forwarded-", "x-ms-proxy", "x-ms-adfs-", "x-azure-",
        "x-appservice-", "ms-aspnetcore-",
        // Cloudflare; Akamai; Fly; Netlify; Vercel.
        "cf-access-authenticated-user-", "cf-access-jwt-", "cf-connecting-", "cf-ip", "cf-region", "cf-bot-",
        "cf-client-cert-",
        "cf-cert-", "x-akamai-", "fly-forwarded-", "x-nf-", "x-vercel-ip-", "x-vercel-oidc-",
        "x-vercel-proxied-",
        // Kong and APISIX; Vouch; oauth2-proxy; Pomerium; authentik; Grafana's and Gitea's WebAuth; Tailscale; ngrok;
        // AuthP of Caddy; Replit; Teleport.
        "x-consumer-", "x-credential-", "x-authenticated-", "x-vouch-", "x-auth-request-", "x-pomerium-",
        "x-authentik-",
        "x-webauth-", "tailscale-", "ngrok-auth-", "x-token-user-", "x-replit-user-", "teleport-jwt-",
        // What `Remote-User` became elsewhere: Authelia, Kubernetes' front proxy, and many of one's own.
        "x-remote-", "remote-", "x-sso-",
        // WebLogic; WebSphere, whose plug-in's fields begin with $WS; WebSEAL.
        "wl-proxy-", "-ws", "iv-remote-address",
        // Shibboleth.
        "shib-", "x-shib-",
        // Next.js speaks to itself so: with `X-Middleware-Subrequest` it left out its checks (CVE-2025-29927).
        "x-middleware-s", "x-middleware-re", "x-invoke-",
    ]

    /// Where a request was asked for, as frameworks read it.
    private static let places: [StaticString] = [
        "x-host", "x-scheme", "x-url-scheme", "x-rewrite-url", "x-rewrite-uri", "x-request-uri", "x-http-host-override",
        "x-script-name", "x-path-info", "x-root-path", "x-base-path", "x-http-path-override", "x-waws-unencoded-url",
        "x-real-host", "x-real-proto", "x-real-port", "x-proxied-https", "x-base-url", "x-forwarded",
        "daphne-root-path",
        "front-end-https", "wl-path-prepend", "cf-visitor", "disguised-host", "was-default-hostname", "k-original-host",
        "fastly-ssl", "fastly-orig-host", "x-matched-path", "x-now-route-matches",
    ]

    /// Who asks, by address.
    private static let clients: [StaticString] = [
        "x-real-ip", "x-client-ip", "x-proxyuser-ip", "x-originating-ip", "x-source-ip", "x-user-ip", "x-coming-from",
        "x-cluster-client-ip", "x-true-client-ip", "x-true-ip", "x-vercel-forwarded-for", "x-sp-forwarded-ip",
        "client-ip", "cf-pseudo-ipv4", "cf-worker", "coming-from", "forwarded-for",
        "forwarded-for-ip",
        "fastly-client", "fastly-client-ip", "fastly-ff", "fly-client-ip", "proxy-client-ip", "proxy-ip", "source-ip",
        "true-client-ip", "z-forwarded-for", "dapr-caller-app-id", "dapr-caller-namespace",
    ]

    /// Who asks, by name.
    private static let users: [StaticString] = [
        "x-anonymous-consumer", "x-anonymous-username", "x-userinfo", "x-id-token-payload", "x-jwt-assertion",
        "x-jwt-payload", "x-proxy-user", "x-proxy-remote-user", "proxy-remote-user", "proxy-user", "x-token-subject",
        "x-auth-username", "x-auth-userid", "x-auth-groups", "x-auth-roles", "x-auth-subject", "x-auth-audience",
        "osso-user-dn", "osso-subscriber", "oam-identity-domain", "x-cas-user", "cas-user",
        "iv-user", "iv-user-l", "iv-groups", "iv-creds", "iv-server-name", "smuser",
    ]

    /// With which certificate. RFC 9440, section 2.4: whoever ends TLS removes what came of the certificate's.
    private static let certificates: [StaticString] = [
        "client-cert", "client-cert-chain", "x-client-cert", "x-client-cert-chain", "x-client-verify", "x-client-dn",
        "x-client-s-dn", "x-client-i-dn", "x-client-serial", "x-client-certificate", "x-tls-client-cert",
        "x-tls-verified", "x-peer-cert", "ssl-cert", "ssl-verified", "ssl-cipher", "ssl-session-id",
        "ssl-cipher-usekeysize", "proxy-auth-cert", "proxy-ssl-id", "proxy-keysize",
    ]

    /// What parts of one service say to each other.
    private static let internals: [StaticString] = [
        "x-middleware-next", "x-middleware-invoke", "x-middleware-override-headers", "surrogate-capability",
    ]

    /// Written with `_` by whoever sets them: variables of CGI, SiteMinder, mod_auth_openidc, mod_auth_mellon, Oracle's
    /// Access Manager.
    private static let variables: [StaticString] = [
        "script-name", "path-info", "sm-user", "sm-userdn", "sm-userlogin", "sm-universalid", "sm-authdirname",
        "sm-serversessionid", "oidc-claim-", "oidc-id-token", "oidc-access-token", "mellon-",
        "oam-remote-user",
    ]
}
#endif
