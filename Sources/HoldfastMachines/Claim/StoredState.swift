/// A record's state, as stores spell it: a number, beside the end of the lease and, elsewhere, the payload.
@usableFromInline
package enum StoredState: Int {
    case inFlight = 0
    case completed = 1
    /// Completed, but the payload was not kept.
    case tombstone = 2
    case unknown = 3
    case released = 4
}

extension ClaimRecord.State {
    /// The number, and the end of the lease; zero where there is none.
    @inlinable package var stored: (state: StoredState, leaseEnds: StoreInstant) {
        let none = StoreInstant(milliseconds: 0)
        return switch self {
        case .inFlight(let ends): (.inFlight, ends)
        case .completed(nil): (.tombstone, none)
        case .completed: (.completed, none)
        case .unknown: (.unknown, none)
        case .released: (.released, none)
        }
    }

    /// Reads what ``stored`` wrote.
    ///
    /// - Parameter payload: Fetched only for what has one.
    package init<Failure: Error>(
        _ stored: StoredState, leaseEnds: StoreInstant, payload: () throws(Failure) -> [UInt8]
    ) throws(Failure) {
        switch stored {
        case .inFlight: self = .inFlight(leaseEnds: leaseEnds)
        case .completed: self = .completed(payload: try payload())
        case .tombstone: self = .completed(payload: nil)
        case .unknown: self = .unknown
        case .released: self = .released
        }
    }
}

extension ClaimRecord.State {
    /// The bytes of what is kept of an outcome.
    @inlinable package var payloadBytes: Int { if case .completed(let payload?) = self { payload.count } else { 0 } }
}

extension ClaimRecord {
    /// The bytes that are counted: those of an outcome, or of a cause.
    @inlinable package var keptBytes: Int { state.payloadBytes + context.count }
}
