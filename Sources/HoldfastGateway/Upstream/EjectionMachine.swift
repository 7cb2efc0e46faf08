#if Gateway
/// Decides which endpoints are left out. Those whose breakers open or whose checks fail are, in the order in which that
/// happened, up to a share of all; the rest of them is called all the same, because a gateway that leaves everything out
/// turns a bad check, or a bad deployment of the checker, into an outage. Envoy's `max_ejection_percent` does the same.
struct EjectionMachine: Sendable, Hashable {
    /// The largest share that is left out: 0 to 1.
    var share: Double
    private var members: Set<Int> = []
    /// Those that are not well, the longest first.
    private var unwell: [Int] = []

    init(share: Double) {
        self.share = share
    }

    /// Takes over which endpoints there are. Who is not among them any more is forgotten.
    mutating func setMembers(_ members: Set<Int>) {
        self.members = members
        unwell.removeAll { !members.contains($0) }
    }

    /// An endpoint's breaker or checks have changed.
    mutating func changed(_ endpoint: Int, isWell: Bool) {
        if isWell {
            unwell.removeAll { $0 == endpoint }
        } else if members.contains(endpoint), !unwell.contains(endpoint) {
            unwell.append(endpoint)
        }
    }

    /// How many may be left out: at least one, unless none may.
    var bound: Int {
        share <= 0 ? 0 : max(1, Int((share * Double(members.count)).rounded(.down)))
    }

    var ejected: ArraySlice<Int> { unwell.prefix(bound) }

    /// Those that are not well, and are called all the same.
    var waived: ArraySlice<Int> { unwell.dropFirst(bound) }
}
#endif
