#if Gateway && (FUZZ || DEBUG)
import Holdfast
import HoldfastGateway
import HoldfastHTTP
@testable import HoldfastIdempotency
@testable import HoldfastMachines
@testable import HoldfastPostgres
@testable import HoldfastValkey
import NIOCore

extension FuzzTarget {
    /// Where stores are, what they answer, and what was kept in them.
    static var stores: [FuzzTarget] {
        [
            FuzzTarget(
                "recorded-response", words: ["\u{1}", "\u{0}\u{0}\u{0}\u{0}", "content-type"], run: recordedResponse),
            FuzzTarget(
                "resp", words: ["\r\n", "$-1\r\n", "*", "$", ":", "+", "-", "*1\r\n", "*1048576\r\n", "$67108864\r\n"],
                share: 0.5, run: resp),
            .text(
                "valkey-url",
                words: ["valkey://", "rediss://", "@", ":", "[", "]", "/0", "?", "&", "replicas=", "ca=", "%", "%00"],
                run: valkeyURL),
            .text(
                "postgres-url",
                words: [
                    "postgres://", "postgresql://", "@", ":", "[", "]", "?", "&", "port=", "host=", "%", "%00", ",",
                ],
                run: postgresURL),
            .text("store-location", words: ["memory", "sqlite:", "postgres://", "valkey://"], run: storeLocation),
            .text(
                "history", words: ["\t", "\n", "claimed", "completed", "-1", "\r\n", "\u{301}"], share: 0.25,
                run: history),
            FuzzTarget("sealed", words: ["\u{1}", "\u{0}\u{0}\u{0}\u{1}"], run: sealed),
            FuzzTarget(
                "outcome", words: ["\u{0}holdfast\u{0}", "v", "e", "{", "}", "[", "\"", ":", "null", "1e999"],
                share: 0.5, run: outcome),
            .text("record-id", words: ["0123456789abcdef"], run: recordID),
        ]
    }

    private static func recordedResponse(_ bytes: [UInt8]) throws -> Outcome {
        guard let response = RecordedResponse(encoded: bytes) else { return Outcome("none", bytes.count) }
        for field in response.fields {
            try expect(RecordedResponse.replayableFields.contains(field.name.lowercased()), "\(field.name) is replayed")
            try expect(
                field.value.utf8.allSatisfy { $0 != 13 && $0 != 10 && $0 != 0 },
                "a field that breaks its line is replayed")
        }
        try expect(response.body.isEmpty || ![204, 205, 304].contains(response.status), "a body where there is none")
        try expect(RecordedResponse(encoded: response.encoded) == response, "written, it is another response")
        return Outcome("response", response.status, response.fields.count, response.body.count)
    }

    /// The same answers, whether they come at once or in pieces.
    private static func resp(_ bytes: [UInt8]) throws -> Outcome {
        let whole = answers(in: [bytes[...]])
        let middle = bytes.count / 2
        let pieces = answers(in: [bytes[..<middle], bytes[middle...]])
        try expect(
            whole.values == pieces.values && whole.isBroken == pieces.isBroken, "in pieces, it says something else")
        var outcome = Outcome("resp", whole.values.count, whole.isBroken ? 1 : 0)
        for value in whole.values.prefix(4) { outcome.add("\(value)".prefix { $0 != "(" }.lowercased()) }
        return outcome
    }

    private static func answers(in pieces: [ArraySlice<UInt8>]) -> (values: [RESPValue], isBroken: Bool) {
        var (buffer, decoder, values) = (ByteBuffer(), RESPDecoder(), [RESPValue]())
        for piece in pieces {
            buffer.writeBytes(piece)
            do {
                while let value = try decoder.decode(buffer: &buffer) { values.append(value) }
            } catch {
                return (values, true)
            }
        }
        return (values, false)
    }

    private static func valkeyURL(_ text: String) throws -> Outcome {
        do throws(ConfigurationError) {
            let address = try ValkeyAddress(url: text)
            try? expect(!address.host.isEmpty, "no host")
            return Outcome(
                "address", address.usesTLS ? 1 : 0, address.database, address.replicas, address.user == nil ? 0 : 1,
                address.password == nil ? 0 : 1, address.host.contains(":") ? 1 : 0)
        } catch {
            return Outcome("\(error.option)")
        }
    }

