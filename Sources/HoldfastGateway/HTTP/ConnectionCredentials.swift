#if Gateway
import NIOHTTP1

/// Schemes that authenticate a connection, and with it whoever sends anything on it. HTTP knows no such thing: a server
/// must not take two requests on a connection for one user's (RFC 9110, section 3.3). Where a service does, whoever stands
/// between must not have two clients share a connection that has been authenticated (RFC 4559, section 6).
enum ConnectionCredentials {
    /// Whether a value of `Authorization`, or one of the challenges of `WWW-Authenticate`, is of such a scheme.
    static func are(in value: String) -> Bool {
        // A comma within a quoted parameter makes two of one: at the worst, a connection is not shared that could be.
        value.utf8.split(separator: UInt8(ascii: ",")).contains { challenge in
            let scheme = challenge.drop { $0 == 0x20 || $0 == 0x09 }.prefix { $0 != 0x20 && $0 != 0x09 }
            return switch scheme.count {
            case 4: isSame(scheme, "ntlm")
            case 5: isSame(scheme, "nego2")
            case 8: isSame(scheme, "kerberos")
            case 9: isSame(scheme, "negotiate")
            default: false
            }
        }
    }

    private static func isSame(_ scheme: Substring.UTF8View, _ name: StaticString) -> Bool {
        scheme.enumerated().allSatisfy { String.lower($1) == name.utf8Start[$0] }
    }
}

extension HTTPHeaders {
    /// Whether a service says in an answer that it authenticates connections.
    var authenticateConnection: Bool {
        contains { name, value in
            switch name.utf8.count {
            case 13: name.is("proxy-support")
            case 15: name.is("persistent-auth")
            case 16: name.is("www-authenticate") && ConnectionCredentials.are(in: value)
            case 18: name.is("proxy-authenticate") && ConnectionCredentials.are(in: value)
            default: false
            }
        }
    }
}
#endif
