#if Gateway
import NIOHTTP1
import Testing

@testable import HoldfastGateway

@Suite struct HTTPDateTests {
    @Test(arguments: [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"), (4_102_444_799, "Thu, 31 Dec 2099 23:59:59 GMT"),
    ])
    func `a date is written as HTTP has it`(seconds: Int, text: String) {
        #expect(HTTPDate.text(seconds) == text)
    }

    @Test func `each answer of the control plane has its date and its server`() async throws {
        try await withControlPlane { plane in
            for path in ["/health", "/nothing"] {
                let answer = try await plane.get(path)
                let date = answer.headers.first(name: "date") ?? ""
                #expect(date.wholeMatch(of: /\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT/) != nil, "\(date)")
                #expect(answer.headers["server"] == ["holdfast"])
            }
        }
    }
}
#endif
