#if Valkey
import HoldfastIdempotency

/// How commands are told to the script, and what it and its records say.
///
/// All the keys of one script begin with the same hash tag, so a cluster keeps them on one node. There are sixteen tags,
/// which is as many parts as a cluster can share the work in.
enum ValkeyRecords {
    static let tags = 16

    /// The same as a lane's number where there are as many lanes, so that a batch goes to one node.
    static func tag(of id: RecordID) -> Int { id.place(among: tags) }

    static func key(of id: RecordID) -> String { "\(prefix(tag(of: id)))record:\(id)" }

    /// What the fences of a tag's records are drawn from.
    static func fenceKey(_ tag: Int) -> String { "\(prefix(tag))fence" }

    /// Where it is told which records have ended.
    static let channel = "holdfast:ended"

    static let secretKey = "\(prefix(0))secret"
    static let recordPattern = "holdfast:{*}:record:*"

    static func prefix(_ tag: Int) -> String { "holdfast:{\(tag)}:" }

    static func id(ofKey key: String) -> RecordID? {
        key.lastIndex(of: ":").flatMap { RecordID(String(key[key.index(after: $0)...])) }
    }

    /// Why a command is not carried out at all; nil if it is.
    static func refusal(of command: ClaimCommand) -> ClaimStoreError? {
        let payload: [UInt8]?
        switch command.action {
        case .complete(_, let outcome, _): payload = outcome
        case .resolve(_, .completed(let outcome), _, _, _): payload = outcome
        case .claim, .look, .renew, .release, .abandon, .resolve, .purge: payload = nil
        }
        guard let payload, payload.count > RESPDecoder.stringBound else { return nil }
        return ClaimStoreError(
            .failed,
            "a payload has \(payload.count) bytes, and could not be read back: the most are \(RESPDecoder.stringBound)")
    }

    /// The words of `EVALSHA`, without the script's name.
    static func words(of batch: [ClaimCommand], tag: Int) -> [[UInt8]] {
        let keys = [fenceKey(tag), ValkeyIndex.key(tag), ValkeyIndex.tallyKey(tag)] + batch.map { key(of: $0.id) }
        return [Array("\(keys.count)".utf8)] + keys.map { Array($0.utf8) } + batch.flatMap { arguments(of: $0.action) }
    }

    private static func arguments(of action: ClaimCommand.Action) -> [[UInt8]] {
        func text(_ text: String) -> [UInt8] { Array(text.utf8) }
        switch action {
        case .claim(let fingerprint, let lease, let retention, let takesOver, let owner, let nonce, let context):
            let takeover =
                switch takesOver {
                case .nothing: "nothing"
                case .anything: "anything"
                case .fence(let fence): "\(fence)"
                }
            let by = ClaimHistory.word(owner, bound: ClaimHistory.nameBound)
            return [
                text("claim"), fingerprint.bytes, text(milliseconds(lease)), text(milliseconds(retention)),
                text(takeover), text(by), text(ClaimHistory.word(nonce, bound: ClaimHistory.reasonBound)),
                context,
            ]
        case .look(let fingerprint, let retention):
            return [text("look"), fingerprint.bytes, text(milliseconds(retention))]
        case .renew(let fence, let lease):
            return [text("renew"), text("\(fence)"), text(milliseconds(lease))]
        case .complete(let fence, let payload, let retention):
            return [
                text("complete"), text("\(fence)"), text(milliseconds(retention)), text(payload == nil ? "0" : "1"),
                payload ?? [],
            ]
        case .release(let fence):
            return [text("release"), text("\(fence)")]
        case .abandon(let fence):
            return [text("abandon"), text("\(fence)")]
        case .resolve(let fence, let resolution, let retention, let by, let why):
            let (kept, payload): (String, [UInt8]) =
                switch resolution {
                case .released: ("released", [])
                case .completed(nil): ("0", [])
                case .completed(let payload?): ("1", payload)
                }
            return [
                text("resolve"), text("\(fence)"), text(milliseconds(retention)), text(kept), payload,
                text(ClaimHistory.word(by, bound: ClaimHistory.nameBound)),
                text(ClaimHistory.word(why, bound: ClaimHistory.reasonBound)),
            ]
        case .purge(let fence):
            return [text("purge"), text("\(fence)")]
        }
    }

