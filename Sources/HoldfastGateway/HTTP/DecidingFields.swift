#if Gateway
/// The fields that the gateway decides by, beside those that it sets itself. The service has to see of them what was decided
/// on: a client can neither have them withheld by naming them in `Connection`, nor put another beside them that a service
/// takes for the same.
struct DecidingFields: Sendable {
    /// The fields of every plan, in lower case: where a request ends, whom it is for, whose effect it is and what it says,
    /// and how much time it has. Of those that tell of hops, ``HopField`` leaves out the misspelt.
    private static let always: Set<String> = [
        "content-length", "transfer-encoding", "host", "idempotency-key", "content-type", "content-encoding",
        "holdfast-timeout", "holdfast-attempt",
    ]

    /// In lower case.
    let names: Set<String>
    /// The names as those see them who take every mark for the same, as CGI does: `HTTP_X_USER` may be `x-user` or `x_user`.
    private let folded: Set<[UInt8]>
    /// The lengths of names with marks, a bit for each: what is of another length needs no closer look.
    private let lengths: UInt64
    /// Whether a name has another mark than the hyphen.
    private let hasUnusual: Bool

    static let least = DecidingFields([])

    init(_ names: some Sequence<String>) {
        self.names = Self.always.union(names.map { $0.lowercased() })
        let marked = self.names.filter { !$0.utf8.allSatisfy(Self.isAlphanumeric) }
        folded = Set(marked.map { Self.folded($0) })
        lengths = marked.reduce(0) { $0 | 1 << UInt64(min($1.utf8.count, 63)) }
        hasUnusual = !marked.allSatisfy(Self.isUsual)
    }

    /// Whether a service may take a field for another, by which something was decided.
    func isTwin(_ name: String) -> Bool {
        guard lengths >> UInt64(min(name.utf8.count, 63)) & 1 == 1 else { return false }
        // Two names without other marks than the hyphen are the same or not taken for each other.
        guard hasUnusual || !Self.isUsual(name) else { return false }
        return folded.contains(Self.folded(name)) && !names.contains(name.lowercased())
    }

    private static func isUsual(_ name: String) -> Bool {
        name.utf8.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") }
    }

    private static func folded(_ name: String) -> [UInt8] {
        name.lowercased().utf8.map { isAlphanumeric($0) ? $0 : UInt8(ascii: "-") }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20)
    }
}
#endif
