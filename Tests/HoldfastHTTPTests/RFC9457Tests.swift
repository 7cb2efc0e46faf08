import Foundation
import Holdfast
import HoldfastHTTP
import Testing

/// Problem details to the letter, as ``Documentation/Conformance/RFC9457.txt`` has them.
@Suite struct RFC9457Tests {
    private func members(_ problem: Problem) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(problem.body)) as? [String: Any])
    }

    /// One that has all there is.
    private func problem(_ kind: Problem.Kind, _ detail: String) -> Problem {
        let explanation = Explanation(
            policy: .circuitBreaker, name: "payments", state: "open", generation: 4,
            evidence: .consecutiveFailures(3, threshold: 3), retryAfter: .seconds(2))
        var problem = Problem(kind, detail, explanation: explanation, attempts: 2, retryAfter: .seconds(2))
        problem.record = "r"
        problem.request = "q"
        return problem
    }

    @Test(arguments: Problem.Kind.allCases)
    func `a type has one absolute URI, one title and one status, whatever happened`(kind: Problem.Kind) throws {
        let (one, other) = (try members(problem(kind, "one")), try members(problem(kind, "other")))
        // RFC9457-3.1.1-4
        let type = try #require(one["type"] as? String)
        #expect(URL(string: type)?.scheme == "urn" && type == "urn:holdfast:problem:\(kind.rawValue)")
        // RFC9457-3.1.3-1
        #expect(one["title"] as? String == kind.title && other["title"] as? String == kind.title)
        #expect(one["status"] as? Int == kind.status && (400...599).contains(kind.status))
        #expect(one["detail"] as? String == "one" && other["detail"] as? String == "other")
    }

    @Test func `members of our own have names that every format can have`() throws {
        // RFC9457-4-3
        let own = Set(try members(problem(.deadline, "late")).keys)
            .subtracting(["type", "title", "status", "detail", "instance"])
        #expect(own == ["attempts", "explanation", "record", "request", "retryAfterSeconds"])
        for name in own { #expect(name.contains(/^[A-Za-z][A-Za-z0-9_]{2,}$/), "\(name)") }
    }

    // RFC9457-4-1
    @Test func `each type is documented with its title and its status`() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
        let text = try String(
            contentsOf: folder.appending(path: "../../Documentation/Problems.md"), encoding: .utf8)
        let rows = text.split(separator: "\n").filter { $0.hasPrefix("| `") }
        #expect(rows.count == Problem.Kind.allCases.count)
        for kind in Problem.Kind.allCases {
            let row = "| `\(kind.rawValue)` | \(kind.status) | \(kind.title) | "
            #expect(rows.contains { $0.hasPrefix(row) }, "no row begins with \(row)")
        }
    }
}
