#if Gateway
import NIOHTTP1

/// Fields in which a proxy says how a request came to it: read from a proxy that is trusted, and written for services.
enum ForwardedFields {
    /// What the fields of one request say.
    struct Reading: Hashable {
        var chain: ClientChain
        /// `http` or `https`, as the outermost trusted hop was asked.
        var scheme: String?
        /// The `Host` that the outermost trusted hop was asked for.
        var host: Authority?
    }

    /// Whether a field is one of these.
    static func isOwn(_ name: String) -> Bool {
        switch FieldName(name) {
        case .forwardedFor, .forwardedProto, .forwardedHost, .forwarded: true
        default: false
        }
    }

    /// - Parameter peer: Whom the connection is with. It is trusted.
    static func read(
        _ headers: HTTPHeaders, in field: ListenerConfiguration.TrustedFields, from peer: IPAddress,
        trusting trusted: [AddressRange]
    ) -> Reading {
        switch field {
        case .xForwarded: readXForwarded(headers, from: peer, trusting: trusted)
        case .forwarded: readForwarded(headers, from: peer, trusting: trusted)
        }
    }

    private static func readXForwarded(
        _ headers: HTTPHeaders, from peer: IPAddress, trusting trusted: [AddressRange]
    ) -> Reading {
        let said = ListFromRight(joined(headers, "x-forwarded-for"), knowsQuotes: false).lazy
            .map { ForwardedNode.address(unquoted($0)) }
        let chain = ClientChain(from: peer, saying: said, trusting: trusted)
        // Each trusted hop has added one, or one has been set for all.
        let place = max(0, chain.said + (chain.isClientHidden ? 1 : 0) - 1)
        return Reading(
            chain: chain, scheme: element(place, of: headers, "x-forwarded-proto").flatMap(scheme),
            host: element(place, of: headers, "x-forwarded-host").flatMap(host))
    }

    private static func readForwarded(
        _ headers: HTTPHeaders, from peer: IPAddress, trusting trusted: [AddressRange]
    ) -> Reading {
        var last: ForwardedElement?
        let said = ListFromRight(joined(headers, "forwarded"), knowsQuotes: true).lazy.map { bytes in
            let element = ForwardedElement(bytes)
            last = element
            return element.address
        }
        let chain = ClientChain(from: peer, saying: said, trusting: trusted)
        return Reading(
            chain: chain, scheme: last?.proto.flatMap { scheme($0[...]) }, host: last?.host.flatMap { host($0[...]) })
    }

    /// Several fields of a name are one list (RFC 9110, section 5.3).
    private static func joined(_ headers: HTTPHeaders, _ name: StaticString) -> [UInt8] {
        var bytes: [UInt8] = []
        for field in headers where field.name.is(name) {
            if !bytes.isEmpty { bytes.append(UInt8(ascii: ",")) }
            bytes += field.value.utf8
        }
        return bytes
    }

    /// - Parameter place: From the right, from 0. Where there are fewer, the first.
    private static func element(_ place: Int, of headers: HTTPHeaders, _ name: StaticString) -> ArraySlice<UInt8>? {
        var last: ArraySlice<UInt8>?
        for (number, element) in ListFromRight(joined(headers, name), knowsQuotes: false).enumerated() {
            last = unquoted(element)
            if number == place { break }
        }
        return last
    }

    private static func unquoted(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let mark = UInt8(ascii: "\"")
        return text.count >= 2 && text.first == mark && text.last == mark ? text.dropFirst().dropLast() : text
    }

    private static func scheme(_ text: ArraySlice<UInt8>) -> String? {
        switch String(decoding: text, as: UTF8.self).lowercased() {
        case "http", "ws": "http"
        case "https", "wss": "https"
        default: nil
        }
    }

    /// What a `Host` may be as well; nil for anything else.
    private static func host(_ text: ArraySlice<UInt8>) -> Authority? {
        Authority(String(decoding: text, as: UTF8.self))
    }

    // MARK: Writing

    /// The value of `Forwarded` that says the same as `X-Forwarded-For`, `-Proto` and `-Host` do (RFC 7239, section 7.4).
    ///
    /// - Parameter hops: As `X-Forwarded-For` has them; nil where the client has no address.
    static func forwarded(_ hops: String?, scheme: String, host: String) -> String {
        let nodes = (hops ?? "unknown").split(separator: ",").map { hop in
            let hop = hop.drop { $0 == " " }
            return hop.utf8.contains(UInt8(ascii: ":")) ? "for=\"[\(hop)]\"" : "for=\(hop)"
        }
        let first = "\(nodes[0]);proto=\(scheme);host=\"\(host.filter { $0 != "\"" && $0 != "\\" })\""
        return ([first] + nodes.dropFirst()).joined(separator: ", ")
    }
}
#endif
