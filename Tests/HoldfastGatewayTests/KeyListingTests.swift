#if Gateway
import Foundation
import HoldfastIdempotency
import Testing

@testable import HoldfastCommands
@testable import HoldfastGateway

/// What `holdfast keys list` prints is read by people in a hurry, and by programs: in columns, in good grammar, and with
/// the same facts for both.
@Suite struct KeyListingTests {
    private func record(
        _ number: UInt8, fence: Int64 = 1, _ state: ClaimRecord.State = .unknown, cause: KeyCause.Found = .none,
        history: String = "0\tclaimed\t1\tg:1\t\n"
    ) throws -> KeyRecord {
        let record = ClaimRecord(
            fingerprint: Fingerprint(bytes: []), fence: fence, state: state,
            expires: StoreInstant(milliseconds: 900_000), history: ClaimHistory(text: history))
        let summary = try #require(
            ClaimSummary(record, of: RecordID(bytes: [number]), at: StoreInstant(milliseconds: 61_000)))
        return KeyRecord(summary, cause: cause)
    }

    private func cause(_ path: Substring, caller: String? = nil) -> KeyCause.Found {
        .cause(
            KeyCause(
                ClaimCause(
                    startedAt: 1_700_000_000_000, route: "charges", method: "POST", host: "api.example.com",
                    path: path, caller: caller, client: "10.0.0.9", request: "r"), by: "g:1"))
    }

    @Test func `each column begins at one place, whatever is known of a record and however long it is`() throws {
        let listing = KeyListing(
            records: [
                try record(1, cause: cause("/charges")),
                try record(2, fence: 1_730_000_000_000_001, .completed(payload: [1])),
                try record(3, cause: cause("/a path/with spaces", caller: "sub=ada and a long name of hers")),
                try record(4, cause: .unreadable("it is sealed, or written by another program")),
                try record(5, history: ""), try record(6, history: "0\tclaimed\t1\tpayments-gateway-7:31415\t\n"),
            ], mayBeMore: false, store: nil)
        let lines = listing.table.split(separator: "\n").map(Array.init)
        #expect(lines.count == 7)
        let head = String(lines[0])
        for name in ["STATE", "FENCE", "BEGAN", "BY", "CALLER", "STARTED", "REQUEST"] {
            let place = head.distance(from: head.startIndex, to: try #require(head.range(of: name)).lowerBound)
            for line in lines {
                #expect(line.count > place && line[place] != " " && line[place - 1] == " ", "\(name): \(String(line))")
            }
        }
        #expect(lines.allSatisfy { $0.last != " " })
        #expect(String(lines[1]).contains("10.0.0.9") && String(lines[1]).hasSuffix("POST api.example.com/charges"))
        #expect(String(lines[2]).contains(" completed ") && String(lines[2]).hasSuffix("-"))
        #expect(String(lines[3]).contains("sub=ada"))
        #expect(String(lines[4]).hasSuffix("a cause that cannot be read: it is sealed, or written by another program"))
    }

    @Test func `an empty listing has its head, and a key that ran again the claim that it is about`() throws {
        #expect(KeyListing(records: [], mayBeMore: false, store: nil).table.hasPrefix("RECORD  STATE  FENCE"))
        let again = try record(1, fence: 2, history: "0\tclaimed\t1\told:1\t\n1000\tclaimed\t2\tnew:2\t\n")
        let table = KeyListing(records: [again], mayBeMore: false, store: nil).table
        #expect(table.contains("1 min ago") && table.contains("new:2") && !table.contains("old:1"), "\(table)")
    }

    @Test(arguments: [
        (0, 0, 0, "The store holds no key."),
        (1, 0, 0, "The store holds 1 key and 0 bytes of outcomes and causes; the key is not unknown."),
        (1, 1, 1, "The store holds 1 key and 1 byte of outcomes and causes; the key is unknown."),
        (2, 2, 0, "The store holds 2 keys and 2 bytes of outcomes and causes; none of the keys is unknown."),
        (2, 2, 1, "The store holds 2 keys and 2 bytes of outcomes and causes; 1 of the keys is unknown."),
        (212, 9, 8, "The store holds 212 keys and 9 bytes of outcomes and causes; 8 of the keys are unknown."),
    ])
    func `what the store holds is said in good grammar`(keys: Int, bytes: Int, unknown: Int, words: String) {
        #expect(StoreCounts(keys: keys, bytes: bytes, unknown: unknown).words == words)
    }

    @Test func `a person and a program are told the same`() throws {
        let counts = StoreCounts(keys: 3, bytes: 4, unknown: 2)
        for (mayBeMore, store) in [(false, nil), (true, counts), (true, nil), (false, counts)] {
            let listing = KeyListing(
                records: [
                    try record(1, cause: cause("/charges", caller: "sub=ada")),
                    try record(2, cause: .unreadable("torn")),
                ], mayBeMore: mayBeMore, store: store)
            let json = try JSONSerialization.jsonObject(with: JSONEncoder().encode(listing)) as? [String: Any]
            #expect(json?["mayBeMore"] as? Bool == mayBeMore)
            #expect(listing.remarks.contains { $0.contains("raise --limit") } == mayBeMore)
            let held = json?["store"] as? [String: Int]
            #expect(held == store.map { ["keys": $0.keys, "bytes": $0.bytes, "unknown": $0.unknown] })
            #expect(listing.remarks.contains { $0.contains("3 keys and 4 bytes") } == (store != nil))
            #expect(listing.remarks.contains { $0.contains("cannot tell") } == (store == nil))
            let records = try #require(json?["records"] as? [[String: Any]])
            let lines = listing.table.split(separator: "\n").dropFirst()
            for (line, record) in zip(lines, records) {
                let cause = record["cause"] as? [String: Any]
                for value in [record["record"], record["state"], cause?["caller"], cause?["startedAt"], cause?["path"]]
                {
                    if let text = value as? String { #expect(line.contains(text)) }
                }
                if let reason = record["causeUnreadable"] as? String { #expect(line.contains(reason)) }
            }
        }
    }
}
#endif
