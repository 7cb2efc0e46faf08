#if PostgreSQL
import CPostgreSQL
import HoldfastIdempotency

/// Looks at a URL before libpq connects. What libpq cannot read it quotes, and that may be the password: it would stand in
/// the log of whoever starts the process.
enum PostgresURL {
    static let refusal = """
        the store's URL cannot be read: postgres://[user[:password]@][host][:port][/database][?option=value&…], and in \
        a user or a password every character but letters, digits, '-', '.', '_' and '~' as %XX
        """

    static func canBeRead(_ url: String) -> Bool {
        guard !StoreURL.mayMisplacePassword(url), let options = PQconninfoParse(url, nil) else { return false }
        defer { PQconninfoFree(options) }
        // It ends with an option without a keyword. What stands where a port is expected would be quoted when connecting.
        var option = options
        while let keyword = option.pointee.keyword {
            if String(cString: keyword) == "port", let port = option.pointee.val.map({ String(cString: $0) }),
                !port.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == UInt8(ascii: ",") })
            {
                return false
            }
            option += 1
        }
        return true
    }
}
#endif
