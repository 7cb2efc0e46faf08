#if Gateway
/// A field by which services take a request to come from somebody else than its connection does: from another client, to
/// another host, path or scheme, with another certificate. From whom this is not to be believed, none of them passes.
///
/// `X-Forwarded-For`, `-Proto`, `-Host` and `Forwarded`, which the gateway writes itself, are ``FieldName``'s.
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
        // Most fields are told from these by their first letter or by their length.
        let isOne =
            switch name.utf8.first.map(String.lower) {
            case UInt8(ascii: "x")?: Self.isAfterX(name)
            case UInt8(ascii: "c")?: Self.isAfterC(name)
            case UInt8(ascii: "f")?: Self.isAfterF(name)
            case UInt8(ascii: "s")?: name.begins(with: "ssl-client-")
            case UInt8(ascii: "t")?: name.means("true-client-ip")
            default: false
            }
        guard isOne else { return nil }
        self = name.utf8.contains(UInt8(ascii: "_")) ? .misspelt : .asItIs
    }

    private static func isAfterX(_ name: String) -> Bool {
        if name.begins(with: "x-forwarded-") || name.begins(with: "x-original-") || name.begins(with: "x-ssl-client-")
            || name.begins(with: "x-envoy-original-")
        {
            return true
        }
        return switch name.utf8.count {
        case 6: name.means("x-host")
        case 8: name.means("x-scheme")
        case 9: name.means("x-real-ip")
        case 11: name.means("x-client-ip") || name.means("x-remote-ip") || name.means("x-forwarded")
        case 12: name.means("x-url-scheme")
        case 13: name.means("x-rewrite-url") || name.means("x-remote-addr") || name.means("x-client-cert")
        case 14: name.means("x-proxyuser-ip")
        case 16: name.means("x-originating-ip")
        case 19: name.means("x-cluster-client-ip")
        case 20: name.means("x-http-host-override")
        case 24: name.means("x-envoy-external-address")
        default: false
        }
    }

    private static func isAfterC(_ name: String) -> Bool {
        switch name.utf8.count {
        case 9: name.means("client-ip")
        // RFC 9440, section 2.4: whoever ends TLS removes what came of these.
        case 11: name.means("client-cert")
        case 17: name.means("client-cert-chain")
        case 10: name.means("cf-visitor")
        case 14: name.means("cf-pseudo-ipv4")
        case 16: name.means("cf-connecting-ip")
        case 18: name.means("cf-connecting-ipv6")
        case 25: name.means("cloudfront-viewer-address")
        case 26: name.means("cloudfront-forwarded-proto")
        default: false
        }
    }

    private static func isAfterF(_ name: String) -> Bool {
        switch name.utf8.count {
        case 13: name.means("forwarded-for")
        case 15: name.means("front-end-https")
        case 16: name.means("fastly-client-ip")
        default: false
        }
    }
}

extension String {
    /// Whether it is this name, in any case, and with `-` or `_`.
    ///
    /// - Parameter name: In lower case, with `-`.
    fileprivate func means(_ name: StaticString) -> Bool {
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
