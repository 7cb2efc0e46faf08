#if Gateway && (FUZZ || DEBUG)
import Foundation
import HTTPTypes
import Holdfast
@testable import HoldfastGateway
import Hummingbird
import NIOCore

extension FuzzTarget {
    /// What the control plane is told.
    static var admin: [FuzzTarget] {
        [
            .text(
                "admin-access",
                words: ["Bearer ", "holdfast-session=", "; ", "=", "\n", token, "basic "], share: 0.5, run: access),
            .text(
                "admin-host", words: ["localhost", "127.0.0.1", "[::1]", ":", ".", "٣", "[", "]", "evil.example"],
                run: host),
            FuzzTarget(
                "admin-orders",
                words: [
                    "\"as\":", "\"completed\"", "\"released\"", "\"status\":", "\"bodyBase64\":", "\"fence\":", "null",
                ],
                share: 0.5, run: orders),
        ]
    }

    private static let token = "a-token-of-24-characters"

    /// The first line is `Authorization`, or nothing; the others are cookies.
    private static func access(_ text: String) throws -> Outcome {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let access = AdminAccess(token: token, clock: MonotonicClock())
        let session = access.begin()
        var headers = HTTPFields()
        if !lines[0].isEmpty { headers[.authorization] = String(lines[0]) }
        for line in lines.dropFirst().prefix(8) { headers.append(HTTPField(name: .cookie, value: String(line))) }
        let middleware = AdminTokenMiddleware(access: access)
        let head = HTTPRequest(method: .get, scheme: "http", authority: "localhost", path: "/", headerFields: headers)
        let request = Request(head: head, body: RequestBody(buffer: ByteBuffer()))
        let isAdmitted = middleware.isAdmitted(request)
        try expect(!isAdmitted || lines[0].contains(token), "somebody is let in without the token: \(text)")
        let presented = AdminTokenMiddleware.session(request)
        try expect(presented.map { !access.admits(session: $0) } ?? true, "a session was guessed")
        try expect(access.admits(session: session), "a session has ended")
        return Outcome("access", isAdmitted ? 1 : 0, presented?.utf8.count ?? -1, headers.count)
    }

    private static func host(_ text: String) throws -> Outcome {
        let middleware = SameOriginMiddleware(host: "holdfast.internal", hasToken: false)
        guard let field = HostField(text) else { return Outcome("host", -1, text.split(separator: ".").count) }
        let isOurs = middleware.isOurs(field)
        if isOurs {
            // A name that can be looked up, and that is not ours, may be pointed here by whoever owns it.
            let name = text.lowercased().prefix { $0 != ":" }
            let isAddress = text.utf8.allSatisfy { (0x30...0x3A).contains($0) || $0 == 0x2E }
            let isBracketed = text.wholeMatch(of: /\[[0-9A-Fa-f:.]+\](:[0-9]+)?/) != nil
            try expect(
                ["localhost", "localhost.", "holdfast.internal", "holdfast.internal."].contains(name) || isAddress
                    || isBracketed, "\(text) counts as ours")
        }
        return Outcome("host", isOurs ? 1 : 0, text.split(separator: ".").count)
    }

    private static func orders(_ bytes: [UInt8]) throws -> Outcome {
        let data = Data(bytes)
        if let order = try? JSONDecoder().decode(ResolveOrder.self, from: data) {
            return Outcome("resolve", (try? order.resolution()) == nil ? 0 : 1, order.by.utf8.count / 16)
        }
        if let order = try? JSONDecoder().decode(FindOrder.self, from: data) {
            return Outcome("find", order.callerFields.count)
        }
        return Outcome("none", (try? JSONDecoder().decode(PurgeOrder.self, from: data)) == nil ? 0 : 1)
    }
}
#endif
