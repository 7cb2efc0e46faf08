/// The fields that speak of one connection and never cross to another (RFC 9110, section 7.6.1).
public enum HopByHop {
    private static let names: Set<String> = [
        "connection", "http2-settings", "keep-alive", "proxy-authenticate", "proxy-authentication-info",
        "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
    ]

    /// Whether a field stays on this connection.
    ///
    /// - Parameters:
    ///   - name: The field's name, in lower case.
    ///   - named: The names that this message's `Connection` field lists, in lower case.
    public static func stays(_ name: String, named: [String]) -> Bool {
        names.contains(name) || named.contains(name)
    }

    /// The names that a `Connection` field lists, in lower case.
    public static func named(by connection: [String]) -> [String] {
        connection.flatMap { value in
            value.split(separator: ",").map { name in
                name.lowercased().filter { $0 != " " && $0 != "\t" }
            }
        }
    }
}
