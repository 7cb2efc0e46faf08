#if Gateway
import Foundation
import HoldfastTesting
import Logging
import NIOHTTP1
import Synchronization
import TestSupport
import Testing

@testable import HoldfastGateway

@Suite struct ObservationAdminTests {
    private let token = "a-token-of-16-or-more"

    @Test func `without the token nothing is told but that the gateway is there`() async throws {
        try await withControlPlane(token: token) { plane in
            for path in ["/", "/metrics", "/api/state", "/api/events", "/api/keys", "/api/explain?id=1", "/nothing"] {
                let answer = try await plane.get(path)
                #expect(answer.status == 401, "\(path)")
                // RFC9110-11.4-1, RFC9110-11.5-1, RFC9110-11.6.1-1, RFC9110-15.5.2-1
                #expect(answer.headers.first(name: "www-authenticate") == #"Bearer realm="holdfast""#)
            }
            let record = String(repeating: "a", count: 64)
            for path in ["/api/keys/\(record)/purge", "/api/logout"] {
                try await expectEqual(plane.post(path).status, 401)
            }
            try await expectEqual(plane.get("/health").text, "ok\n")
        }
    }

    @Test(arguments: [
        "", "Bearer", "Bearer ", "Bearer a-token-of-16-or-mor", "Bearer a-token-of-16-or-moree",
        "Bearer A-token-of-16-or-more", "Basic a-token-of-16-or-more",
        "a-token-of-16-or-more", "Bearer a-token-of-16-or-morea-token-of-16-or-more",
    ])
    func `what is not the token is refused, and counted`(field: String) async throws {
        try await withControlPlane(token: token) { plane in
            try await expectEqual(plane.get("/api/state", headers: ["authorization": field]).status, 401)
            let metrics = try await plane.get("/metrics", headers: ["authorization": "Bearer \(token)"])
            #expect(metrics.text.contains("\nholdfast_admin_refusals_total 1\n"))
        }
    }

    @Test func `with the token everything is told`() async throws {
        try await withControlPlane(token: token) { plane in
            for scheme in ["Bearer", "bearer"] {
                let headers: HTTPHeaders = ["authorization": "\(scheme) \(token)"]
                try await expectEqual(plane.get("/api/state", headers: headers).status, 200)
                try await expectEqual(plane.get("/", headers: headers).text.contains("<h1>Holdfast gateway</h1>"), true)
            }
        }
    }

    @Test func `where no token is set none is asked for`() async throws {
        try await withControlPlane { plane in
            try await expectEqual(plane.get("/api/state").status, 200)
        }
    }

    @Test func `who asks for the page is asked for the token, and has a session for it that scripts cannot read`()
        async throws
    {
        try await withControlPlane(token: token) { plane in
            let page = try await plane.get("/")
            #expect(page.headers.first(name: "content-type") == "text/html; charset=utf-8")
            #expect(page.text.contains("/api/login"))
            let session = try await logIn(plane)
            try await expectEqual(
                plane.get("/", headers: ["cookie": session]).text.contains("<h1>Holdfast gateway</h1>"), true)
            try await expectEqual(plane.get("/api/state", headers: ["cookie": "a=b; \(session)"]).status, 200)
            // A field that is there counts, whatever the cookie says.
            let both: HTTPHeaders = ["cookie": session, "authorization": "Bearer nonsense"]
            try await expectEqual(plane.get("/api/state", headers: both).status, 401)
        }
    }

    @Test func `a session ends when it is ended, and after half a day`() async throws {
        try await withControlPlane(token: token) { plane in
            let (first, second) = (try await logIn(plane), try await logIn(plane))
            let out = try await plane.post("/api/logout", headers: ["cookie": first])
            #expect(out.status == 204)
            #expect(out.headers.first(name: "set-cookie")?.contains("Max-Age=0") == true)
            try await expectEqual(plane.get("/api/state", headers: ["cookie": first]).status, 401)
            try await expectEqual(plane.get("/api/state", headers: ["cookie": second]).status, 200)
            plane.clock.advance(by: AdminAccess.lifetime)
            try await expectEqual(plane.get("/api/state", headers: ["cookie": second]).status, 401)
        }
    }

