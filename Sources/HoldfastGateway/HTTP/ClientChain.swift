#if Gateway
/// The hops that a request has come through, counted from the gateway outwards: whom the connection is with, who that one
/// says was before it, and so on for as long as whoever says so is trusted. The first that is not trusted is the client;
/// what stands beyond it is the client's own word, and is not looked at.
struct ClientChain: Hashable {
    /// So many trusted hops are looked through; who stands there is taken for the client.
    static let bound = 32

    /// From the client to the connection's other side. Never empty.
    private(set) var hops: [IPAddress]
    /// How many were said, rather than seen.
    var said: Int { hops.count - 1 }
    /// Whether a trusted hop had no address for who was before it: then that hop stands for the client.
    private(set) var isClientHidden = false

    var client: IPAddress { hops[0] }

    /// - Parameters:
    ///   - peer: Whom the connection is with. It is trusted.
    ///   - said: What the hops said of the one before them, the nearest first.
    init(
        from peer: IPAddress, saying said: some Sequence<IPAddress?>, trusting trusted: [AddressRange]
    ) {
        var outwards = [peer]
        for address in said {
            guard let address else {
                isClientHidden = true
                break
            }
            outwards.append(address)
            guard trusted.contain(address), outwards.count <= Self.bound else { break }
        }
        hops = outwards.reversed()
    }

    /// As `X-Forwarded-For` has it.
    var text: String {
        hops.count == 1 ? "\(client)" : hops.map(\.description).joined(separator: ", ")
    }
}
#endif
