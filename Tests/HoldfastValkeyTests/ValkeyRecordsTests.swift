#if Valkey
import HoldfastIdempotency
import Testing

@testable import HoldfastValkey

/// What a server may hold or say that this version has not written.
@Suite struct ValkeyRecordsTests {
    private let id = RecordID(bytes: Array(1...32))
    private let history = "1700000000000\tclaimed\t7\ta\tb\n"

    private func summary(state: Int = 0, historyBytes: Int64? = nil, length: Int? = nil) throws -> ClaimSummary? {
        let line = "\(state) 7 1700000030000 1800000000000 \(historyBytes ?? Int64(history.utf8.count)) 0\n"
        let head = Array(line.utf8) + Array(0..<32) + Array(history.utf8) + [1, 2, 3]
        return try ValkeyRecords.summary(
            of: id, head: head, length: length ?? head.count, at: StoreInstant(milliseconds: 1_700_000_000_000))
    }

    @Test func `a record is read as it was written`() throws {
        let found = try #require(try summary(state: 1))
        #expect(found.state == .completed && found.fence == 7 && found.payloadBytes == 3)
        #expect(found.history.text == history)
    }

    @Test(arguments: [(0, [1, 2, 3]), (1, []), (2, []), (3, [1, 2, 3]), (4, [])])
    func `what stands behind the history of what is not settled is its cause`(state: Int, context: [UInt8]) throws {
        #expect(try #require(try summary(state: state)).context == context)
    }

    @Test(arguments: [-1, 33, Int64.max, .max - 40, .min])
    func `a history that is longer than its record is refused`(bytes: Int64) {
        #expect(throws: ClaimStoreError.self) { try summary(historyBytes: bytes) }
    }

    @Test(arguments: [Int.min, -1, 0, 40])
    func `a record that was written anew while it was read has no payload of fewer bytes than none`(length: Int) throws
    {
        #expect(try summary(state: 1, length: length)?.payloadBytes == 0)
    }

    @Test(arguments: ["0", "65536", "-6381", "9223372036854775807", "x", ""])
    func `nobody is sent to a port that is none`(port: String) throws {
        let asked = try ValkeyAddress(url: "valkey://server.internal")
        #expect(ValkeyNodes.Redirection("MOVED 3999 127.0.0.1:\(port)", from: asked) == nil)
    }

    @Test func `a redirection without a host stays with the one that was asked`() throws {
        var asked = try ValkeyAddress(url: "valkey://server.internal")
        let redirection = ValkeyNodes.Redirection("ASK 3999 :6381", from: asked)
        asked.port = 6_381
        #expect(redirection == .ask(asked))
    }
}
#endif
