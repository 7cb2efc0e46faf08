import Foundation
import Holdfast
import HoldfastTesting
import Testing

@Suite struct DurationTextTests {
    @Test(arguments: [
        ("0s", Duration.zero), ("1ns", .nanoseconds(1)), ("250us", .microseconds(250)), ("250ms", .milliseconds(250)),
        ("5s", .seconds(5)), ("2m", .seconds(120)), ("24h", .seconds(86_400)), ("7d", .seconds(604_800)),
        ("90s", .seconds(90)), ("007s", .seconds(7)), ("9223372036s", .seconds(9_223_372_036)),
        ("106751d", .seconds(106_751 * 86_400)),
    ])
    func `a whole number and a unit are read`(text: String, duration: Duration) {
        #expect(DurationText(text)?.duration == duration)
    }

    @Test(arguments: [
        "", "s", "5", "-5s", "+5s", "5 s", " 5s", "5s ", "1.5s", "5S", "5sec", "5s5s", "1h30m", "٥s", "५s", "5\u{301}s",
        "0x5s",
        "1e3s", "9223372037s", "106752d", "9999999999999999999s", "99999999999999999999999999999999ms", "5µs", "NaNs",
    ])
    func `anything else is not`(text: String) {
        #expect(DurationText(text) == nil)
    }

    @Test func `what is written is read again and is as short as may be`() {
        var generator = SeededGenerator(seed: 3)
        let units: [Int64] = [
            1, 1_000, 1_000_000, 1_000_000_000, 60_000_000_000, 3_600_000_000_000, 86_400_000_000_000,
        ]
        for unit in units {
            for _ in 0..<500 {
                let nanoseconds = Int64.random(in: 0...(Int64.max / unit), using: &generator) * unit
                let text = DurationText(.nanoseconds(nanoseconds))
                #expect(DurationText(text.description) == text)
                #expect(text.duration == .nanoseconds(nanoseconds))
            }
        }
        #expect(DurationText(.milliseconds(1_500)).description == "1500ms")
        #expect(DurationText(.seconds(7_200)).description == "2h")
        #expect(DurationText(.seconds(-1)).description == "0s", "a time to wait is never negative")
        #expect(DurationText(.seconds(Int64.max)).duration == .nanoseconds(Int64.max))
    }

    @Test func `it is coded as its text and a wrong one says what is right`() throws {
        let json = try JSONEncoder().encode([DurationText(.seconds(90))])
        #expect(String(decoding: json, as: UTF8.self) == #"["90s"]"#)
        do {
            _ = try JSONDecoder().decode([DurationText].self, from: Data(#"["90"]"#.utf8))
            Issue.record("it was read")
        } catch DecodingError.dataCorrupted(let context) {
            #expect(context.debugDescription.contains(#""90", but must be a whole number and a unit"#))
        }
    }
}