    private static func postgresURL(_ text: String) throws -> Outcome {
        let pq = try LibPQ.shared()
        return Outcome(
            "readable", PostgresURL.canBeRead(text, by: pq) ? 1 : 0, StoreURL.mayMisplacePassword(text) ? 1 : 0)
    }

    private static func storeLocation(_ text: String) throws -> Outcome {
        guard let location = StoreLocation(text) else { return Outcome("none") }
        switch location {
        case .memory, .sqlite: try expect(location.description == text, "\(text) is read as \(location)")
        case .postgres, .valkey: try expect(!location.description.contains(":"), "a URL is printed: \(location)")
        }
        return Outcome(String(location.description.prefix { $0 != ":" }))
    }

    /// What a store kept, and what a person says, between two lines of ours.
    private static func history(_ text: String) throws -> Outcome {
        // What is kept ends with a line's end.
        var history = ClaimHistory(text: text.isEmpty || text.hasSuffix("\r") ? "" : text + "\n")
        let before = history.entries
        let instant = StoreInstant(milliseconds: Int64(bitPattern: Outcome(text).mark))
        history.add(.resolvedCompleted, at: instant, fence: .min, by: text, why: text)
        history.add(.claimed, at: instant, fence: 7, by: text, why: text)
        let owner = ClaimHistory.word(text, bound: ClaimHistory.nameBound)
        try expect(
            owner.utf8.count <= ClaimHistory.nameBound
                && !owner.unicodeScalars.contains { $0.properties.generalCategory == .control },
            "a word that breaks its line: \(owner.debugDescription)")
        let own = history.entries.filter { $0.at == instant && $0.by == owner }
        guard text.utf8.count <= 1_024 else { return Outcome("long", before.count) }
        try expect(history.ends(withClaim: 7, by: text, nonce: text), "the claim that was just made is not the last")
        try expect(own.count >= 2, "what was written is not read: \(own.count)")
        if text.utf8.count < 256 {
            for _ in 0..<64 { history.add(.abandoned, at: instant, fence: 8, by: text) }
            try expect(
                history.text.utf8.count <= ClaimHistory.bound + text.utf8.count + 256, "a history without a bound")
        }
        return Outcome("entries", before.count, own.count, owner.utf8.count / 8)
    }

    private static let id = RecordID(bytes: Array(0..<32))
    private static let seal: PayloadSeal? = {
        guard let writing = try? PayloadSeal.Key(1, bytes: Array(repeating: 7, count: 32)),
            let reading = try? PayloadSeal.Key(2, bytes: Array(repeating: 9, count: 16))
        else { return nil }
        return try? PayloadSeal(writing: writing, reading: [reading])
    }()

    /// Nothing opens that was not sealed; what was sealed opens.
    private static func sealed(_ bytes: [UInt8]) throws -> Outcome {
        guard let seal else { throw Violation("no seal") }
        do throws(ClaimStoreError) {
            _ = try seal.open(bytes, of: id)
        } catch {
            guard let own = seal.seal(bytes, of: id) else { throw Violation("it cannot be sealed") }
            try expect((try? seal.open(own, of: id)) == bytes, "what was sealed does not open")
            return Outcome(String("\(error)".prefix(24)), bytes.count)
        }
        throw Violation("something opened that nobody sealed")
    }

    private struct Receipt: Codable, Sendable {
        var id: String
        var amount: Double
        var lines: [Int]?
    }

    private static func outcome(_ bytes: [UInt8]) throws -> Outcome {
        let plain = try RecordedValue.read(RecordedValue.value(bytes), OutcomeCoding<[UInt8]>.bytes)
        try expect(plain == bytes, "what was recorded is read as something else")
        do throws(IdempotencyError) {
            let receipt = try RecordedValue.read(bytes, OutcomeCoding<Receipt>.json)
            return Outcome("receipt", receipt.lines?.count ?? -1, receipt.id.utf8.count)
        } catch {
            return Outcome("unreadable", "\(error)".utf8.count / 16)
        }
    }

    private static func recordID(_ text: String) throws -> Outcome {
        guard let id = RecordID(text) else { return Outcome("none", text.utf8.count) }
        try expect(id.description == text, "\(text) is read as \(id)")
        return Outcome("id")
    }
}
#endif
