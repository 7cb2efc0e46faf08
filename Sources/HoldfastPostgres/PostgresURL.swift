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
        return canBeRead(url, by: pq) ? nil : refusal
    }

    static func canBeRead(_ url: String, by pq: LibPQ) -> Bool {
        guard !StoreURL.mayMisplacePassword(url), let options = pq.conninfoParse(url, nil) else { return false }
        defer { pq.conninfoFree(options) }
        // It ends with an option without a keyword. What stands where a port is expected would be quoted when connecting.
        var option = options
        while let keyword = option[0] {
            if String(cString: keyword) == "port", let port = option[LibPQ.optionValue].map({ String(cString: $0) }),
                !port.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == UInt8(ascii: ",") })
            {
                return false
            }
            option += LibPQ.optionWords
        }
        return true
    }
}
#endif
