#if Gateway
/// A field by which services take a request to come from somebody else than its connection does: from another client or
/// user, to another host, path or scheme, with another certificate. From whom this is not to be believed, none of them
/// passes.
///
/// `X-Forwarded-For`, `-Proto`, `-Host` and `Forwarded`, which the gateway writes itself, are ``FieldName``'s, and fields
/// that name another method are ``MethodOverride``'s.
enum HopField {
    case asItIs
    /// With `_` for `-`: services that make variables of fields (CGI, WSGI, Rack) take it for the same, and no proxy that
    /// sets or removes the field knows it.
    case misspelt

    /// Whether a field stays in a request.
    ///
    /// Of the fields in which a proxy says how a request came, one kind alone counts: a proxy that writes the one passes the
    /// other on as its clients sent it. All else of this kind is the proxy's to set or to remove.
    ///
    /// - Parameter field: What the proxy writes that the request comes from; nil: it comes from nobody who is trusted.
    static func isKept(_ name: String, of field: ListenerConfiguration.TrustedFields?) -> Bool {
        switch FieldName(name) {
        case .forwardedFor, .forwardedProto, .forwardedHost: field == .xForwarded
        case .forwarded: field == .forwarded
        case .other: HopField(name).map { $0 == .asItIs && field != nil } ?? true
        default: true
        }
    }

    /// Nil for any other field.
    init?(_ name: String) {
        guard Self.isOne(name) else { return nil }
        let isUnderscored = name.utf8.contains(UInt8(ascii: "_"))
        // These two are variables' names, and proxies that set them write them so.
        let isVariable = name.means("script-name") || name.means("path-info")
        self = isUnderscored == isVariable ? .asItIs : .misspelt
    }

    private static func isOne(_ name: String) -> Bool {
        // Most fields are told from these by their first letter or by their length.
        let (prefixes, names): ([StaticString], [[StaticString]])
        switch name.utf8.first.map(String.lower) {
        case UInt8(ascii: "x")?: (prefixes, names) = (xPrefixes, xNames)
        case UInt8(ascii: "c")?: (prefixes, names) = (cPrefixes, cNames)
        case UInt8(ascii: "r")?: (prefixes, names) = ([], rNames)
        case UInt8(ascii: "d")?, UInt8(ascii: "f")?, UInt8(ascii: "p")?, UInt8(ascii: "s")?, UInt8(ascii: "t")?,
            UInt8(ascii: "w")?:
            (prefixes, names) = (otherPrefixes, otherNames)
        default: return false
        }
        let length = name.utf8.count
        return (length < names.count && names[length].contains { name.means($0) })
            || prefixes.contains { name.begins(with: $0) }
    }

    // MARK: Names

    private static let xPrefixes: [StaticString] = [
        "x-forwarded-", "x-original-", "x-envoy-original-", "x-ssl-",
        // Whoever ends TLS or authenticates in front says so: Azure, App Engine, Google's and Amazon's proxies, oauth2-proxy.
        "x-arr-", "x-appengine-", "x-ms-client-principal", "x-goog-authenticated-user-", "x-amzn-oidc-",
        "x-amzn-mtls-clientcert", "x-auth-request-", "x-webauth-", "x-authentik-",
    ]
    private static let xNames = byLength([
        // Where a request was asked for, as frameworks read it.
        "x-host", "x-scheme", "x-url-scheme", "x-rewrite-url", "x-rewrite-uri", "x-request-uri", "x-http-host-override",
        "x-script-name", "x-path-info", "x-root-path", "x-base-path",
        "x-http-path-override", "x-waws-unencoded-url", "x-envoy-decorator-operation",
        // Who asks.
        "x-real-ip", "x-client-ip", "x-remote-ip", "x-forwarded", "x-remote-addr", "x-proxyuser-ip", "x-originating-ip",
        "x-cluster-client-ip", "x-envoy-external-address", "x-azure-clientip", "x-azure-socketip", "x-real-host",
        "x-real-proto", "x-remote-host", "x-remote-user", "x-remote-groups", "x-authenticated-user", "x-proxy-user",
        "x-true-client-ip", "x-true-ip", "x-nf-client-connection-ip", "x-vercel-forwarded-for",
        "x-sp-forwarded-ip",
        // With which certificate.
        "x-client-cert", "x-client-cert-chain", "x-client-verify", "x-client-dn", "x-client-s-dn", "x-client-i-dn",
        "x-client-serial", "x-tls-client-cert", "x-tls-verified", "x-peer-cert",
    ])
    private static let cPrefixes: [StaticString] = ["cf-access-authenticated-user-"]
    private static let cNames = byLength([
        // RFC 9440, section 2.4: whoever ends TLS removes what came of the certificate's.
        "client-ip", "client-cert", "client-cert-chain", "cf-visitor", "cf-pseudo-ipv4", "cf-connecting-ip",
        "cf-connecting-ipv6", "cloudfront-viewer-address", "cloudfront-forwarded-proto",
    ])
    private static let rNames = byLength([
        "remote-user", "remote-groups", "remote-name", "remote-email", "remote-addr", "remote-ip", "remote-host",
    ])
    private static let otherPrefixes: [StaticString] = [
        "ssl-client-", "wl-proxy-", "tailscale-user-", "tailscale-app-capabilities",
    ]
    private static let otherNames = byLength([
        "daphne-root-path", "forwarded-for", "front-end-https", "fastly-client-ip", "fly-client-ip", "path-info",
        "proxy-client-ip", "proxy-remote-user", "script-name", "ssl-cert", "ssl-verified", "true-client-ip",
        "wl-path-prepend",
    ])

    private static func byLength(_ names: [StaticString]) -> [[StaticString]] {
        let longest = names.map(\.utf8CodeUnitCount).max() ?? 0
        return (0...longest).map { length in names.filter { $0.utf8CodeUnitCount == length } }
    }
}

extension String {
    /// Whether it is this name, in any case, and with `-` or `_`.
    ///
    /// - Parameter name: In lower case, with `-`.
    func means(_ name: StaticString) -> Bool {
        utf8.count == name.utf8CodeUnitCount && begins(with: name)
    }

    fileprivate func begins(with name: StaticString) -> Bool {
        let count = name.utf8CodeUnitCount
        guard utf8.count >= count else { return false }
        func isSame(_ byte: UInt8, _ place: Int) -> Bool {
            (byte == UInt8(ascii: "_") ? UInt8(ascii: "-") : Self.lower(byte)) == name.utf8Start[place]
        }
        let same = utf8.withContiguousStorageIfAvailable { bytes in (0..<count).allSatisfy { isSame(bytes[$0], $0) } }
        return same ?? zip(utf8, 0..<count).allSatisfy(isSame)
    }
}
#endif
