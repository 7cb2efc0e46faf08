#if Valkey
import Holdfast
public import HoldfastIdempotency

/// What operators ask: by the index of each tag, which is on the tag's node.
extension ValkeyStore {
    /// What each tag's tally and index say: right, but for what has expired within the last ten minutes. Leases that have
    /// ended since it was asked last are looked at by the thousand, so that no batch waits for long.
    public func usage() async throws -> ClaimUsage? {
        var usage = ClaimUsage()
        for _ in 0..<32 {
            let (counted, isWhole) = try await countedOnce()
            usage = counted
            if isWhole { break }
        }
        return usage
    }

    private func countedOnce() async throws -> (ClaimUsage, isWhole: Bool) {
        var (usage, isWhole) = (ClaimUsage(), true)
        for answer in try await answers(of: { tag in
            [["EVAL", self.script.counting, "2", ValkeyIndex.key(tag), ValkeyIndex.tallyKey(tag)]]
        }).joined() {
            guard case .array(let counts) = answer, counts.count == 4, let keys = counts[0].string.flatMap({ Int($0) }),
                let bytes = counts[1].string.flatMap({ Int($0) }), case .number(let unknown) = counts[2],
                case .number(let tagIsWhole) = counts[3]
            else { throw ClaimStoreError(.failed, "the server answered a count with \(answer)") }
            usage += ClaimUsage(keys: keys, bytes: bytes, unknown: Int(unknown))
            isWhole = isWhole && tagIsWhole == 1
        }
        // What expires is forgotten by the server, and not by those who add it up.
        return (ClaimUsage(keys: max(0, usage.keys), bytes: max(0, usage.bytes), unknown: usage.unknown), isWhole)
    }

    /// Asks each tag, whose keys are on one node. Where there is one node for all, in one go.
    ///
    /// - Returns: The answers, by tag.
    private func answers(of commands: (_ tag: Int) -> [[String]]) async throws -> [[RESPValue]] {
        let asked = (0..<ValkeyRecords.tags).map { tag in commands(tag).map { $0.map { Array($0.utf8) } } }
        guard !isCluster else {
            var answers: [[RESPValue]] = []
            for (tag, commands) in asked.enumerated() {
                answers.append(commands.isEmpty ? [] : try await nodes.send(commands, tag: tag))
            }
            return answers
        }
        let all = asked.flatMap { $0 }
        var rest = all.isEmpty ? [] : try await nodes.send(all, tag: 0)[...]
        return asked.map { commands in
            defer { rest = rest.dropFirst(commands.count) }
            return Array(rest.prefix(commands.count))
        }
    }

    /// All but what is completed is listed by the index: by the fence, and what is in flight by the end of its lease. Of what is
    /// completed, which is nearly all, so many records are looked at, in the server's order.
    public func summaries(
        standing state: ClaimSummary.State, after cursor: String?, atMost count: Int
    ) async throws -> ClaimPage {
        guard let band = ValkeyIndex.band(state) else {
            let page = try await summaries(after: cursor, atMost: count)
            return ClaimPage(summaries: page.summaries.filter { $0.state == state }, next: page.next, now: page.now)
        }
        let (after, count) = (try fence(atCursor: cursor), max(1, count))
        // Leases may end in one millisecond, which a page must not end within. More than so many do not.
        let fetched = max(1_000, count)
        // So that what is unknown since its lease ended is listed.
        if state == .unknown, cursor == nil { _ = try await usage() }
        let from = max(band.from, after + ValkeyIndex.offset(state))
        let listed = try await answers(of: { tag in
            [
                [
                    "ZRANGEBYSCORE", ValkeyIndex.key(tag), "(\(from)", "(\(band.to)", "WITHSCORES", "LIMIT", "0",
                    "\(state == .inFlight ? fetched : count)",
                ],
                ["EVAL", self.script.clockText, "0"],
            ]
        })
        var now = StoreInstant(milliseconds: 0)
        var places: [(fence: Int64, tag: Int, key: String)] = []
        for (tag, answers) in listed.enumerated() {
            guard case .array(let found) = answers[0] else {
                throw ClaimStoreError(.failed, "the server answered a listing with \(answers[0])")
            }
            now = try self.now(in: answers[1])
            for place in stride(from: 0, to: found.count - 1, by: 2) {
                guard let member = found[place].string, let score = found[place + 1].string.flatMap({ Double($0) })
                else {
                    continue
                }
                places.append((Int64(score) - ValkeyIndex.offset(state), tag, String(member.dropFirst(2))))
            }
        }
        let sorted = places.sorted { $0.fence < $1.fence }
        let last = sorted.prefix(count).last?.fence
        let page = sorted.prefix { $0.fence <= last ?? 0 }
        let read = try await answers(of: { tag in page.filter { $0.tag == tag }.flatMap { self.reading($0.key) } })
        var summaries: [ClaimSummary] = []
        for tag in read.indices {
            for (place, entry) in page.filter({ $0.tag == tag }).enumerated() {
                guard let id = ValkeyRecords.id(ofKey: entry.key),
                    let summary = try summary(of: id, in: read[tag][place * 2...place * 2 + 1], at: now)
                else { continue }
                summaries.append(summary)
            }
        }
        return ClaimPage(
            summaries: summaries.filter { $0.state == state }.sorted { $0.fence < $1.fence },
            next: places.count < count ? nil : page.last.map { String($0.fence) }, now: now)
    }

    public func summaries(after cursor: String?, atMost count: Int) async throws -> ClaimPage {
        // The cursor is the node's number, and the server's own.
        let words = (cursor ?? "0:0").split(separator: ":")
        let nodes = self.nodes.all
        guard words.count == 2, let place = Int(words[0]), nodes.indices.contains(place), let at = UInt64(words[1])
        else {
            throw ClaimStoreError(.invalid, "the cursor '\(cursor ?? "")' is not one that a page has ended with")
        }
        let scan = ["SCAN", "\(at)", "MATCH", ValkeyRecords.recordPattern, "COUNT", "\(max(1, count))"]
        let found = try await nodes[place].send(
            [scan, ["EVAL", script.clockText, "0"]].map { $0.map { Array($0.utf8) } })
        guard case .array(let answer) = found[0], answer.count == 2, let next = answer[0].string,
            case .array(let keys) = answer[1]
        else { throw ClaimStoreError(.failed, "the server answered a scan with \(found[0])") }
        let now = try now(in: found[1])
        let ids = keys.compactMap { $0.string.flatMap(ValkeyRecords.id(ofKey:)) }
        let reads = ids.flatMap { reading(ValkeyRecords.key(of: $0)) }
        let answers = reads.isEmpty ? [] : try await nodes[place].send(reads.map { $0.map { Array($0.utf8) } })
        let summaries = try ids.indices.compactMap { number in
            try summary(of: ids[number], in: answers[number * 2...number * 2 + 1], at: now)
        }
        let following = next != "0" ? "\(place):\(next)" : place + 1 < nodes.count ? "\(place + 1):0" : nil
        return ClaimPage(summaries: summaries, next: following, now: now)
    }

}
#endif
