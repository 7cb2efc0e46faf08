#if Gateway && (FUZZ || DEBUG)
@testable import HoldfastGateway
import HoldfastHTTP
import NIOCore
import NIOEmbedded
import NIOHPACK
import NIOHTTP1

extension FuzzTarget {
    /// A request's head, however it came.
    static var heads: [FuzzTarget] {
        [
            .text("heads", words: headWords, share: 0.2, run: { try check(head: readHead($0), $0) }),
            .text(
                "http2-heads", words: headWords + [":method ", ":path ", ":scheme ", ":authority "], share: 0.2,
                run: http2Head),
        ]
    }

    private static let headWords = [
        "GET", "POST", "CONNECT", "OPTIONS", "/", "*", "http://a/", "http://", "host a", "content-length 3",
        "transfer-encoding chunked", "connection ", "close", "te trailers", "via 1.0 a", "x-forwarded-for 1.2.3.4",
        "traceparent 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate a=b", "\n", " ", ",", "%2e",
        "..",
        "max-forwards 1", "max-forwards 0", "TRACE", "date ", "proxy x", "x-forwarded-for 192.0.2.2", "192.0.2.3",
        "x-forwarded-proto https", "forwarded for=192.0.2.2;proto=https", "\"", "\\", "for=\"[2001:db8::1]:80\"",
        ";host=", "x_forwarded_for 1.2.3.4", "x-real-ip 1.2.3.4", "unknown", "_a",
        "[::1]:80", "a@b", "holdfast-timeout 5", "expect 100-continue", "\t", "é", "+1", "0",
    ]

    /// Method, target and version, and then a field a line.
    private static func readHead(_ text: String) -> HTTPRequestHead {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let words = lines[0].split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        let version: HTTPVersion =
            switch words.count > 2 ? words[2] : "" {
            case "1.0": .http1_0
            case "2": .http2
            case "3": .http3
            default: .http1_1
            }
        var headers = HTTPHeaders()
        for line in lines.dropFirst() {
            let field = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
            // Other names cannot be made: every parser in front refuses them.
            guard field[0].utf8.allSatisfy({ $0 < 0x80 }) else { continue }
            headers.add(name: String(field[0]), value: field.count > 1 ? String(field[1]) : "")
        }
        return HTTPRequestHead(
            version: version, method: HTTPMethod(rawValue: String(words[0])),
            uri: words.count > 1 ? String(words[1]) : "",
            headers: headers)
    }

