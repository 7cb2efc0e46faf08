#if Gateway
import HoldfastIdempotency

/// Whom keys are counted for besides their caller: an address, since a stranger calls itself what it likes.
enum StrangerOrigin {
    /// The networks that no stranger comes from: a balancer's, or one's own (RFC 1918, RFC 6598, RFC 4193; loopback and
    /// link-local addresses). Behind one of their addresses may be everybody.
    private static let known = [
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "::1/128",
        "fc00::/7", "fe80::/10",
    ].compactMap { try? AddressRange($0) }

    /// An IPv4 address, or the first 64 bits of an IPv6 address, of which whoever has one has all.
    ///
    /// - Parameters:
    ///   - client: The client's address, as far as it is believed.
    ///   - isSaid: Whether the operator has set a bound. Then it holds for every address: who set it knows who is behind.
    /// - Returns: nil for what is known, and for what has no address.
    static func name(of client: String?, isSaid: Bool) -> String? {
        guard let client, let address = IPAddress(text: client.utf8), isSaid || !known.contain(address) else {
            return nil
        }
        return address.isFour ? "\(address)" : "\(address.high)"
    }
}

extension Exchange {
    /// Whom a rate or a quota is counted for: the caller; but by its address, an IPv6 caller is the first 64 bits of it, of
    /// which whoever has one address has all; and where tokens name callers, all who have shown none that was verified are
    /// one, because anybody makes up other credentials. Keys stay apart by the whole address, and by those credentials:
    /// there, to be taken for another is worse than to be counted twice.
    func counted(_ caller: @autoclosure () -> String) -> String {
        switch route.configuration.caller {
        case .address: StrangerOrigin.counted(origin.client)
        case .jwt where identityShown == nil: shared.secret.caller(of: nil)
        case .jwt, .certificate, .fields: caller()
        }
    }
}

extension StrangerOrigin {
    /// What an address is counted as, where it is the caller.
    static func counted(_ client: String?) -> String {
        "address \(name(of: client, isSaid: true) ?? client ?? "unknown")"
    }
}

extension Claim.Outcome {
    /// What a status says of whoever has asked.
    init(status: Int) {
        switch status {
        case 200..<300: self = .succeeded
        case 400..<500: self = .refused
        default: self = .other
        }
    }
}
#endif
