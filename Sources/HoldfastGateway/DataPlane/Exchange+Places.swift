#if Gateway
import Holdfast
import HoldfastHTTP
import NIOCore

/// The places that a request takes from others while it is under way: the route's, which `concurrency` and the adaptive
/// limit bound, and a connection to the service.
///
/// A client that is slow to send its body must not hold them for as long as it likes. With a key, they are taken when the
/// body has come. Without, the body streams; but no more than half of the places are for requests whose body is still to
/// come, and beyond that a body is gathered first, as far as it may be kept.
extension Exchange {
    /// Whether the body is claimed under a key before the service sees any of it.
    var isKeyed: Bool { key != nil && !isShadow }

    /// Takes the route's places.
    ///
    /// - Returns: Why the request is rejected; nil if it is not.
    func takePlaces() -> Problem? {
        do throws(Bulkhead.Rejection) {
            if let bulkhead = route.bulkhead, place == nil { place = try bulkhead.tryAcquire() }
        } catch {
            if !wouldReject(error.explanation) { return full(error.explanation) }
        }
        do throws(AdaptiveLimit.Rejection) {
            if let limit = route.adaptiveLimit, permit == nil { permit = try limit.admit() }
        } catch {
            if !wouldReject(error.explanation) { return full(error.explanation) }
        }
        return nil
    }

    private func full(_ explanation: Explanation) -> Problem {
        Problem(.limitReached, "\(explanation)", explanation: explanation, retryAfter: .seconds(1))
    }

    /// Gives the route's places back until the body has come. That they were there has been seen.
    func leavePlaces() {
        place = nil
        permit = nil
    }

    /// Tells the adaptive limit how the service has fared, from the end of the request to the head of the answer: what
    /// either client or store took besides is not its latency. What one caller meets alone says nothing.
    func endPermit() {
        guard let permit = permit.take() else { return }
        let verdict = account.verdict
        let isTimeout = account.problem?.kind == .deadline
        // A quick failure moves nothing.
        let isSign = verdict == .declined || (verdict == .failed && isTimeout) || verdict == .succeeded
        let weighed =
            isSign ? route.limitEvidence.weighed(verdict, of: callerPlace, at: loop.turn.now) : verdict
        let isCounted = weighed != .abandoned
        permit.ended(isCounted ? verdict : .abandoned, isTimeout: isTimeout, took: account.latency)
    }

    // MARK: Bodies that are still to come

    /// Takes a place for a body that streams to an endpoint.
    ///
    /// - Returns: False, with nothing taken, when there is none.
    func takeUpload(to endpoint: Endpoint) -> Bool {
        giveUpload()
        if let uploads = route.uploads, !uploads.places.take(callerPlace, of: uploads.bound, isBound: true) {
            return false
        }
        guard endpoint.uploads.take(callerPlace, of: route.service.uploads, isBound: true) else {
            route.uploads?.places.give(callerPlace)
            return false
        }
        upload = endpoint
        return true
    }

    /// The body has come, or does not go on.
    func giveUpload() {
        guard let endpoint = upload.take() else { return }
        endpoint.uploads.give(callerPlace)
        route.uploads?.places.give(callerPlace)
    }

    /// Whether the body can be kept until it has come.
    var mayGather: Bool { isKeptWhole && !isKeptToBeSent && !isShadow }

    /// The body comes first, and then the request takes its places.
    func gatherFirst(for endpoint: Endpoint) {
        guard isKeptWhole, !isKeptToBeSent else {
            let explanation = Explanation(
                policy: .bulkhead, name: endpoint.name, state: "full",
                evidence: .concurrency(
                    inFlight: endpoint.uploads.taken, limit: route.service.uploads, waiting: 0), retryAfter: .zero)
            return giveUp(
                problem(
                    .limitReached, "has as many bodies on their way as it may, and this one is too large to be kept",
                    at: endpoint, explanation: explanation, retryAfter: .seconds(1)), after: .notSent())
        }
        phase = .gathering
        leavePlaces()
        holdClient(false)
        armPieceTimer(plan.headerTimeout)
    }

    /// The body that was gathered has come, or as much of it as can be kept.
    func gathered() {
        if let problem = takePlaces() { return answer(problem) }
        guard !isKeyed else { return askForClaim() }
        // As for a body that streams: its end starts the clock.
        if !isDeadlineOfCaller { deadline = max(deadline, loop.now + route.deadline) }
        attempt()
    }
}
#endif
