import Holdfast
public import HoldfastIdempotency

/// What becomes of a response under a key: the profile decides, and what may be replayed is kept.
extension OutcomeCoding<ServiceResponse> {
    /// Keeps what may be replayed of a response, in the bytes that the gateway keeps: of two that share a store, each can
    /// replay what the other has recorded.
    ///
    /// Only now are fields left out. The first caller's response still has all of them, and so has the one that a profile
    /// is asked about.
    ///
    /// - Parameter more: Which fields are replayed besides ``RecordedResponse/replayableFields``, in lower case. What
    ///   ``RecordedResponse/isNeverReplayed(_:)`` is left out all the same. Default: none.
    public static func response(adding more: Set<String> = []) -> OutcomeCoding {
        OutcomeCoding { response in
            guard RecordedResponse.statuses.contains(response.status) else {
                throw ConfigurationError(
                    option: "the status of a response that is kept", value: "\(response.status)", allowed: "200 to 999")
            }
            return response.recorded(adding: more).encoded
        } decode: { bytes in
            guard let recorded = RecordedResponse(encoded: bytes, adding: more) else { throw NotARecordedResponse() }
            return ServiceResponse(recorded)
        }
    }

    /// The key was used for something that leaves no response, or by a version that writes another form.
    private struct NotARecordedResponse: Error, CustomStringConvertible {
        let description = "what was recorded is no response"
    }
}

extension IdempotencyPolicy<ServiceResponse> {
    /// What a profile says of responses: those that it keeps are the outcome, those that say that nothing was done leave the
    /// key free, and those that say that somebody did not get an answer leave it unknown. The other members are as they are
    /// by default.
    ///
    /// - Parameters:
    ///   - profile: Which responses are the outcome of a key.
    ///   - kept: Statuses whose response is the outcome, whatever the profile says; see
    ///     ``OutcomeProfile/disposition(status:hasRetryAfter:keeping:releasing:)``. Default: none.
    ///   - released: Statuses that leave the key free, likewise. Default: none.
    public init(_ profile: OutcomeProfile, keeping kept: Set<Int> = [], releasing released: Set<Int> = []) {
        self.init()
        resultEffect = { response in
            let disposition = profile.disposition(
                status: response.status, hasRetryAfter: !response.values(of: "retry-after").isEmpty, keeping: kept,
                releasing: released)
            return switch disposition {
            case .keep: .record
            case .release: .none
            case .unknown: .unknown
            }
        }
    }
}