    @Test func `beyond the bound the oldest session ends`() {
        let access = AdminAccess(token: token, clock: ManualClock())
        let sessions = (0...AdminAccess.bound).map { _ in access.begin() }
        #expect(Set(sessions).count == sessions.count)
        #expect(!access.admits(session: sessions[0]))
        #expect(sessions.dropFirst().allSatisfy { access.admits(session: $0) })
    }

    @Test func `a wrong token begins no session, and another site's page cannot try`() async throws {
        try await withControlPlane(token: token) { plane in
            let wrong = try await plane.post("/api/login", #"{"token": "something-else-here"}"#)
            #expect(wrong.status == 401)
            // RFC9110-15.5.2-1
            #expect(wrong.headers.contains(name: "www-authenticate"))
            #expect(!wrong.headers.contains(name: "set-cookie"))
            let broken = try await plane.post("/api/login", #"{"token": "\#(token)"#)
            #expect(broken.status == 400)
            #expect(!broken.text.contains(token))
            let elsewhere = try await plane.post(
                "/api/login", #"{"token": "\#(token)"}"#, headers: ["origin": "http://elsewhere.example"])
            #expect(elsewhere.status == 403)
        }
    }

    @Test func `a name of digits in another script is not an address`() async throws {
        try await withControlPlane { plane in
            for (host, status) in [("127.0.0.1:9090", 200), ("12\u{663}.0.0.1:9090", 400)] {
                try await expectEqual(plane.get("/api/state", headers: ["host": host]).status, status)
            }
        }
    }

    @Test func `with a token the control plane answers to any of its names, and without one to its address only`()
        async throws
    {
        let headers: HTTPHeaders = ["host": "gateway.example:9090"]
        try await withControlPlane { plane in
            try await expectEqual(plane.get("/api/state", headers: headers).status, 403)
        }
        try await withControlPlane(token: token) { plane in
            var headers = headers
            headers.add(name: "authorization", value: "Bearer \(token)")
            try await expectEqual(plane.get("/api/state", headers: headers).status, 200)
            headers.add(name: "origin", value: "https://gateway.example:9090")
            let record = String(repeating: "a", count: 64)
            try await expectEqual(plane.post("/api/keys/\(record)/purge", headers: headers).status, 400)
        }
    }

    @Test func `the token is in nothing that is logged or shown`() async throws {
        let told = Told()
        try await withControlPlane(token: token, logger: Logger(label: "test") { _ in told }) { plane in
            let session = try await logIn(plane)
            let headers: HTTPHeaders = ["authorization": "Bearer \(token)"]
            var shown: [String] = []
            for path in ["/", "/metrics", "/api/state", "/api/keys", "/api/explain?id=0000000000000001", "/nothing"] {
                shown.append(try await plane.get(path, headers: headers).text)
                shown.append(try await plane.get(path, headers: ["cookie": session]).text)
                shown.append(try await plane.get(path, headers: ["authorization": token]).text)
            }
            let secret = session.split(separator: "=")[1]
            #expect(shown.allSatisfy { !$0.contains(token) && !$0.contains(secret) })
        }
        #expect(told.messages.list.withLock { $0 }.allSatisfy { !$0.contains(token) })
    }

    @Test func `secrets are compared to their ends`() {
        let secret = Array("secret".utf8)
        #expect(AdminAccess.areEqual(secret, secret))
        for other in ["", "s", "secre", "secrets", "Secret", "secreT", "secretsecret"] {
            #expect(!AdminAccess.areEqual(secret, Array(other.utf8)), "\(other)")
        }
        #expect(!AdminAccess.areEqual(secret, secret + [0]))
        #expect(!AdminAccess.areEqual([], [0]))
    }

    /// - Returns: The session, as a browser sends it.
    private func logIn(_ plane: RunningControlPlane) async throws -> String {
        let answer = try await plane.post("/api/login", #"{"token": "\#(token)"}"#)
        #expect(answer.status == 204)
        let cookie = try #require(answer.headers.first(name: "set-cookie"))
        #expect(cookie.hasSuffix("; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict"))
        return String(cookie.prefix { $0 != ";" })
    }
}
#endif
