#if Gateway
/// Which connections the control plane has, and which gives way when there are as many as may be.
///
/// Whoever connects is a stranger until they have shown that they may ask. A stranger who comes when all places of
/// strangers are taken gets that of another: an operator who arrives during a flood is served, and who waits is the
/// flood's own. One client has few of these places, so that a single address cannot push others out. Those who have shown
/// that they may ask have places of their own, which no stranger can take.
struct AdminPlaces {
    /// The most strangers, and of one client: more than a browser opens at once.
    static let strangers = 32
    static let strangersOfOne = 8
    /// The most who have shown that they may ask: pages of some operators, and what scrapes metrics.
    static let known = 32
    /// The most connections together.
    static let bound = strangers + known

    typealias Number = ObjectIdentifier

    /// In the order in which they came.
    private var strangers: [(number: Number, client: ClientConnections.Client?)] = []
    private var known: Set<Number> = []

    var count: Int { strangers.count + known.count }

    /// Somebody has connected.
    ///
    /// - Returns: Who has to leave for it.
    mutating func arrived(_ number: Number, from client: ClientConnections.Client?) -> Number? {
        defer { strangers.append((number, client)) }
        if strangers.count(where: { $0.client == client }) >= Self.strangersOfOne {
            return strangers.firstIndex { $0.client == client }.map { strangers.remove(at: $0).number }
        }
        return strangers.count >= Self.strangers ? strangers.removeFirst().number : nil
    }

    /// Somebody has shown that they may ask.
    ///
    /// - Returns: Whether they have a place of their own now. Without, they are served, and may have to leave.
    mutating func showed(_ number: Number) -> Bool {
        if known.contains(number) { return true }
        // Who has had to leave meanwhile stays gone.
        guard known.count < Self.known, let place = strangers.firstIndex(where: { $0.number == number }) else {
            return false
        }
        strangers.remove(at: place)
        known.insert(number)
        return true
    }

    /// A connection is over.
    mutating func ended(_ number: Number) {
        strangers.removeAll { $0.number == number }
        known.remove(number)
    }
}
#endif
