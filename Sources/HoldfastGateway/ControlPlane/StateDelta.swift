#if Gateway
import HoldfastHTTP

/// What a page knows of the state, and what it is told next: what changed, and no more at a time than there is room for.
///
/// A breaker that changes is told first. Of the rest, each row has its turn: under a load in which everything changes all
/// the time, a page with many rows shows figures that are some seconds old, and costs no more.
struct StateDelta {
    private var told: StateRows
    /// Whose turn is next.
    private var turn = 0

    /// - Parameter told: What the page was told as a whole.
    init(told: StateRows) { self.told = told }

    /// Whether rows came or went, so that the page has to be told the whole.
    func isOver(_ current: StateRows) -> Bool { current.shape != told.shape }

    /// The next changes: `{"e0.1":{"succeeded":5}}`.
    ///
    /// - Parameters:
    ///   - current: The state, in the same shape.
    ///   - bytes: When there are as many, no more rows follow.
    ///   - urgentOnly: Leaves out all but what is told first.
    /// - Returns: nil when nothing changed.
    mutating func next(_ current: StateRows, atMost bytes: Int, urgentOnly: Bool = false) -> [UInt8]? {
        let changed = current.rows.indices.filter { current.rows[$0].members != told.rows[$0].members }
        let urgent = changed.filter { current.rows[$0].urgent != told.rows[$0].urgent }
        let waiting = changed.filter { current.rows[$0].urgent == told.rows[$0].urgent }
        let inTurn = waiting.filter { $0 >= turn } + waiting.filter { $0 < turn }
        var json = JSONText()
        var isEmpty = true
        json.object { json in
            for place in urgent + (urgentOnly ? [] : inTurn) where json.bytes.count < bytes {
                let row = current.rows[place]
                json.string(row.name)
                json.raw(":")
                json.changes(from: told.rows[place].members, to: row.members)
                told.rows[place] = row
                isEmpty = false
                if !urgent.contains(place) { turn = place + 1 }
            }
        }
        return isEmpty ? nil : json.bytes
    }
}

extension StateRows.Figure {
    fileprivate var isPassing: Bool { if case .passing = self { true } else { false } }
}

extension JSONText {
    /// An object of what is not as it was; within a group, only what changed there.
    fileprivate mutating func changes(from former: [StateRows.Member], to current: [StateRows.Member]) {
        let known = Dictionary(former.map { ($0.name, $0.figure) }) { first, _ in first }
        // It began anew with the breaker's generation, and is known from then on.
        let begins = known["generation"] != current.first { $0.name == "generation" }?.figure
        object { json in
            for member in current
            where member.figure.isPassing ? begins : known[member.name] != member.figure {
                json.string(member.name)
                json.raw(":")
                switch (known[member.name], member.figure) {
                case (.group(let before)?, .group(let after)): json.changes(from: before, to: after)
                case (.counts(let before)?, .counts(let after)):
                    json.counts(after.filter { before[$0.key] != $0.value })
                default: json.figure(member.figure)
                }
            }
        }
    }

    private mutating func figure(_ figure: StateRows.Figure) {
        switch figure {
        case .absent: value("null")
        case .number(let number): value("\(number)")
        case .real(let number): value(number.isFinite ? "\(number)" : "0")
        case .flag(let flag): value(flag ? "true" : "false")
        case .text(let text): string(text)
        case .counts(let counts): self.counts(counts)
        case .group(let members): changes(from: [], to: members)
        case .passing(let time): value(time.seconds.isFinite ? "\(time.seconds)" : "0")
        }
    }

    private mutating func counts(_ counts: [String: Int]) {
        object { json in
            for (name, count) in counts.sorted(by: { $0.key < $1.key }) {
                json.string(name)
                json.raw(":\(count)")
            }
        }
    }

    /// What follows a name and a colon.
    private mutating func value(_ text: String) { raw(text) }
}
#endif
