#if Gateway
import Holdfast
import NIOCore
import Synchronization

/// Where an attempt goes, and the permits that it has.
enum Choice: ~Copyable {
    /// A permit is nil where nobody asked for one: there is no such breaker, or it is not enforced.
    case endpoint(Endpoint, BreakerPermit?, service: BreakerPermit?)
    case rejected(Explanation)
    /// It would be a probe, of this endpoint or of the whole service, and its body is still to come.
    case bodyFirst(Endpoint)
    /// No address of the service is known.
    case nowhere
    /// Operators have drained or disabled every endpoint.
    case heldOut
}

/// Where a call has been. Most make one attempt, and allocate nothing for this.
struct TriedEndpoints {
    private(set) var latest: Endpoint?
    private var earlier: [Endpoint] = []

    mutating func note(_ endpoint: Endpoint) {
        if let latest, latest !== endpoint, !earlier.contains(where: { $0 === latest }) { earlier.append(latest) }
        latest = endpoint
    }

    fileprivate func turn(of endpoint: Endpoint) -> TwoChoices.Turn? {
        guard latest != nil else { return nil }
        if endpoint === latest { return .last }
        return earlier.contains { $0 === endpoint } ? .tried : nil
    }
}

extension UpstreamService {
    /// Chooses an endpoint: ``TwoChoices`` proposes one, and its breaker admits the call, or another is proposed.
    ///
    /// - Parameters:
    ///   - tried: Where the call has been: the last to be chosen.
    ///   - wanted: Which one to begin with, if any is better than another.
    ///   - caller: The place of whoever calls: some breakers are open for a few callers alone.
    ///   - isWhole: Whether the request can be sent whole, or cannot be kept until it can. Others are no probes.
    ///   - isEnforced: Whether a rejection counts. In the shadow it is told, and the call is made.
    ///   - draws: The room to choose in.
    ///   - hasIdle: Whether an endpoint without room for another connection has one that is free.
    func choose(
        avoiding tried: TriedEndpoints, preferring wanted: Endpoint? = nil, for caller: Int, isWhole: Bool = true,
        at now: NIODeadline, isEnforced: Bool, in draws: inout TwoChoices, using generator: inout SplitMix64,
        hasIdle: (Endpoint) -> Bool = { _ in false }, wouldReject: (Explanation) -> Void
    ) -> Choice {
        guard !endpoints.isEmpty else { return .nowhere }
        let asker = ProbePlaces.Asker(caller: caller, isWhole: isWhole)
        var servicePermit: BreakerPermit?
        do throws(ProbePlaces.Refusal) {
            servicePermit = try probes?.admit(asker, at: now)
        } catch {
            switch error {
            case .bodyFirst: return .bodyFirst(endpoints[0])
            case .rejected(let explanation):
                if evidence?.spares(caller, at: now) != true {
                    guard !isEnforced else { return .rejected(explanation) }
                    wouldReject(explanation)
                }
            }
        }
        draws.begin(
            among: endpoints.count, preferring: wanted.flatMap { wanted in endpoints.firstIndex { $0 === wanted } },
            heaviest: heaviest.load(ordering: .relaxed))
        var first: Endpoint?
        var earliest: Explanation?
        var sparing: Endpoint?
        while let place = draws.next(
            using: &generator,
            { place in
                let endpoint = endpoints[place]
                return TwoChoices.Member(
                    turn: turn(of: endpoint, tried, isWanted: endpoint === wanted, hasIdle),
                    load: endpoint.inFlight.load(ordering: .relaxed), weight: endpoint.weight,
                    asksFirst: endpoint.asksFirst)
            })
        {
            let endpoint = endpoints[place]
            first = first ?? endpoint
            let explanation: Explanation
            do throws(ProbePlaces.Refusal) {
                let permit = try endpoint.probes.admit(asker, at: now)
                return .endpoint(endpoint, consume permit, service: servicePermit.take())
            } catch {
                switch error {
                case .bodyFirst where endpoint.isWaived.load(ordering: .relaxed):
                    return .endpoint(endpoint, nil, service: servicePermit.take())
                case .bodyFirst: return .bodyFirst(endpoint)
                case .rejected(let why): explanation = why
                }
            }
            if endpoint.isWaived.load(ordering: .relaxed) {
                return .endpoint(endpoint, nil, service: servicePermit.take())
            }
            if endpoint.evidence?.spares(caller, at: now) == true {
                sparing = sparing ?? endpoint
                continue
            }
            endpoint.rejected.add(1, ordering: .relaxed)
            if earliest.map({ explanation.retryAfter < $0.retryAfter }) ?? true { earliest = explanation }
        }
        if let sparing { return .endpoint(sparing, nil, service: servicePermit.take()) }
        // Each endpoint that may be chosen has either admitted or explained itself.
        guard let earliest, let first else { return .heldOut }
        guard !isEnforced else { return .rejected(earliest) }
        wouldReject(earliest)
        return .endpoint(first, nil, service: servicePermit.take())
    }

    private func turn(
        of endpoint: Endpoint, _ tried: TriedEndpoints, isWanted: Bool, _ hasIdle: (Endpoint) -> Bool
    ) -> TwoChoices.Turn? {
        guard !endpoint.isHeldOut else { return nil }
        if let turn = tried.turn(of: endpoint) { return turn }
        guard endpoint.isEligible else { return .unhealthy }
        let isFull = endpoint.connections.load(ordering: .relaxed) >= configuration.connections
        return isFull && !isWanted && !hasIdle(endpoint) ? .full : .first
    }
}
#endif
