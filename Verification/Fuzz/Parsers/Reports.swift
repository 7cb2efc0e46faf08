#if Gateway && (FUZZ || DEBUG)
import Foundation
import Holdfast
@testable import HoldfastCommands
@testable import HoldfastGateway
import HoldfastHTTP

extension FuzzTarget {
    /// What is told of requests and of keys.
    static var reports: [FuzzTarget] {
        [
            .text(
                "report",
                words: [
                    "?", "#", "/", "http://", "user:secret@", "://", "\n", "\\", "\"", "…",
                    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                ], share: 0.5, run: report),
            FuzzTarget(
                "admin-answers",
                words: [
                    "\"records\":", "\"next\":", "\"history\":", "\"secondsAgo\":", "1e308", "-1e308", "1e-308", "null",
                ], share: 0.5, run: adminAnswers),
        ]
    }

    /// A method, a target, a traceparent and what went wrong, a line each. A report has a bound, and tells no query.
    private static func report(_ text: String) throws -> Outcome {
        let lines = text.split(separator: "\n", maxSplits: 3, omittingEmptySubsequences: false).map(String.init)
        func line(_ number: Int) -> String { number < lines.count ? lines[number] : "" }
        let report = RequestReport(
            id: RequestID(bits: 1), route: "r", service: "s", method: line(0), path: line(1), status: 200,
            duration: .milliseconds(1), outcome: .served, problem: .badRequest, detail: line(3), record: line(3),
            traceparent: line(2), client: line(3), time: 0)
        try expect(!report.path.utf8.contains { $0 == 0x3F || $0 == 0x23 }, "a query is told: \(report.path)")
        let target = String(decoding: line(1).utf8.prefix { $0 != 0x3F && $0 != 0x23 }, as: UTF8.self)
        if target.utf8.first != UInt8(ascii: "/"), target.contains("://") {
            let isPath = report.path.utf8.first == UInt8(ascii: "/")
            try expect(isPath || !report.path.contains("@"), "an authority is told: \(report.path)")
        }
        try expect(report.path.utf8.count <= RequestReport.pathBound + 8, "a path of \(report.path.utf8.count) bytes")
        var json = JSONText()
        report.write(to: &json, tells: report.story)
        guard let read = try? JSONSerialization.jsonObject(with: Data(json.bytes)) as? [String: Any] else {
            throw Violation("no JSON: \(String(decoding: json.bytes, as: UTF8.self))")
        }
        try expect(read["path"] as? String == report.path, "it tells another path")
        return Outcome("report", json.bytes.count / 128, report.traceID == nil ? 0 : 1, read.count)
    }

    /// What a control plane says to whoever asks from the command line.
    private static func adminAnswers(_ bytes: [UInt8]) throws -> Outcome {
        let data = Data(bytes)
        if let page = try? JSONDecoder().decode(KeyPage.self, from: data) {
            for record in page.records { _ = record.story }
            return Outcome("page", page.records.count, page.next == nil ? 0 : 1)
        }
        guard let record = try? JSONDecoder().decode(KeyRecord.self, from: data) else { return Outcome("none") }
        return Outcome("record", record.history.count, record.story.utf8.count / 32)
    }
}
#endif
