#if Gateway
import NIOCore
import NIOHTTP1

/// Where a connection comes from, and whether its requests are believed when they say that they come from somewhere else.
struct ConnectionOrigin {
    /// Nil for what has no IP address.
    let address: IPAddress?
    /// What services and logs are told of it.
    let name: String?
    /// Its place among callers, as far as it speaks for itself.
    private let callerPlace: Int
    /// Whether its requests may come from others, and say so.
    let speaksForOthers: Bool
    private let isInLineage: Bool
    private let trusted: TrustedHops
    /// Whether whoever passes it on has ended TLS.
    private let isSecureInFront: Bool

    /// - Parameter isClient: Whether the address is the client's, and not that of whoever speaks for it.
    init(
        _ address: IPAddress?, _ trusted: TrustedHops, speaksForOthers: Bool, isClient: Bool = true,
        isSecureInFront: Bool = false
    ) {
        self.address = address
        name = address?.description
        callerPlace = IPAddress.callerPlace(of: address)
        self.speaksForOthers = speaksForOthers
        isInLineage = isClient && trusted.isInLineage(address)
        self.trusted = trusted
        self.isSecureInFront = isSecureInFront
    }

    /// The one that is told by whoever passes it on. Its own word is its header: what its connections carry is that of
    /// whoever is connected to it, and of somebody unknown where the header names nobody.
    init(_ header: ProxyHeader, from peer: IPAddress?, _ trusted: TrustedHops) {
        self.init(
            header.source ?? peer, trusted, speaksForOthers: trusted.speaksForOthers(header.source),
            isClient: header.source != nil, isSecureInFront: header.isSecure)
    }

    /// The one that is seen.
    init(_ channel: any Channel, _ trusted: TrustedHops) {
        let address = IPAddress(channel.remoteAddress)
        self.init(address, trusted, speaksForOthers: trusted.speaksForOthers(address))
    }

    /// Finds out where a request comes from, and takes from it what says so and is not believed. Everything that is decided
    /// about the request afterwards is decided without it.
    ///
    /// - Parameter namesRequests: Whether the gateway names requests to services, so that what stands there otherwise counts only
    ///   if it is believed.
    func origin(
        of head: inout HTTPRequestHead, _ fields: inout RequestFields, over transport: Transport,
        namesRequests: Bool = true
    ) -> RequestOrigin {
        let requestID = namesRequests && fields.requestIDs > 0 ? takeID(of: &head, fields) : nil
        let scheme = isSecureInFront ? "https" : transport.scheme
        guard speaksForOthers, let address else {
            if fields.speaksOfHops { head.headers.keepHops(of: nil) }
            if !isInLineage { fields.forgetLineage() }
            return RequestOrigin(client: name, hops: name, scheme: scheme, callerPlace: callerPlace)
        }
        if fields.speaksOfHops { head.headers.keepHops(of: trusted.fields) }
        let said = ForwardedFields.read(
            head.headers, in: trusted.fields, from: address, trusting: trusted.proxies)
        let client = said.chain.client
        // A client that nobody names is not the hop that speaks for it.
        if said.chain.isClientHidden || !trusted.isInLineage(client) { fields.forgetLineage() }
        return RequestOrigin(
            client: "\(client)", hops: said.chain.text, scheme: said.scheme ?? scheme, host: said.host,
            callerPlace: IPAddress.callerPlace(of: client), requestID: requestID)
    }

    /// What a trusted hop calls the request, if that is a name and the only one. Else none of what stands there stays.
    private func takeID(of head: inout HTTPRequestHead, _ fields: RequestFields) -> RequestID? {
        if speaksForOthers, fields.requestIDs == 1, let given = fields.requestID.flatMap({ RequestID($0) }) {
            return given
        }
        head.headers.removeRequestIDs()
        return nil
    }
}

/// Where a request comes from, as far as it is believed.
struct RequestOrigin {
    /// The client's address, which limits, identities and logs go by; nil where it has none.
    var client: String?
    /// The client and the hops between, as `X-Forwarded-For` has them.
    var hops: String?
    /// How the client came: `http` or `https`.
    var scheme: String
    /// The `Host` that the client asked for, where a trusted hop has said so.
    var host: Authority?
    /// The client's place among callers (``FailingCallersMachine``).
    var callerPlace = 0
    /// What the request is called, where a trusted hop has said so.
    var requestID: RequestID?
}

extension HTTPHeaders {
    /// Leaves out what says where a request comes from, but for the fields of a proxy that is trusted.
    ///
    /// - Parameter field: Which ones that proxy writes; nil: nobody is trusted.
    fileprivate mutating func keepHops(of field: ListenerConfiguration.TrustedFields?) {
        var kept: [(String, String)] = []
        kept.reserveCapacity(count)
        for (name, value) in self where HopField.isKept(name, of: field) { kept.append((name, value)) }
        self = HTTPHeaders(kept)
    }

    /// Leaves out what names the request, and what services take for it.
    fileprivate mutating func removeRequestIDs() {
        self = HTTPHeaders(filter { !$0.name.meansRequestID }.map { ($0.name, $0.value) })
    }
}
#endif
