/// What tripped a breaker, in 64 bits, so that an open breaker explains itself without a lock.
package struct PackedEvidence {
    /// condition: 4 bits (0: the streak, else the rate before it) | bad: 30 bits | calls: 30 bits
    ///
    /// There are eight rates at the most (``Trip/rateBound``), and no window holds more than 2,621,430 calls; a larger
    /// count would be told as 2³⁰ - 1.
    package let bits: UInt64

    private static let mask: UInt64 = (1 << 30) - 1

    package init(bits: UInt64) {
        self.bits = bits
    }

    package init(_ evidence: Evidence?, of trip: Trip) {
        let (condition, bad, calls): (Int, Int, Int) =
            switch evidence {
            case .consecutiveFailures(let count, _): (0, count, 0)
            case .failureRate(let bad, let calls, _), .slowCallRate(let bad, let calls, _):
                (
                    1 + (trip.rates.firstIndex { $0.evidence(of: Tally(bad: bad, calls: calls)) == evidence } ?? 0),
                    bad, calls
                )
            default: (trip.streak == nil ? 1 : 0, 0, 0)
            }
        bits = UInt64(condition) << 60 | UInt64(min(bad, Int(Self.mask))) << 30 | UInt64(min(calls, Int(Self.mask)))
    }

    package func evidence(of trip: Trip) -> Evidence {
        let tally = Tally(bad: Int(bits >> 30 & Self.mask), calls: Int(bits & Self.mask))
        let condition = Int(bits >> 60)
        guard condition > 0, condition <= trip.rates.count else {
            return .consecutiveFailures(tally.bad, threshold: trip.streak ?? 0)
        }
        return trip.rates[condition - 1].evidence(of: tally)
    }
}
