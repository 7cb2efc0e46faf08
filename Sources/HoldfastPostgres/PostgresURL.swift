#if PostgreSQL
import HoldfastIdempotency

extension PostgresStore {
    /// Whether libpq can read a URL. Nothing is connected to, and nothing of the URL is told.
    ///
    /// - Returns: What is wrong; nil where nothing is, or nobody can tell because libpq is not there.
    package static func fault(ofURL url: String) -> String? { PostgresURL.fault(of: url) }
}

/// Looks at a URL before libpq connects. What libpq cannot read it quotes, and that may be the password: it would stand in
/// the log of whoever starts the process.
enum PostgresURL {
    static let refusal = """
        the store's URL cannot be read: postgres://[user[:password]@][host][:port][/database][?option=value&…], and in \
        a user or a password every character but letters, digits, '-', '.', '_' and '~' as %XX
        """

    /// What is wrong with a URL; nil where nothing is, or nobody can tell because libpq is not there.
    static func fault(of url: String) -> String? {
        guard let pq = try? LibPQ.shared() else { return nil }
        guard let options = options(of: url, by: pq) else { return refusal }
        return options.lazy.compactMap(fault).first
    }

    static func canBeRead(_ url: String, by pq: LibPQ) -> Bool { options(of: url, by: pq) != nil }

    /// What libpq looks at no earlier than when it connects: options of which only some words are meant (libpq 12 to 17),
    /// and numbers.
    private static let words: [String: [String]] = [
        "sslmode": ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"],
        "target_session_attrs": ["any", "read-write", "read-only", "primary", "standby", "prefer-standby"],
        "channel_binding": ["disable", "prefer", "require"], "gssencmode": ["disable", "prefer", "require"],
        "load_balance_hosts": ["disable", "random"], "sslnegotiation": ["postgres", "direct"],
        "ssl_min_protocol_version": ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"],
        "ssl_max_protocol_version": ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"],
        "sslcertmode": ["disable", "allow", "require"], "keepalives": ["0", "1"],
    ]
    private static let numbers: Set<String> = [
        "connect_timeout", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout",
    ]

    private static func fault(of option: (name: String, value: String)) -> String? {
        // An empty value is none.
        guard !option.value.isEmpty else { return nil }
        if option.name == "port" {
            let ports = option.value.split(separator: ",", omittingEmptySubsequences: false)
            return ports.allSatisfy { $0.isEmpty || (1...65_535).contains(Int($0) ?? 0) }
                ? nil : "a port in the store's URL must be a number from 1 to 65535"
        }
        if numbers.contains(option.name), Int32(option.value) == nil {
            return "\(option.name) in the store's URL must be a whole number"
        }
        guard let allowed = words[option.name], !allowed.contains(option.value) else { return nil }
        return "\(option.name) in the store's URL must be one of \(allowed.joined(separator: ", "))"
    }

    /// What a URL gives; nil where libpq cannot read it.
    private static func options(of url: String, by pq: LibPQ) -> [(name: String, value: String)]? {
        guard !StoreURL.mayMisplacePassword(url), let options = pq.conninfoParse(url, nil) else { return nil }
        defer { pq.conninfoFree(options) }
        var given: [(name: String, value: String)] = []
        // It ends with an option without a keyword.
        var option = options
        while let keyword = option[0] {
            if let value = option[LibPQ.optionValue] {
                given.append((String(cString: keyword), String(cString: value)))
            }
            option += LibPQ.optionWords
        }
        // What stands where a port is expected would be quoted when connecting.
        let isOdd = given.contains { name, value in
            name == "port" && !value.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == UInt8(ascii: ",") }
        }
        return isOdd ? nil : given
    }
}
#endif
