/// Records in the order of their claims, so that whoever lists them need not sort them. Fences rise, so a claim comes last.
/// What is gone keeps its place until the half of all places are such: so each costs a constant, and the memory is bounded.
struct ClaimOrder: Sendable {
    typealias Entry = (fence: Int64, id: RecordID)

    private(set) var entries: [Entry] = []
    private var goneCount = 0

    mutating func add(_ fence: Int64, _ id: RecordID) { entries.append((fence, id)) }

    /// Notes that one has gone.
    ///
    /// - Parameter isThere: Whether a place is still a record's.
    mutating func lose(isThere: (Entry) -> Bool) {
        goneCount += 1
        guard goneCount > 64, goneCount * 2 > entries.count else { return }
        entries.removeAll { !isThere($0) }
        goneCount = 0
    }

    /// At most so many places after that of a fence.
    func page(after fence: Int64, atMost count: Int) -> ArraySlice<Entry> {
        var (low, high) = (entries.startIndex, entries.endIndex)
        while low < high {
            let middle = low + (high - low) / 2
            if entries[middle].fence <= fence { low = middle + 1 } else { high = middle }
        }
        return entries[low...].prefix(max(0, count))
    }
}
