#if Gateway
import Holdfast
import HoldfastHTTP
import HoldfastIdempotency
import NIOCore
import NIOHTTP1
import Synchronization

/// The service's answer, to the client or into the record.
extension Exchange {
    /// What comes before the answer is passed on (RFC 9110, section 15.2), as far as the client takes it. `100` is not: the
    /// gateway itself has asked for the body. With a key there is one answer, the one that is recorded.
    func receivedInformational(_ head: HTTPResponseHead, from attempt: UpstreamAttempt) {
        guard phase == .attempting, attempt === current, claim == nil, !isProbing, head.status != .continue,
            request.version != .http1_0, let client, client.isWritable
        else { return }
        var fields = HTTPHeaders()
        _ = HeaderRules.toClient(head, for: request, keepAlive: true, date: nil, into: &fields)
        // It has no body, whatever it says of one (RFC 9112, section 6.3).
        fields.remove(name: "content-length")
        client.write(HTTPResponseHead(version: .http1_1, status: head.status, headers: fields), isFinal: false)
        client.flush()
    }

    func received(_ head: HTTPResponseHead, from attempt: UpstreamAttempt) {
        guard phase == .attempting else { return noteImpossible("an answer's head") }
        attempt.answered()
        if head.status == .switchingProtocols { return receivedSwitch(head, from: attempt) }
        let status = Int(head.status.code)
        let isFailure = StatusMeaning.isServiceFailure(status)
        if isFailure {
            attempt.judge(.failed)
        } else if status == 429 {
            attempt.judge(.declined)
        } else if attempt.isProbe {
            // A probe asks whether the service answers, and it has; its place is not held while a body streams.
            attempt.judge(.succeeded)
        }
        if let failure = failureWorthRetrying(head) {
            note(failure)
            let isAlone = hedges.isEmpty
            if !isAlone || retryIfAllowed(after: failure) {
                account.ended(attempt, "answered", status: status)
                remove(attempt, isFailure ? .failed : .declined, .drain)
                return
            }
        }
        if attempt !== current {
            // It overtook the one before it, which has lost.
            if let slower = current { slower.end(.abandoned, .close) }
            hedges.removeAll { $0 === attempt }
            current = attempt
        }
        endHedges()
        hedgeTimer?.cancel()
        hedgeTimer = nil
        // It is not made again, whatever becomes of the answer; a question may have the request follow.
        if !isProbing { letGo() }
        attempt.answers()
        if !isFailure {
            route.budget.succeeded(after: attempt.isHedge ? .hedge : attemptNumber > 1 ? .retry : nil)
            attempt.teachHedge(succeeded: true)
        }
        if !isProbing {
            account.answered(status)
            account.latency = requestEnd.map { .nanoseconds((loop.turn.now - $0).nanoseconds) } ?? .zero
        }
        // Of a good answer nothing is told, and nothing allocated.
        if account.isNotable || status >= 500 { account.ended(attempt, "answered", status: status) }
        responseHead = head
        if claim != nil || isProbing {
            phase = .collecting
            armPieceTimer(route.streamTimeout)
        } else {
            relay(head)
        }
    }

    /// What the answer proves, if it is worth another attempt.
    private func failureWorthRetrying(_ head: HTTPResponseHead) -> FailureClass? {
        let status = Int(head.status.code)
        guard route.configuration.retryStatuses.contains(status) else { return nil }
        let attemptsBelow = LineageFields.attempts(head.headers.first(name: LineageFields.attemptsName))
        if route.configuration.retry.isMultiplied(above: false, below: attemptsBelow > 1) { return nil }
        return status == 503 || status == 429 ? .rejected(retryAfter: Self.retryAfter(head)) : .failed
    }

    /// How long the service asks to be left alone.
    static func retryAfter(_ head: HTTPResponseHead) -> Duration? {
        head.headers.first(name: "retry-after").flatMap { RetryAfter.parse($0, date: head.headers.first(name: "date")) }
    }

    func relay(_ head: HTTPResponseHead) {
        phase = .relaying
        guard let client else { return }
        var own = HTTPHeaders()
        if account.isNotable {
            own.add(name: RequestID.explainedField, value: requestID.description)
            if attemptNumber > 1 { own.add(name: LineageFields.attemptsName, value: "\(attemptNumber)") }
        }
        keepsClientAlive = client.relay(
            head, for: request, named: fieldID, keepAlive: fields.isKeepAlive && isRequestComplete, adding: own)
        armPieceTimer(route.streamTimeout)
    }

    func received(_ body: ByteBuffer) {
        account.bytesOut += body.readableBytes
        switch phase {
        case .relaying:
            client?.write(body)
            armPieceTimer(route.streamTimeout)
            if let client, !client.isWritable { current?.connection?.holdReads(true) }
        case .collecting:
            collect(body)
            if phase == .collecting { armPieceTimer(route.streamTimeout) }
        case .recording:
            // Came with what made the response too large to keep; it goes out after it.
            collected.append(body)
        case .gathering, .claiming, .waiting, .attempting, .finished: noteImpossible("a piece of an answer's body")
        }
    }

    func flush() {
        if phase == .relaying { client?.flush() }
    }

    func receivedEnd(of attempt: UpstreamAttempt) {
        guard attempt === current else { return noteImpossible("the end of an answer that is not the current one's") }
        if isSwitching { return switchProtocols(attempt) }
        current = nil
        attempt.end(.succeeded, .over)
        switch phase {
        case .relaying:
            end(keepAlive: keepsClientAlive && isRequestComplete)
        case .collecting:
            record()
        case .recording:
            responseEnd = .whole
        case .gathering, .claiming, .waiting, .attempting, .finished: noteImpossible("an answer's end")
        }
    }
}

extension OutcomeProfile {
    /// What the clients of a profile have to be told of a problem that they would not read off its status: Stripe's try every
    /// 409 again, and what is unknown, or done and not kept, is the same at every try.
    func fields(of problem: Problem.Kind) -> [(String, String)] {
        guard name == OutcomeProfile.stripe.name, problem == .outcomeUnknown || problem == .responseNotKept else {
            return []
        }
        return [("stripe-should-retry", "false")]
    }
}

extension ClaimStoreError.Code {
    /// What callers are told of a store that did not claim.
    var words: String {
        switch self {
        case .overloaded: "too many requests wait for the idempotency store"
        case .full: "the idempotency store is full"
        case .failed: "the idempotency store cannot be reached, or has failed"
        case .unusable: "the idempotency store cannot be used until its operators have looked"
        case .invalid, .lost: "the idempotency store has refused the claim"
        }
    }
}
#endif
