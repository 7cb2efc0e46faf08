#if Gateway
/// Whom a listener believes what about where requests come from.
struct TrustedHops: Sendable {
    let proxies: [AddressRange]
    let fields: ListenerConfiguration.TrustedFields
    let lineage: [AddressRange]

    init(_ listener: ListenerConfiguration) {
        proxies = listener.trusted
        fields = listener.trustedFields
        lineage = listener.lineageFrom
    }

    /// Whether what it says about those before it counts.
    func speaksForOthers(_ address: IPAddress?) -> Bool {
        guard !proxies.isEmpty, let address else { return false }
        return proxies.contain(address)
    }

    /// Whether what a caller says about the time that is left, and about attempts before, counts.
    func isInLineage(_ address: IPAddress?) -> Bool {
        guard !lineage.isEmpty, let address else { return false }
        return lineage.contain(address)
    }
}
#endif
