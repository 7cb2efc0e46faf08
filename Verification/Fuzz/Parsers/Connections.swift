#if Gateway && (FUZZ || DEBUG)
import Holdfast
@testable import HoldfastGateway
import NIOCore
import NIOEmbedded
import NIOHPACK

extension FuzzTarget {
    /// Whole connections: bytes in, bytes out.
    static var connections: [FuzzTarget] {
        [
            FuzzTarget("http1", words: requestWords, share: 0.6, run: http1),
            FuzzTarget("answers", words: responseWords, share: 0.6, run: answers),
            FuzzTarget("tunnel", words: responseWords + ["\u{81}\u{2}ab"], share: 0.6, run: tunnel),
            FuzzTarget("http2", words: ["\u{0}", "\u{1}", ":method", ":path", "cookie"], share: 0.4, run: http2),
            FuzzTarget("http2-frames", words: ["\u{0}", "\u{1}", "\u{4}", "\u{5}"], share: 0.4, run: http2Frames),
        ]
    }

    private static let requestWords = [
        "\r\n", "\n", "\r", "\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "POST / HTTP/1.1\r\nHost: a\r\n",
        "HTTP/1.0",
        "HTTP/2.0", "Host: a\r\n", "Content-Length: ", "Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding: ", "Connection: close\r\n", "Connection: ", "Upgrade: websocket\r\n",
        "Expect: 100-continue\r\n",
        "CONNECT ", "OPTIONS * ", "http://a/", "0\r\n\r\n", "3\r\nabc\r\n", "3;a=b\r\n", "ffffffffffffffff\r\n", " ",
        "\t",
        ",", ":", "\u{0}", "\u{B}", "chunked", "identity", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "holdfast-timeout: 1\r\n",
        "%2e%2e", "X: ", "HEAD", " \r\n", "\t \r\n", "X: \u{F6}\u{FF} \r\n", "BAN / HTTP/1.1\r\nHost: a\r\n\r\n",
        "0\r\nT: 1\r\n\r\n",
        "Content_Length: 3\r\n",
        "%2e%2e", "X: ", "HEAD", "https://u@b:80/", "%2F", "//", "#", "\\", "\u{D8}\u{80}", "Host: [::1]:80\r\n",
        "BAN ",
    ]

    private static let responseWords = [
        "\r\n", "\n", "\r", "HTTP/1.1 200 OK\r\n", "HTTP/1.0", "100 Continue", "101 Switching Protocols", "204", "304",
        "503",
        "Content-Length: ", "Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n", "Transfer-Encoding: ",
        "Connection: close\r\n", "Connection: content-length\r\n", "0\r\n\r\n", "3\r\nabc\r\n", "Retry-After: 1\r\n",
        " ",
        ",", ":", "\u{0}", "Trailer: a\r\n", "Set-Cookie: a\r\n", "holdfast-attempts: 2\r\n", " \r\n", "\t \r\n",
        "X: \u{F6}\u{FF}\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison", " folded\r\n", "Content-Length : 3\r\n",
    ]

    private static let answer = Array("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".utf8)
    private static let bodiless = Array("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n".utf8)

    private static func answer(_ request: StrictReader.Message) -> [UInt8] {
        request.method == "HEAD" ? bodiless : answer
    }

    /// What comes is cut where the network might: in one to four pieces, by what it is.
    private static func pieces(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        var generator = SplitMix64(seed: UInt64(bytes.count) &* 31 &+ UInt64(bytes.last ?? 0))
        guard bytes.count > 4 else { return [bytes[...]] }
        let cuts = (0..<Int.random(in: 0...3, using: &generator)).map { _ in
            Int.random(in: 1..<bytes.count, using: &generator)
        }
        let places = [0] + cuts.sorted() + [bytes.count]
        return zip(places, places.dropFirst()).map { bytes[$0..<$1] }
    }

    /// The service gets requests that a strict reader finds in what the client sent, in their order, and nothing else;
    /// the client gets one answer to each, and one more for what cannot be read.
    private static func http1(_ bytes: [UInt8]) throws -> Outcome {
        let gateway = try EmbeddedGateway()
        for piece in pieces(bytes) { try gateway.receive(piece, answer: answer) }
        let isOpen = gateway.client.isActive
        try gateway.end()
        let sent = StrictReader.requests(bytes)
        let passed = try checkPassed(gateway)
        if !bytes.starts(with: Array("PRI * HTTP/2.0".utf8)) {
            try compare(sent, passed)
            let answers = StrictReader.responses(gateway.toClient, to: sent.messages.map(\.method))
            if case .invalid(let why) = answers.stop { throw Violation("the client gets \(why)") }
            let finals = answers.messages.filter { $0.status >= 200 }
            try expect(finals.count <= sent.messages.count + 1, "\(finals.count) answers")
        }
        var outcome = Outcome("http1", passed.messages.count, sent.messages.count, isOpen ? 1 : 0)
        outcome.add("\(sent.stop)")
        outcome.add(gateway.toClient.isEmpty ? "" : String(decoding: gateway.toClient.prefix(12), as: UTF8.self))
        return outcome
    }