    private static func http2Head(_ text: String) throws -> Outcome {
        var fields = HPACKHeaders()
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
            guard words[0].utf8.allSatisfy({ $0 < 0x80 }) else { continue }
            fields.add(name: String(words[0]), value: words.count > 1 ? String(words[1]) : "")
        }
        guard let head = HTTP2RequestHead.make(fields) else { return Outcome("malformed") }
        return try check(head: head, text)
    }

    /// A head that is let through is one that the service can read in one way only.
    private static func check(head: HTTPRequestHead, _ text: String) throws -> Outcome {
        var (head, known) = (head, RequestFields(head))
        let origin = try origin(of: &head, &known, text)
        let target: RequestTarget
        do throws(Problem) {
            target = try RequestRules.read(&head, known, headerLimit: 16 << 10, fieldLimit: 100, for: RouteTable([]))
        } catch {
            return Outcome(String(error.detail.prefix(40).filter { !$0.isNumber }))
        }
        try expect(head.uri == target.text, "the head says \(head.uri), and the target \(target.text)")
        let hop = HeaderRules.Hop(
            authority: target.authority, origin: origin, writesForwarded: true, writesVia: true,
            address: GatewayConfiguration.Address(host: "service.internal", port: 80), timeout: .seconds(1), attempt: 1,
            requestID: origin.requestID ?? RequestID(bits: 1), deciding: .least)
        var passed = HTTPHeaders()
        HeaderRules.toService(head, known, hop, into: &passed)
        let answer = HTTPResponseHead(version: .http1_1, status: .ok, headers: head.headers)
        var told = HTTPHeaders()
        let keepsAlive = HeaderRules.toClient(
            answer, for: head, keepAlive: true, date: "Fri, 31 Dec 1999 23:59:59 GMT", into: &told)
        // Names and values that the parsers in front refuse are none of its business: NIOHTTP1, for one, takes a CR in a
        // name for a hyphen when it looks for a field.
        guard isPlain(head) else { return Outcome("not plain") }
        try expect(passed["host"].count == 1, "\(passed["host"].count) hosts")
        try expect(Authority(passed["host"][0]) != nil, "the host \(passed["host"][0])")
        try expect(!told["date"].isEmpty, "an answer without a date")
        try expect(passed["x-request-id"].count == 1, "\(passed["x-request-id"].count) names for the request")
        for (side, headers) in [("service", passed), ("client", told)] {
            let lengths = headers["content-length"].count + headers["transfer-encoding"].count
            try expect(lengths <= 1, "\(lengths) lengths for the \(side)")
        }
        for name in [
            "connection", "te", "upgrade", "keep-alive", "proxy-authorization", "expect", "proxy", "http2-settings",
        ] {
            try expect(passed[name].isEmpty, "\(name) crosses")
        }
        for name in [
            "holdfast-timeout", "via", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded",
        ] {
            try expect(passed[name].count == 1, "\(passed[name].count) of \(name), which is ours")
        }
        var output = HTTP1Output()
        output.begin(head.method, target.text)
        for (name, value) in passed { output.add(name: name, value: value) }
        output.endHead()
        try checkWritten(output.take().map { Array($0.readableBytesView) } ?? [])
        return Outcome(
            "passed", passed.count, keepsAlive ? 1 : 0, known.isChunked ? 1 : 0, known.contentLength ?? -1)
    }

    /// The peer is a proxy that is trusted, or is not, by how long the text is.
    private static func origin(
        of head: inout HTTPRequestHead, _ fields: inout RequestFields, _ text: String
    ) throws -> RequestOrigin {
        var listener = ListenerConfiguration(address: .init(host: "127.0.0.1", port: 80))
        listener.trusted = [try AddressRange("192.0.2.0/24"), try AddressRange("2001:db8::/32")]
        listener.trustedFields = text.utf8.count % 4 < 2 ? .forwarded : .xForwarded
        let isTrusted = text.utf8.count % 2 == 0
        let address = try SocketAddress(ipAddress: isTrusted ? "192.0.2.1" : "198.51.100.1", port: 1)
        let peer = IPAddress(address)
        let connection = ConnectionOrigin(peer, TrustedHops(listener), speaksForOthers: isTrusted)
        let origin = connection.origin(of: &head, &fields, over: Transport(isSecure: false, isHTTP2: false))
        let hops = (origin.hops ?? "").split(separator: ", ")
        let addresses = hops.compactMap { IPAddress(text: $0.utf8) }
        try expect(addresses.count == hops.count, "hops that are none: \(origin.hops ?? "")")
        try expect(addresses.last == peer, "the last hop is not whom the connection is with: \(origin.hops ?? "")")
        try expect(
            addresses.dropFirst().allSatisfy { listener.trusted.contain($0) } && (isTrusted || hops.count == 1),
            "a hop that nobody trusts has said who was before it: \(origin.hops ?? "")")
        try expect(fields.timeout == nil && fields.attempt == 1, "a stranger's lineage counts")
        return origin
    }

    private static func isPlain(_ head: HTTPRequestHead) -> Bool {
        func isToken(_ text: String) -> Bool {
            !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !"\"(),/:;<=>?@[\\]{}".utf8.contains($0) }
        }
        func isValue(_ text: String) -> Bool { text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 } }
        return isToken(head.method.rawValue) && isValue(head.uri)
            && head.headers.allSatisfy { isToken($0.name) && isValue($0.value) }
    }

    /// - Parameter bytes: What the service is sent.
    private static func checkWritten(_ bytes: [UInt8]) throws {
        let read = StrictReader.requests(bytes)
        if case .invalid(let why) = read.stop { throw Violation("the service gets \(why)") }
        try expect(read.messages.count == 1, "the service gets \(read.messages.count) requests")
    }
}
#endif
