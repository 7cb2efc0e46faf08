#if Gateway
import Holdfast

/// Decides which endpoint a call asks for next: of two that are drawn at random, the one with less to do for its weight
/// (Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", 1996).
///
/// Both are drawn among those that may be chosen. An endpoint that is left out, for whatever reason, is as if it were not
/// there: what it would have had is spread over all others, and not given to the next in a list. Three rules:
/// - Those whose turn it is are exhausted before the next turn begins (``Turn``).
/// - Whether a breaker that is not closed admits a call is known only by asking it, and asking takes a probe's place. So
///   an endpoint with such a breaker is asked as soon as it is drawn. If it refuses, another is drawn in its place, so that
///   each comparison is between two that may be chosen; who was drawn before it stays, or one that is seldom drawn
///   together with a dead one would be favoured.
/// - An endpoint is the first of the two with a probability in proportion to its weight, and wins unless the other has
///   less in progress in proportion to its own. So a service at rest is called in proportion to the weights, and a busy
///   one keeps what is in progress in that proportion.
///
/// Of a few endpoints, those whose turn it is are listed, in room that is kept from one call to the next. Of more, places
/// are drawn until one may be chosen, ``draws`` times at the most, and then they are listed too. Either way each of them
/// is as likely as its weight says, and nothing is allocated for a call.
struct TwoChoices: Sendable {
    /// When an endpoint may be chosen: the first that are there are exhausted before the next.
    enum Turn: UInt8, Sendable, CaseIterable {
        /// Nothing speaks against it.
        case first
        /// It has as many connections as it may.
        case full
        /// Its checks fail.
        case unhealthy
        /// This call has been there before.
        case tried
        /// This call was there last.
        case last
    }

    /// An endpoint, as far as it matters here.
    struct Member: Sendable, Hashable {
        /// nil: not at all.
        var turn: Turn? = .first
        /// What is in progress there.
        var load = 0
        /// At least 1.
        var weight = Endpoint.usualWeight
        /// Whether only asking it tells whether it may be chosen.
        var asksFirst = false
    }

    /// So many places are drawn before all are listed: of endpoints of which half may be chosen, one call in 65,536 lists.
    static let draws = 16
    /// Up to so many endpoints are listed at once: that costs no more than to draw several times.
    static let listedAtOnce = 8

    private typealias Entry = (place: Int, member: Member)

    private var count = 0
    private var preferred: Int?
    private var heaviest = 0
    private var turn = Turn.first
    private var proposed: Int?
    /// Drawn first, while the other one is asked.
    private var kept: Entry?
    private var isListed = false
    /// Those whose turn it is and who have not refused.
    private var list: [Entry] = []

    /// Begins a call's choice.
    ///
    /// - Parameters:
    ///   - count: How many endpoints there are.
    ///   - preferred: Which one is better than any other, if nothing speaks against it.
    ///   - heaviest: The largest weight of all; 0 where all weigh the same.
    mutating func begin(among count: Int, preferring preferred: Int? = nil, heaviest: Int = 0) {
        self.count = count
        self.preferred = preferred
        self.heaviest = heaviest
        (turn, proposed, kept, isListed) = (.first, nil, nil, false)
        list.removeAll(keepingCapacity: true)
    }

    /// Proposes an endpoint. Whoever asks again says with it that the one before has refused.
    ///
    /// - Parameter member: What there is at a place.
    /// - Returns: Its place; nil when all have refused.
    mutating func next(
        using generator: inout some RandomNumberGenerator, _ member: (Int) -> Member
    ) -> Int? {
        if isListed {
            list.removeAll { $0.place == proposed }
        } else if proposed == nil, let preferred, member(preferred).turn == .first {
            proposed = preferred
            return preferred
        }
        while true {
            if let one = kept ?? draw(besides: nil, using: &generator, member) {
                let other = one.member.asksFirst ? nil : draw(besides: one.place, using: &generator, member)
                kept = other?.member.asksFirst == true ? one : nil
                let chosen = other.map { Self.better(one, $0) } ?? one.place
                proposed = chosen
                return chosen
            }
            guard let later = Turn(rawValue: turn.rawValue + 1) else { return nil }
            turn = later
            isListed = false
        }
    }

    private static func better(_ one: Entry, _ other: Entry) -> Int {
        if other.member.asksFirst { return other.place }
        return other.member.load * one.member.weight < one.member.load * other.member.weight ? other.place : one.place
    }

    /// Draws one of those whose turn it is, each in proportion to its weight.
    private mutating func draw(
        besides excluded: Int?, using generator: inout some RandomNumberGenerator, _ member: (Int) -> Member
    ) -> Entry? {
        if !isListed {
            if count > Self.listedAtOnce, proposed == nil {
                for _ in 0..<Self.draws {
                    let place = Self.below(count, using: &generator)
                    guard place != excluded else { continue }
                    let member = member(place)
                    guard member.turn == turn else { continue }
                    if heaviest == 0 || Self.below(heaviest, using: &generator) < member.weight {
                        return (place, member)
                    }
                }
            }
            makeList(member)
        }
        return drawListed(besides: excluded, using: &generator)
    }

    private mutating func makeList(_ member: (Int) -> Member) {
        list.removeAll(keepingCapacity: true)
        for place in 0..<count where place != proposed {
            let member = member(place)
            if member.turn == turn { list.append((place, member)) }
        }
        isListed = true
    }

    private func drawListed(besides excluded: Int?, using generator: inout some RandomNumberGenerator) -> Entry? {
        let hole = excluded.flatMap { excluded in list.firstIndex { $0.place == excluded } }
        let count = list.count - (hole == nil ? 0 : 1)
        guard count > 0 else { return nil }
        guard heaviest > 0 else {
            let drawn = Self.below(count, using: &generator)
            return list[drawn < hole ?? count ? drawn : drawn + 1]
        }
        let total = list.reduce(0) { $0 + ($1.place == excluded ? 0 : $1.member.weight) }
        var left = Self.below(total, using: &generator)
        for entry in list where entry.place != excluded {
            left -= entry.member.weight
            if left < 0 { return entry }
        }
        return nil
    }

    /// A number below another, each as likely but for a share of 2⁻⁶⁴ (Lemire, "Fast Random Integer Generation in an
    /// Interval", 2019, without its rejection).
    private static func below(_ bound: Int, using generator: inout some RandomNumberGenerator) -> Int {
        Int(UInt64(bound).multipliedFullWidth(by: generator.next()).high)
    }
}
#endif
