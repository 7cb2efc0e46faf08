#if Gateway
import HoldfastGateway

/// What `holdfast keys list` prints, for a person and for a program: both say the same.
struct KeyListing: Encodable {
    let records: [KeyRecord]
    let mayBeMore: Bool
    /// What the whole store holds; nil where it cannot tell.
    let store: StoreCounts?

    /// A line for each record, below the names of the columns.
    var table: String {
        let names = ["RECORD", "STATE", "FENCE", "BEGAN", "BY", "CALLER", "STARTED", "REQUEST"]
        return TextTable(names: names, rows: records.map(\.cells)).lines.joined(separator: "\n")
    }

    /// What stands beside the table, a line each.
    var remarks: [String] {
        var remarks = mayBeMore ? ["There may be more: raise --limit."] : []
        guard let store else { return remarks + ["The store cannot tell how many keys it holds."] }
        remarks.append(store.words)
        return remarks
    }
}

extension StoreCounts {
    /// All of it, in a sentence.
    var words: String {
        if keys == 0 { return "The store holds no key." }
        let held = "\(counted(keys, "key")) and \(counted(bytes, "byte")) of outcomes and causes"
        let lost =
            switch unknown {
            case 0: keys == 1 ? "the key is not unknown" : "none of the keys is unknown"
            case 1: keys == 1 ? "the key is unknown" : "1 of the keys is unknown"
            default: "\(unknown) of the keys are unknown"
            }
        return "The store holds \(held); \(lost)."
    }

    private func counted(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }
}

extension KeyRecord {
    /// One for each column; `-` where nothing is known.
    fileprivate var cells: [String] {
        // Of a key that was executed again, the claim that the rest of the line is about.
        let claim = history.last { $0.event == "claimed" && $0.fence == fence } ?? history.first
        let request = causeUnreadable.map { "a cause that cannot be read: \($0)" } ?? cause?.operation
        let all: [String?] = [
            record, state, "\(fence)", claim.map { "\(spoken($0.secondsAgo)) ago" }, claim?.by,
            cause?.caller ?? cause?.client, cause?.startedAt, request,
        ]
        return all.map { cell in cell.flatMap { $0.isEmpty ? nil : $0 } ?? "-" }
    }
}
#endif
