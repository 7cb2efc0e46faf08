#if Gateway
import Foundation
import Holdfast
import NIOHTTP1
import TestSupport
import Testing

@testable import HoldfastGateway

@Suite struct ObservationExplainTests {
    @Test(arguments: [1, 3, 16, 40, 4_096])
    func `the latest are kept, and of those beyond the bound the oldest are forgotten`(bound: Int) {
        let explanations = Explanations(bound: bound)
        let last = UInt64(bound * 2 + 1)
        for bits in 0..<last { explanations.add(.rejected(bits)) }
        #expect(explanations.count == bound)
        let kept = (0..<last).filter { explanations[RequestID(bits: $0)] != nil }
        #expect(kept == Array(last - UInt64(bound)..<last))
    }

    @Test func `only what is notable is kept`() {
        let observer = Observer(accessLog: nil, sample: 1)
        observer.report(.of(1))
        observer.report(.rejected(2))
        #expect(observer.explanations[RequestID(bits: 1)] == nil)
        #expect(observer.explanations[RequestID(bits: 2)] != nil)
    }

    @Test func `reports from many threads are all kept while there is room`() async {
        let explanations = Explanations(bound: 4_000)
        await withTaskGroup(of: Void.self) { group in
            for part in 0..<4 as Range<UInt64> {
                group.addTask {
                    for bits in 0..<1_000 as Range<UInt64> { explanations.add(.rejected(part * 1_000 + bits)) }
                }
            }
        }
        #expect((0..<4_000).allSatisfy { explanations[RequestID(bits: $0)] != nil })
    }

    @Test func `whoever has a response's id is told why it is what it is`() async throws {
        try await withControlPlane { plane in
            plane.observer.report(.rejected(0xAB))
            let answer = try await plane.get("/api/explain?id=\(RequestID(bits: 0xAB))")
            #expect(answer.status == 200)
            #expect(answer.headers.first(name: "content-type") == "application/json")
            let told = try object(answer.body)
            #expect(told["problem"] as? String == "circuit-open")
            let explanation = try #require(told["explanation"] as? [String: Any])
            #expect(explanation["state"] as? String == "open")
            #expect(explanation["count"] as? Int == 5)
            #expect(explanation["retryAfterSeconds"] as? Double == 4.2)
            #expect((told["why"] as? [String])?.isEmpty == false)
        }
    }

    @Test func `an id that is unknown or forgotten is 404 and says how many are kept`() async throws {
        let observer = Observer(accessLog: nil, sample: 0, kept: 2)
        for bits in 1...3 as ClosedRange<UInt64> { observer.report(.rejected(bits)) }
        try await withControlPlane(observer: observer) { plane in
            let forgotten = try await plane.get("/api/explain?id=\(RequestID(bits: 1))")
            #expect(forgotten.status == 404)
            #expect(forgotten.text.contains("the latest 2 "))
            try await expectEqual(plane.get("/api/explain?id=\(RequestID(bits: 3))").status, 200)
            try await expectEqual(plane.get("/api/explain?id=7").status, 404)
            try await expectEqual(plane.get("/api/explain?id=a%20b").status, 400)
            try await expectEqual(plane.get("/api/explain").status, 400)
        }
    }
}
#endif