    /// Whole milliseconds, rounded up as the machine does, and few enough to be added to the time in a double.
    private static func milliseconds(_ duration: Duration) -> String {
        "\(min(StoreInstant(milliseconds: 0).advanced(by: duration).milliseconds, 1 << 50))"
    }

    /// Reads what the script returns.
    static func replies(_ count: Int, in answer: RESPValue) throws(ClaimStoreError) -> [ClaimReply] {
        if case .error(let why) = answer { throw ClaimStoreError(.failed, why) }
        guard case .array(let values) = answer, values.count == count * 2 else {
            throw ClaimStoreError(.failed, "the server's answer is not what was asked for")
        }
        return try (0..<count).map { number throws(ClaimStoreError) in
            let (code, value) = (values[number * 2].string, values[number * 2 + 1])
            switch code {
            case "claimed": return .claimed(fence: try fence(value))
            case "free": return .free
            case "in-flight": return .inFlight
            case "completed": if case .bulk(let payload?) = value { return .completed(payload: payload) }
            case "not-kept": return .completed(payload: nil)
            case "unknown": return .unknown(fence: try fence(value))
            case "mismatched": return .mismatched
            case "done": return .done
            case "stale": return .stale
            default: break
            }
            throw ClaimStoreError(.failed, "the script answered \(code ?? "nothing")")
        }
    }

    private static func fence(_ value: RESPValue) throws(ClaimStoreError) -> Int64 {
        guard let fence = value.string.flatMap({ Int64($0) }) else {
            throw ClaimStoreError(.failed, "the script answered without a fence")
        }
        return fence
    }

    // MARK: A record, read without the script

    /// The most bytes of a record before its payload, with what is said of its cause, which is sealed perhaps.
    static let headBound = 128 + 32 + ClaimHistory.bound + IdempotencyEngine.contextBytesBound + 64

    /// Reads a record's beginning.
    ///
    /// - Parameter length: The whole record's, in bytes.
    static func summary(
        of id: RecordID, head: [UInt8], length: Int, at now: StoreInstant
    ) throws(ClaimStoreError) -> ClaimSummary? {
        let line = head.prefix { $0 != UInt8(ascii: "\n") }
        let numbers = String(decoding: line, as: UTF8.self).split(separator: " ").compactMap { Int64($0) }
        // Whatever somebody else has written there: no number is added up before it is known to be small.
        guard numbers.count == 6, head.count >= line.count + 33,
            (0...Int64(head.count - line.count - 33)).contains(numbers[4])
        else {
            throw ClaimStoreError(.failed, "a record is not what this version writes")
        }
        let rest = head.dropFirst(line.count + 1)
        guard let stored = StoredState(rawValue: Int(numbers[0])) else {
            throw ClaimStoreError(.failed, "a record has the state \(numbers[0]), which is not known")
        }
        let state = ClaimRecord.State(stored, leaseEnds: StoreInstant(milliseconds: numbers[2])) { [] }
        let history = rest.dropFirst(32).prefix(Int(numbers[4]))
        let context = stored == .inFlight || stored == .unknown ? Array(rest.dropFirst(32 + Int(numbers[4]))) : []
        let record = ClaimRecord(
            fingerprint: Fingerprint(bytes: Array(rest.prefix(32))), fence: numbers[1], state: state,
            expires: StoreInstant(milliseconds: numbers[3]),
            history: ClaimHistory(text: String(decoding: history, as: UTF8.self)), context: context)
        // It may have been written again, and be shorter, since its beginning was read.
        let payloadBytes = max(0, max(0, length) - line.count - 33 - Int(numbers[4]))
        return ClaimSummary(record, of: id, payloadBytes: payloadBytes, at: now)
    }
}
#endif
