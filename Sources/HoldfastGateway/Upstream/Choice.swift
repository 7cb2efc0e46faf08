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
}

extension UpstreamService {
    /// Chooses an endpoint: of two at random, the one with fewer attempts in progress (Mitzenmacher, "The Power of Two
    /// Choices in Randomized Load Balancing", 1996), or else whichever admits a call. The one that was just tried comes
    /// last of all.
    ///
    /// - Parameters:
    ///   - wanted: Which one to begin with, if any is better than another.
    ///   - caller: The place of whoever calls: some breakers are open for a few callers alone.
    ///   - isWhole: Whether the request can be sent whole, or cannot be kept until it can. Others are no probes.
    ///   - isEnforced: Whether a rejection counts. In the shadow it is told, and the call is made.
    func choose(
        avoiding tried: Endpoint?, preferring wanted: Endpoint? = nil, for caller: Int, isWhole: Bool = true,
        at now: NIODeadline, isEnforced: Bool, using generator: inout SplitMix64, wouldReject: (Explanation) -> Void
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
        let known = wanted.flatMap { wanted in endpoints.firstIndex { $0 === wanted } }
        let first = known ?? preferred(using: &generator)
        var earliest: Explanation?
        var sparing: Endpoint?
        // The preferred one, the others in turn, those whose checks fail, and the one that was just tried.
        for round in Round.allCases {
            for step in 0..<endpoints.count {
                let endpoint = endpoints[(first + step) % endpoints.count]
                guard Round(of: endpoint, tried: tried) == round else { continue }
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
        }
        if let sparing { return .endpoint(sparing, nil, service: servicePermit.take()) }
        // There is at least one endpoint, and each has either admitted or explained itself.
        guard let earliest else { return .nowhere }
        guard !isEnforced else { return .rejected(earliest) }
        wouldReject(earliest)
        return .endpoint(endpoints[first], nil, service: servicePermit.take())
    }

    private enum Round: CaseIterable {
        case wanted, unhealthy, tried

        init(of endpoint: Endpoint, tried: Endpoint?) {
            self = endpoint === tried ? .tried : endpoint.isEligible ? .wanted : .unhealthy
        }
    }

    private func preferred(using generator: inout SplitMix64) -> Int {
        let count = endpoints.count
        guard count > 1 else { return 0 }
        let draw = generator.next()
        let one = Int(draw >> 32) % count
        // Another one than the first, so that two choices are two.
        let other = (one + 1 + Int(draw & 0xFFFF_FFFF) % (count - 1)) % count
        let load = (
            endpoints[one].inFlight.load(ordering: .relaxed), endpoints[other].inFlight.load(ordering: .relaxed)
        )
        return load.1 < load.0 ? other : one
    }
}
#endif