    /// What has gone to the service can be read in one way only.
    private static func checkPassed(_ gateway: EmbeddedGateway) throws -> StrictReader {
        let passed = StrictReader.requests(gateway.toService)
        if case .invalid(let why) = passed.stop { throw Violation("the service gets \(why)") }
        for message in passed.messages {
            try expect(message.values("host").count == 1, "the service gets \(message.values("host").count) hosts")
        }
        return passed
    }

    private static func compare(_ sent: StrictReader, _ passed: StrictReader) throws {
        try expect(
            passed.messages.count <= sent.messages.count,
            "\(passed.messages.count) requests are passed on, and a strict reader finds \(sent.messages.count): \(sent.stop)"
        )
        for (mine, theirs) in zip(sent.messages, passed.messages) {
            try expect(mine.method == theirs.method, "\(mine.method) became \(theirs.method)")
            try expect(mine.asked?.text == theirs.target, "\(mine.target) became \(theirs.target)")
            try expect(!theirs.isWhole || mine == theirs, "\(mine.method) with \(mine.body.count) bytes became another")
        }
    }

    private static let requests = [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab",
    ]

    /// The first byte chooses a request; the rest is what the service says to it, and to the one after it. The client
    /// gets what it can read, and no more answers than it asked for.
    private static func answers(_ bytes: [UInt8]) throws -> Outcome {
        let choice = Int(bytes.first ?? 0) % requests.count
        let gateway = try EmbeddedGateway()
        let both = Array((requests[choice] + requests[0]).utf8)
        try gateway.receive(both[...], answer: nil)
        let said = Array(bytes.dropFirst())
        let isAtOnce = (bytes.first ?? 0) & 0x40 != 0
        for piece in isAtOnce ? [said[...]] : pieces(said) { try gateway.serviceSends(piece) }
        let isOpen = (gateway.client.isActive, gateway.service.isActive)
        try gateway.end()
        let methods = [requests[choice], requests[0]].map { String($0.prefix { $0 != " " }) }
        let answers = StrictReader.responses(gateway.toClient, to: methods)
        if case .invalid(let why) = answers.stop { throw Violation("the client gets \(why)") }
        let finals = answers.messages.filter { $0.status >= 200 }
        try expect(finals.count <= 2, "\(finals.count) answers to 2 requests")
        // All was said before the second request was sent: whatever answers that, it is nothing of this.
        if isAtOnce, finals.count == 2 {
            let isOwn = finals[1].values("content-type") == ["application/problem+json"]
            try expect(isOwn, "what came behind one answer became the next")
        }
        for field in finals.flatMap(\.fields) where field.name == "holdfast-timeout" || field.name == "upgrade" {
            throw Violation("\(field.name) crosses")
        }
        return Outcome(
            "answers", choice, finals.count, finals.first?.status ?? 0, finals.last?.status ?? 0, isOpen.0 ? 1 : 0,
            isOpen.1 ? 1 : 0, finals.first?.isWhole == true ? 1 : 0,
            finals.first?.values("transfer-encoding").count ?? 0)
    }

