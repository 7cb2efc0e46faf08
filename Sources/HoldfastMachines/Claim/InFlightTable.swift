/// Who asks for a key here: what ``InFlightTable`` reads of it.
package protocol InFlightAsker {
    /// Whose key it is, for the bounds on callers.
    associatedtype Account: Equatable

    /// Names it among all who ask at one table. Zero until it has asked; then the table writes it.
    var number: UInt64 { get set }
    var fingerprint: Fingerprint { get }
    var account: Account { get }
    var takesOver: ClaimCommand.Takeover { get }
    /// Whether it waits for the end of what another executes here, or conflicts.
    var mayWait: Bool { get }
}

/// The keys that are in flight in one process: who executes, who waits for the end, and what each of them hears then.
///
/// ```
///              begin              grant             end
///  (nobody) ──────────▶ asking ──────────▶ executing ──────────▶ (nobody): each who waited hears the end, or asks anew
///                          │   join: waits, in the order of coming   ▲
///                          └─────── end: refused, or answered ───────┘
/// ```
///
/// One asker at a time asks the store for a key, and executes if the store grants it the claim. All others wait for it, so
/// that duplicates share an outcome without asking the store. Until the claim is granted nothing is known of the key: the
/// store may know it for another request, so whoever says something else waits for the store's word as well.
///
/// Rejected: asking the store for each duplicate. It is right, too, but a hundred duplicates of one request would cost a
/// hundred writes.
package struct InFlightTable<Asker: InFlightAsker> {
    /// A key for which somebody asks the store, or which somebody executes.
    @usableFromInline
    struct Entry {
        @usableFromInline let fingerprint: Fingerprint
        @usableFromInline let account: Asker.Account
        /// The number of the one who asks, or executes.
        @usableFromInline let asker: UInt64
        /// Whether that one is gone, and gives back what it is granted.
        @usableFromInline var isAskerGone = false
        @usableFromInline var isGranted = false
        /// The bytes that the store keeps of the claim's cause.
        @usableFromInline var contextBytes = 0
        /// In the order of their coming.
        @usableFromInline var waiters: [Asker] = []

        @inlinable init(of asker: Asker) {
            fingerprint = asker.fingerprint
            account = asker.account
            self.asker = asker.number
        }
    }

    /// What becomes of one who comes to a key that is in flight.
    package enum Arrival: Sendable, Hashable {
        case waits
        /// Another executes here, and this one does not wait.
        case conflicts
        /// Another executes here, and as many wait as may.
        case full
        /// The key is executed for a request that says something else.
        case mismatches
    }

    /// How a key's flight ended.
    package enum Ending: Sendable, Hashable {
        /// The asker has as many keys as it may: nothing was asked for.
        case refused
        /// The store did not grant the claim. With a fence: it has told that nobody knows how the claim of this fence ended.
        case answered(unknown: Int64?)
        /// The outcome was recorded.
        case recorded
        /// The claim was given back, and nothing was done.
        case released
        /// Nobody knows how the execution ended, and the record may not say so: a write has failed.
        case lost(fence: Int64)
        /// Nobody knows how the execution ended, and the record says so.
        case abandoned(fence: Int64)
    }

    /// What one who waited hears of the end.
    package enum Word: Sendable, Hashable {
        /// The same as the one it waited for: the refusal, the store's answer, or the outcome.
        case same
        /// It asks anew, under the number that it has.
        case asksAgain
        /// Nobody knows how the execution ended.
        case unknown(fence: Int64)
    }

    /// A flight that is over.
    package struct Ended {
        package let fingerprint: Fingerprint
        /// Each one who waited, in the order of their coming, with what it hears.
        package let words: [(asker: Asker, word: Word)]
    }

    @usableFromInline var entries: [RecordID: Entry] = [:]
    /// How many wait for the end of what another process executes.
    @usableFromInline var elsewhere: [RecordID: Int] = [:]
    @usableFromInline var lastNumber: UInt64 = 0

    @inlinable package init() {}

    /// How many wait here for the end of what is executed here.
    package var waiting: Int { entries.values.reduce(0) { $0 + $1.waiters.count } }

    /// Gives an asker its number, if it has none yet, and a place behind the one who is at this key.
    ///
    /// - Parameter bound: The most that may wait for one key.
    /// - Returns: nil, if nobody is at this key. Then the asker may ``begin(_:at:)``.
    @inlinable package mutating func join(_ asker: inout Asker, at id: RecordID, atMost bound: Int) -> Arrival? {
        if asker.number == 0 {
            lastNumber += 1
            asker.number = lastNumber
        }
        guard let entry = entries[id] else { return nil }
        if entry.fingerprint != asker.fingerprint {
            if entry.isGranted { return .mismatches }
        } else if !asker.mayWait {
            return .conflicts
        }
        guard entry.waiters.count < bound else { return .full }
        entries[id]?.waiters.append(asker)
        return .waits
    }

    /// Makes an asker the one who asks the store for a key. Nobody is at the key, and the asker has its number.
    @inlinable package mutating func begin(_ asker: Asker, at id: RecordID) {
        assert(asker.number != 0, "an asker without a number")
        assert(entries[id] == nil, "two who execute one key")
        entries[id] = Entry(of: asker)
    }

    /// Notes that the store has granted the claim.
    ///
    /// - Parameter contextBytes: What the store keeps of the cause.
    /// - Returns: Those who wait with another request under this key, and wait no longer: it is not theirs.
    @inlinable package mutating func grant(_ id: RecordID, keeping contextBytes: Int) -> [Asker] {
        guard let entry = entries[id] else { return [] }
        assert(!entry.isGranted, "a claim that is granted twice")
        entries[id]?.isGranted = true
        entries[id]?.contextBytes = contextBytes
        if entry.waiters.isEmpty { return [] }
        entries[id]?.waiters.removeAll { $0.fingerprint != entry.fingerprint }
        return entry.waiters.filter { $0.fingerprint != entry.fingerprint }
    }

    /// Ends a key's flight.
    ///
    /// - Returns: Who hears what; nil, if nobody is at this key.
    @inlinable package mutating func end(_ id: RecordID, as ending: Ending) -> Ended? {
        guard let entry = entries.removeValue(forKey: id) else { return nil }
        return Ended(
            fingerprint: entry.fingerprint,
            words: entry.waiters.map { ($0, Self.word(to: $0, behind: entry, of: ending)) })
    }

    @inlinable static func word(to waiter: Asker, behind entry: Entry, of ending: Ending) -> Word {
        switch ending {
        // Another may have room.
        case .refused: waiter.account == entry.account ? .same : .asksAgain
        // The answer is about the one request, and about what the one would take over.
        case .answered(let unknown):
            waiter.fingerprint == entry.fingerprint && !(unknown.map(waiter.takesOver.covers) ?? false)
                ? .same : .asksAgain
        case .recorded: .same
        case .released: .asksAgain
        case .lost(let fence): .unknown(fence: fence)
        case .abandoned(let fence): waiter.takesOver.covers(fence) ? .asksAgain : .unknown(fence: fence)
        }
    }

    /// Takes one who waits out of its place.
    ///
    /// - Returns: Whether it waited.
    package mutating func leave(_ id: RecordID, _ number: UInt64) -> Bool {
        guard let place = entries[id]?.waiters.firstIndex(where: { $0.number == number }) else { return false }
        entries[id]?.waiters.remove(at: place)
        return true
    }

    /// Notes that the one who asks for a key is gone, and gives back what it is granted.
    package mutating func noteGone(_ id: RecordID, _ number: UInt64) {
        if entries[id]?.asker == number { entries[id]?.isAskerGone = true }
    }

    /// Whether another is at a key, who executes, or is there to execute if the store grants it the claim.
    package func isBehindAnother(_ id: RecordID, _ number: UInt64) -> Bool {
        guard let entry = entries[id], entry.asker != number else { return false }
        return entry.isGranted || !entry.isAskerGone
    }

    /// Whose key is in flight, and how many bytes the store keeps of its cause.
    @inlinable package func account(of id: RecordID) -> (account: Asker.Account, contextBytes: Int)? {
        entries[id].map { ($0.account, $0.contextBytes) }
    }

    // MARK: Those who wait for another process

    /// Gives one more a place among those who wait for what another process executes.
    ///
    /// - Returns: Whether there was one.
    package mutating func waitElsewhere(for id: RecordID, atMost bound: Int) -> Bool {
        let count = elsewhere[id] ?? 0
        guard count < bound else { return false }
        elsewhere[id] = count + 1
        return true
    }

    /// Gives such a place back.
    package mutating func endWaitingElsewhere(for id: RecordID) {
        guard let count = elsewhere[id] else { return assertionFailure("a place that nobody has") }
        elsewhere[id] = count > 1 ? count - 1 : nil
    }
}

extension InFlightTable: Sendable where Asker: Sendable, Asker.Account: Sendable {}
extension InFlightTable.Entry: Sendable where Asker: Sendable, Asker.Account: Sendable {}
