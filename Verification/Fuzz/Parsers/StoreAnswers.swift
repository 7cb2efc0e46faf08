#if Gateway && (FUZZ || DEBUG)
import Foundation
@testable import HoldfastCommands
@testable import HoldfastGateway
import HoldfastIdempotency
@testable import HoldfastPostgres
@testable import HoldfastValkey
import NIOCore

extension FuzzTarget {
    /// What the stores' servers answer, and what somebody else may have written there.
    static var storeAnswers: [FuzzTarget] {
        [
            FuzzTarget("valkey-answers", words: answerWords, run: valkeyAnswers),
            FuzzTarget(
                "valkey-record", words: ["0 1 2 3 4 5\n", "9223372036854775807", "-1", "\t", "claimed", "\n"],
                run: valkeyRecord),
            .text(
                "postgres-rows",
                words: ["\t", "\n", "\n\n", "-", "t", "\\N", "1", "9223372036854775807", id.description],
                run: postgresRows),
        ]
    }

    private static let answerWords = [
        "*2\r\n", "*4\r\n", "$7\r\nclaimed\r\n", "$9\r\nin-flight\r\n", "$9\r\ncompleted\r\n", "$8\r\nnot-kept\r\n",
        "$7\r\nunknown\r\n", "$4\r\ndone\r\n", "$5\r\nstale\r\n", ":7\r\n", "$-1\r\n", "-MOVED 3999 127.0.0.1:6381\r\n",
        "-ASK 1 :6381\r\n", "-TRYAGAIN\r\n", "redis_version:7.4.0\r\n", "role:master\r\n", "cluster_enabled:1\r\n",
        "maxmemory_policy:noeviction\r\n", "aof_enabled:1\r\n", "holdfast:{0}:record:", "message",
    ]

    private static let id = RecordID(bytes: Array(1...32))

    /// What comes is taken for an answer to each question that is asked.
    private static func valkeyAnswers(_ bytes: [UInt8]) throws -> Outcome {
        var (buffer, decoder) = (ByteBuffer(bytes: bytes), RESPDecoder())
        var outcome = Outcome("answers")
        let asked = try ValkeyAddress(url: "valkey://server.internal")
        for _ in 0..<4 {
            guard let answer = try? decoder.decode(buffer: &buffer) else { break }
            for count in 0...3 {
                guard let replies = try? ValkeyRecords.replies(count, in: answer) else { continue }
                try expect(replies.count == count, "\(count) commands have \(replies.count) replies")
                for reply in replies { outcome.add(String("\(reply)".prefix { $0 != "(" })) }
            }
            if let server = try? ValkeyServer(answer) {
                outcome.add((try? server.check(for: asked)) == nil ? 0 : 1)
                outcome.add(server.warnings(for: asked).count)
            }
            if case .error(let why) = answer, let redirection = ValkeyNodes.Redirection(why, from: asked) {
                outcome.add(try check(redirection))
            }
            if let key = answer.string, let id = ValkeyRecords.id(ofKey: key) { outcome.add(id.bytes.count) }
        }
        return outcome
    }

    private static func check(_ redirection: ValkeyNodes.Redirection) throws -> String {
        switch redirection {
        case .moved(let address), .ask(let address):
            try expect((1...65_535).contains(address.port) && !address.host.isEmpty, "sent to \(address)")
            return address.host == "server.internal" ? "itself" : "another"
        case .tryAgain: return "again"
        }
    }

    /// The first byte chooses the length that the server tells; the rest is the record's beginning.
    private static func valkeyRecord(_ bytes: [UInt8]) throws -> Outcome {
        let head = Array(bytes.dropFirst())
        let length = [head.count, head.count + 1_000, .max, .min, 0][Int(bytes.first ?? 0) % 5]
        let now = StoreInstant(milliseconds: [0, 1_700_000_000_000, .max, .min][Int(bytes.first ?? 0) / 5 % 4])
        guard let found = try? ValkeyRecords.summary(of: id, head: head, length: length, at: now) else {
            return Outcome("none")
        }
        return try told(found)
    }

    private static func told(_ summary: ClaimSummary) throws -> Outcome {
        try expect(summary.payloadBytes.map { $0 >= 0 } ?? true, "a payload of \(summary.payloadBytes ?? 0) bytes")
        let record = KeyRecord(summary)
        let json = try JSONEncoder().encode(record)
        let read = try JSONDecoder().decode(KeyRecord.self, from: json)
        try expect(read.fence == record.fence && read.history.count == record.history.count, "told, it is another")
        return Outcome(
            summary.state.rawValue, record.history.count, read.story.utf8.count / 64, summary.payloadBytes ?? -1)
    }

    /// Answers with an empty line between, a row a line, with tabs between its columns; `\N` is null.
    private static func postgresRows(_ text: String) throws -> Outcome {
        var answers: [PostgresRows] = [[]]
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).prefix(64) {
            if line.isEmpty {
                answers.append([])
            } else {
                let columns = line.split(separator: "\t", omittingEmptySubsequences: false)
                answers[answers.count - 1].append(columns.map { $0 == "\\N" ? nil : String($0) })
            }
        }
        let records = PostgresRecords()
        var outcome = Outcome("rows", records.replies(to: batch, in: answers).count { $0 != nil })
        if let found = try? records.found(in: answers) {
            outcome.add(found.records.count)
            if let (replies, writes) = try? records.decide(batch, on: found) {
                try expect(replies.count == batch.count, "\(batch.count) commands have \(replies.count) replies")
                for reply in replies { outcome.add(String("\(reply)".prefix { $0 != "(" })) }
                outcome.add(writes.count)
            }
        }
        for row in answers.joined().prefix(8) {
            guard let summary = try? records.summary(of: row).summary else { continue }
            outcome.add(Int(truncatingIfNeeded: try told(summary).mark >> 60))
        }
        return outcome
    }

    private static let batch: [ClaimCommand] = [
        ClaimCommand(
            id: id,
            action: .claim(
                fingerprint: Fingerprint(bytes: Array(1...32)), lease: .seconds(30), retention: .seconds(86_400),
                takesOver: .anything, owner: "somebody", nonce: "1")),
        ClaimCommand(id: id, action: .renew(fence: 1, lease: .seconds(30))),
        ClaimCommand(id: id, action: .complete(fence: 1, payload: [1], retention: .seconds(86_400))),
        ClaimCommand(id: id, action: .release(fence: 2)),
        ClaimCommand(id: id, action: .abandon(fence: 2)),
        ClaimCommand(id: id, action: .resolve(fence: 1, .released, retention: .seconds(1), by: "a", why: "b")),
        ClaimCommand(id: id, action: .purge(fence: 3)),
    ]
}
#endif
