/// Which of a store's records expires first: a binary heap by expiry, so that nobody has to look for what is due.
///
/// A record is noted again whenever its expiry changes, and what was noted before stays. So whoever takes an entry out
/// looks whether the record still expires then: if not, the entry is of a record that is gone, or has been noted again.
struct ExpiryQueue: Sendable {
    struct Entry: Sendable, Hashable {
        let expires: StoreInstant
        let id: RecordID
    }

    private var heap: [Entry] = []

    init() {}

    /// Takes entries in any order.
    init(_ entries: some Sequence<Entry>) {
        heap = entries.sorted { $0.expires < $1.expires }
    }

    /// How many entries there are, of records that are there and that are not.
    var count: Int { heap.count }

    mutating func note(_ entry: Entry) {
        var place = heap.count
        heap.append(entry)
        while place > 0 {
            let parent = (place - 1) / 2
            guard entry.expires < heap[parent].expires else { break }
            heap[place] = heap[parent]
            place = parent
        }
        heap[place] = entry
    }

    /// Takes out the entry that is due first; nil if none is due.
    mutating func next(at now: StoreInstant) -> Entry? {
        guard let first = heap.first, first.expires <= now, let last = heap.popLast() else { return nil }
        if !heap.isEmpty { sink(last) }
        return first
    }

    /// Puts an entry in the first one's place, and moves it down to its own.
    private mutating func sink(_ entry: Entry) {
        var place = 0
        while true {
            var child = 2 * place + 1
            guard child < heap.count else { break }
            if child + 1 < heap.count, heap[child + 1].expires < heap[child].expires { child += 1 }
            guard heap[child].expires < entry.expires else { break }
            heap[place] = heap[child]
            place = child
        }
        heap[place] = entry
    }
}
