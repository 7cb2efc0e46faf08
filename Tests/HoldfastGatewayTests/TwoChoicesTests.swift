#if Gateway
import Holdfast
@testable import HoldfastGateway
import Testing

@Suite struct TwoChoicesTests {
    /// Why an endpoint is not chosen while others may be.
    enum Reason: CaseIterable {
        case heldOut, full, unhealthy, tried, last
        /// Its breaker is not closed, and refuses.
        case refuses
        /// Its breaker was closed a moment ago, and refuses.
        case refusesUnexpectedly

        func leaveOut(_ member: inout TwoChoices.Member) {
            switch self {
            case .heldOut: member.turn = nil
            case .full: member.turn = .full
            case .unhealthy: member.turn = .unhealthy
            case .tried: member.turn = .tried
            case .last: member.turn = .last
            case .refuses: member.asksFirst = true
            case .refusesUnexpectedly: break
            }
        }

        var refuses: Bool { self == .refuses || self == .refusesUnexpectedly }
    }

    /// How the endpoints weigh.
    enum Weights: CaseIterable {
        case equal, oneIsHalf, oneIsHeavy, rising

        func weight(_ place: Int) -> Int {
            switch self {
            case .equal: 100
            case .oneIsHalf: place == 0 ? 50 : 100
            case .oneIsHeavy: place == 0 ? 1_000 : 100
            case .rising: 20 + 10 * place
            }
        }
    }

    /// Who is chosen by so many calls. Whoever is chosen has nothing in progress when the next call comes.
    private func choices(
        _ calls: Int, among members: [TwoChoices.Member], refusing: Set<Int> = [], preferring preferred: Int? = nil,
        seed: UInt64 = 1
    ) -> [Int] {
        var generator = SplitMix64(seed: seed)
        var draws = TwoChoices()
        var counts = [Int](repeating: 0, count: members.count)
        let weights = Set(members.map(\.weight))
        let heaviest = weights.count > 1 ? weights.max() ?? 0 : 0
        for _ in 0..<calls {
            draws.begin(among: members.count, preferring: preferred, heaviest: heaviest)
            while let place = draws.next(using: &generator, { members[$0] }) {
                guard !refusing.contains(place) else { continue }
                counts[place] += 1
                break
            }
        }
        return counts
    }

    /// Pearson's statistic is far beyond what chance brings: its mean is the degrees of freedom, its variance twice that.
    private func isFar(_ counts: [Int], from expected: [Double]) -> Bool {
        let statistic = zip(counts, expected).reduce(0) { sum, pair in
            pair.1 == 0 ? sum : sum + (Double(pair.0) - pair.1) * (Double(pair.0) - pair.1) / pair.1
        }
        let freedom = Double(max(1, expected.count { $0 > 0 } - 1))
        return statistic > freedom + 4 * (2 * freedom).squareRoot() + 4
    }

    @Test(arguments: Reason.allCases, [2, 3, 4, 8, 9, 30])
    func `what one that is left out would have had is spread over all others by their weights`(
        reason: Reason, count: Int
    ) {
        for weights in Weights.allCases {
            for out in Set([1, count / 2, count - 1]).sorted() {
                let leftOut = Set((0..<out).map { ($0 * 7 + 1) % count })
                var members = (0..<count).map { TwoChoices.Member(weight: weights.weight($0)) }
                for place in leftOut { reason.leaveOut(&members[place]) }
                let calls = 2_000
                let counts = choices(calls, among: members, refusing: reason.refuses ? leftOut : [])
                let total = members.indices.reduce(0) { $0 + (leftOut.contains($1) ? 0 : members[$1].weight) }
                let expected = members.indices.map {
                    leftOut.contains($0) ? 0 : Double(calls * members[$0].weight) / Double(total)
                }
                #expect(leftOut.allSatisfy { counts[$0] == 0 }, "\(weights) \(leftOut): \(counts)")
                #expect(!isFar(counts, from: expected), "\(weights) \(leftOut): \(counts)")
            }
        }
    }

    @Test func `four of which one is dead are called by thirds, whoever of them is dead`() {
        for dead in 0..<4 {
            var members = [TwoChoices.Member](repeating: .init(), count: 4)
            members[dead].asksFirst = true
            let counts = choices(9_000, among: members, refusing: [dead])
            #expect(counts[dead] == 0)
            for place in 0..<4 where place != dead { #expect((2_800...3_200).contains(counts[place]), "\(counts)") }
        }
    }

    @Test(arguments: [2, 4, 9, 30]) func `the busiest is never chosen, and one that is left out is no rival`(count: Int)
    {
        var members = (0..<count).map { TwoChoices.Member(load: $0 == 0 ? 9 : 1) }
        #expect(choices(2_000, among: members)[0] == 0)
        // The only other may not be chosen: it has less to do, and all the same the busy one is.
        for place in 1..<count { members[place].turn = .unhealthy }
        #expect(choices(50, among: members)[0] == 50)
    }

    @Test func `of two the one with less in progress for its weight is chosen`() {
        func chosen(_ one: (load: Int, weight: Int), _ other: (load: Int, weight: Int)) -> [Int] {
            choices(100, among: [one, other].map { TwoChoices.Member(load: $0.load, weight: $0.weight) })
        }
        #expect(chosen((3, 200), (2, 100)) == [100, 0])
        #expect(chosen((5, 200), (2, 100)) == [0, 100])
        #expect(chosen((1, 100), (1, 1)) == [100, 0])
    }

    @Test(arguments: [3, 20]) func `those of one turn are exhausted before the next, and each is proposed once`(
        count: Int
    ) {
        var generator = SplitMix64(seed: 3)
        let turns = TwoChoices.Turn.allCases
        let members = (0..<count).map { TwoChoices.Member(turn: $0 % 6 == 5 ? nil : turns[$0 % 6]) }
        var draws = TwoChoices()
        for _ in 0..<50 {
            draws.begin(among: count)
            var proposed: [Int] = []
            while let place = draws.next(using: &generator, { members[$0] }) { proposed.append(place) }
            #expect(Set(proposed).count == proposed.count)
            #expect(proposed.count == members.count { $0.turn != nil })
            let order = proposed.compactMap { members[$0].turn?.rawValue }
            #expect(order == order.sorted())
        }
    }

    @Test func `the preferred one comes first, unless something speaks against it`() {
        var members = [TwoChoices.Member](repeating: .init(), count: 12)
        members[5].load = 99
        #expect(choices(50, among: members, preferring: 5)[5] == 50)
        #expect(choices(50, among: members, refusing: [5], preferring: 5)[5] == 0)
        members[5].turn = .unhealthy
        #expect(choices(50, among: members, preferring: 5)[5] == 0)
    }

    @Test func `one whose breaker must be asked is asked as often as it is drawn, among many too`() {
        var members = [TwoChoices.Member](repeating: .init(), count: 20)
        (members[7].asksFirst, members[7].load) = (true, 50)
        // Drawn as one of two of twenty: a tenth.
        #expect((400...600).contains(choices(5_000, among: members)[7]))
    }

    @Test func `nobody is proposed where nobody is`() {
        var generator = SplitMix64(seed: 1)
        var draws = TwoChoices()
        for count in [0, 1, 30] {
            draws.begin(among: count)
            #expect(draws.next(using: &generator, { _ in .init(turn: nil) }) == nil)
            #expect(draws.next(using: &generator, { _ in .init(turn: nil) }) == nil)
        }
    }
}
#endif
