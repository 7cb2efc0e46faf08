#if Gateway
import HoldfastHTTP
import NIOHTTP1
import Testing

@testable import HoldfastGateway

/// What `Connection` says, however it is written, and how much it may say (RFC 9110, section 7.6.1).
@Suite struct ConnectionOptionsTests {
    @Test(arguments: [
        ("close", true, false), ("CLOSE", true, false), ("keep-alive", false, true), ("a, close", true, false),
        ("close,Keep-Alive", true, true), (" \tclose\t ,a", true, false), (",,close,,", true, false),
        ("closed", false, false), ("aclose", false, false), ("keep-alives", false, false), ("keep_alive", false, false),
        ("", false, false), (",", false, false), (" , ", false, false), ("c\u{4C}ose", true, false),
        ("clos\u{E5}", false, false),
        ("keep\ralive", false, false),
    ])
    func `close and keep-alive are found among whatever else is named`(text: String, closes: Bool, keepsAlive: Bool) {
        let found = text.connectionOptions(false, false)
        #expect(found.closes == closes && found.keepsAlive == keepsAlive)
        let known = text.connectionOptions(true, true)
        #expect(known.closes && known.keepsAlive)
    }

    private func status(_ fields: String) throws -> String {
        let gateway = try LoopGateway()
        defer { gateway.end() }
        let client = try gateway.connect()
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n")
        return String(client.received.prefix(12))
    }

    @Test(arguments: [
        (64, 1, true), (65, 1, false), (1, 64, true), (1, 65, false), (33, 2, false), (7_900, 1, false),
    ])
    func `no more than 64 fields are named by Connection, in however many lines`(
        each: Int, lines: Int, isTaken: Bool
    ) throws {
        for member in ["a", ""] {
            let line = "Connection: \(Array(repeating: member, count: each).joined(separator: ","))\r\n"
            let answer = try status(String(repeating: line, count: lines))
            #expect(answer == (isTaken ? "" : "HTTP/1.1 400"), "\(member)")
        }
    }
}
#endif