    /// With the key of RFC 6455, section 1.2, and what is said to it.
    private static let upgrade = Array(
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").utf8)
    private static let switching = Array(
        ("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n").utf8)

    /// A request for a WebSocket. The first byte says whether the service agrees and whether the client waits for it; the
    /// first half of the rest is the service's, the second the client's. Once both have agreed, every byte crosses as it is.
    private static func tunnel(_ bytes: [UInt8]) throws -> Outcome {
        let choice = bytes.first ?? 0
        let (agrees, waits, rest) = (choice & 1 == 0, choice & 2 == 0, Array(bytes.dropFirst()))
        let (theirs, ours) = (Array(rest.prefix(rest.count / 2)), Array(rest.dropFirst(rest.count / 2)))
        let gateway = try EmbeddedGateway()
        try gateway.receive((upgrade + (waits ? [] : ours))[...], answer: nil)
        for piece in pieces((agrees ? switching : []) + theirs) { try gateway.serviceSends(piece) }
        if waits { for piece in pieces(ours) { try gateway.receive(piece, answer: nil) } }
        let isOpen = gateway.client.isActive
        try gateway.end()
        let hasSwitched = gateway.toClient.starts(with: Array("HTTP/1.1 101".utf8))
        if agrees {
            try expect(hasSwitched, "the service has agreed, and the client does not know")
            try expect(
                has(afterHead(gateway.toClient), crossed: theirs),
                "the client gets something else than the service sent")
            try expect(
                has(afterHead(gateway.toService), crossed: ours), "the service gets something else than the client sent"
            )
        } else if !hasSwitched {
            try expect(afterHead(gateway.toService).isEmpty, "the service gets what is not HTTP, and has not agreed")
            let answers = StrictReader.responses(gateway.toClient, to: ["GET"])
            if case .invalid(let why) = answers.stop { throw Violation("the client gets \(why)") }
        }
        return Outcome("tunnel", agrees ? 1 : 0, waits ? 1 : 0, hasSwitched ? 1 : 0, isOpen ? 1 : 0)
    }

    /// Whether bytes have crossed as they are. Behind them may stand the close frame with which the gateway ends a WebSocket
    /// that has been silent.
    private static func has(_ bytes: [UInt8], crossed sent: [UInt8]) -> Bool {
        let rest = bytes.dropFirst(sent.count)
        return bytes.starts(with: sent) && (rest.isEmpty || (rest.first == 0x88 && rest.count <= 131))
    }

    private static func afterHead(_ bytes: [UInt8]) -> [UInt8] {
        let end = Array("\r\n\r\n".utf8)
        return bytes.firstRange(of: end).map { Array(bytes[$0.upperBound...]) } ?? []
    }

    private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    /// Frames as they are, behind the preface.
    private static func http2(_ bytes: [UInt8]) throws -> Outcome {
        let gateway = try EmbeddedGateway()
        try gateway.receive(preface[...], answer: answer)
        for piece in pieces(bytes) { try gateway.receive(piece, answer: answer) }
        let isOpen = gateway.client.isActive
        try gateway.end()
        let passed = try checkPassed(gateway)
        // Frames that came back, by their types.
        var outcome = Outcome("http2", passed.messages.count, isOpen ? 1 : 0)
        var rest = gateway.toClient[...]
        for _ in 0..<12 where rest.count >= 9 {
            let frame = Array(rest.prefix(9))
            outcome.add(Int(frame[3]))
            // Why a stream or the connection ended.
            if frame[3] == 3 || frame[3] == 7 { outcome.add(Int(rest.dropFirst(frame[3] == 3 ? 12 : 16).first ?? 0)) }
            rest = rest.dropFirst(9 + Int(frame[0]) << 16 + Int(frame[1]) << 8 + Int(frame[2]))
        }
        return outcome
    }

    /// Pieces of: type, flags, stream, length, payload. Each becomes a frame that is as long as it says, and fields are
    /// written as lines, so that what is behind the framing is reached more often.
    private static func http2Frames(_ bytes: [UInt8]) throws -> Outcome {
        var encoder = HPACKEncoder(allocator: ByteBufferAllocator())
        var (rest, frames) = (bytes[...], [UInt8]())
        frame(4, 0, 0, [], into: &frames)
        while rest.count >= 4 {
            let head = Array(rest.prefix(4))
            rest = rest.dropFirst(4)
            let length = min(rest.count, head[3] == 255 ? 16_384 : Int(head[3]))
            var payload = Array(rest.prefix(length))
            rest = rest.dropFirst(length)
            if head[0] == 1, head[1] & 0x28 == 0 { payload = try fields(payload, &encoder) }
            frame(head[0] % 12, head[1], head[2], payload, into: &frames)
        }
        return try http2(frames)
    }

    private static func frame(
        _ type: UInt8, _ flags: UInt8, _ stream: UInt8, _ payload: [UInt8], into frames: inout [UInt8]
    ) {
        let count = payload.count
        frames +=
            [UInt8(count >> 16), UInt8(count >> 8 & 255), UInt8(count & 255), type, flags, 0, 0, 0, stream] + payload
    }

    /// `name value`, a line each.
    private static func fields(_ lines: [UInt8], _ encoder: inout HPACKEncoder) throws -> [UInt8] {
        var fields = HPACKHeaders()
        for line in lines.split(separator: 0x0A) {
            let words = line.split(separator: 0x20, maxSplits: 1, omittingEmptySubsequences: false)
            guard words[0].allSatisfy({ $0 < 0x80 }) else { continue }
            fields.add(
                name: String(decoding: words[0], as: UTF8.self),
                value: words.count > 1 ? String(decoding: words[1], as: UTF8.self) : "")
        }
        var buffer = ByteBuffer()
        try encoder.encode(headers: fields, to: &buffer)
        return Array(buffer.readableBytesView)
    }
}
#endif
