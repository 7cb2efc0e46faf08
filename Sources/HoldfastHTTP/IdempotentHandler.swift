import Holdfast
public import HoldfastIdempotency

/// Executes a request's handler once under its `Idempotency-Key`, and answers every repeat with what it answered: what a
/// middleware does, whatever its framework.
///
/// 1. A request whose method has no keys, or that brings none, goes to the handler as it is.
/// 2. A key that is none, or that another request has used, is a ``Problem``, and the handler does not run.
/// 3. Of all who come with one key the first executes. The others wait for it, and get what is kept of its response.
/// 4. The ``OutcomeProfile`` decides on the handler's whole response. What it keeps is durable before the first caller gets
///    it; what it does not keep leaves the key free, or unknown.
/// 5. An error that the framework would turn into a response is turned into one before that decision, so it counts as one.
///
/// <doc:WritingAMiddleware> shows one.
public struct IdempotentHandler: Sendable {
    /// Keeps the claims and the outcomes.
    public let engine: IdempotencyEngine
    /// Which responses are the outcome of a key, which methods have keys, and what keys look like.
    public let profile: OutcomeProfile
    /// Which fields of a response are replayed besides ``RecordedResponse/replayableFields``, in lower case.
    public let replayFields: Set<String>
    /// Whether a request of a method that has keys is refused without one. Default: no.
    public var isKeyRequired = false
    /// How long duplicates wait, how long an outcome is kept, and what a repeat gets of a key that is unknown. What responses
    /// and errors say of the effect is the profile's, and what `IdempotencyPolicy.effect` says by default.
    public var policy: IdempotencyPolicy<ServiceResponse>

    /// - Parameters:
    ///   - engine: Keeps the claims and the outcomes. Run its `IdempotencyEngine.keepReaping(every:failed:)` beside the
    ///     server.
    ///   - profile: Default: ``OutcomeProfile/ietf``, which keeps every response, errors too.
    ///   - kept: Statuses whose response is the outcome, whatever the profile says. Default: none.
    ///   - released: Statuses that leave the key free, whatever the profile says. Default: none.
    ///   - replayFields: Fields that are replayed besides ``RecordedResponse/replayableFields``, in lower case. Default:
    ///     none.
    public init(
        engine: IdempotencyEngine, profile: OutcomeProfile = .ietf, keeping kept: Set<Int> = [],
        releasing released: Set<Int> = [], replayFields: Set<String> = []
    ) {
        self.engine = engine
        self.profile = profile
        self.replayFields = replayFields
        policy = IdempotencyPolicy(profile, keeping: kept, releasing: released)
    }

    /// Answers a request, by its handler or from what is kept.
    ///
    /// - Parameters:
    ///   - request: The request, with its whole body.
    ///   - answer: What the framework makes of an error that the handler threw: a 404, a 422, a 500. Nil for an error that it
    ///     does not answer; that one is thrown on, and its key is unknown from then on, since nobody knows what was done. It
    ///     is not asked about a `CancellationError`, which is thrown on and leaves the key unknown, nor about an error that
    ///     proves that nothing was done (`FailureClass.notSent(retryAfter:)`, `FailureClass.rejected(retryAfter:)`),
    ///     which is thrown on and leaves it free. Once the caller is cancelled, a 5xx is not taken for an answer either: it
    ///     may be the cancellation, in another library's words.
    ///   - work: The handler. It gets the execution, whose `Execution.key(for:)` names its calls to others and whose
    ///     `Execution.fence` its writes; nil for a request without a key.
    /// - Returns: The handler's response, whole; or what is kept of an earlier one, with `idempotent-replayed: true`; or a
    ///   problem.
    /// - Throws: What the handler throws and `answer` does not turn into a response; `CancellationError` when the caller is
    ///   cancelled while it waits for another; `ConfigurationError` for a retention or a wait out of its range.
    nonisolated(nonsending) public func respond(
        to request: KeyedRequest,
        answering answer: nonisolated(nonsending) (any Error) async throws -> ServiceResponse?,
        _ work: nonisolated(nonsending) (Execution?) async throws -> ServiceResponse
    ) async throws -> ServiceResponse {
        let key: IdempotencyKey?
        do throws(Problem) {
            key = try request.key(methods: profile.methods, rules: profile.keys, isRequired: isKeyRequired)
        } catch { return response(to: error) }
        guard let key else { return try await work(nil) }
        // What the handler threw is thrown on as it is, also where it is an error of an engine of its own.
        var thrown: (any Error)?
        do {
            let executed = try await engine.run(
                key, in: request.scope, fingerprint: { request.fingerprint.fingerprint(under: $0, body: request.body) },
                coding: .response(adding: replayFields), policy: policy
            ) { execution in
                do { return try await work(execution) } catch {
                    thrown = error
                    guard policy.effect(error) == .unknown, !(error is CancellationError),
                        let response = try await answer(error), !(Task.isCancelled && response.status >= 500)
                    else { throw error }
                    thrown = nil
                    return response
                }
            }
            return executed.isReplay ? Self.replay(of: executed.value) : executed.value
        } catch let error as IdempotencyError where thrown == nil {
            return response(to: Problem(error, retention: policy.retention ?? engine.configuration.retention))
        }
    }

    /// A problem, with the status that the profile's clients understand.
    public func response(to problem: Problem) -> ServiceResponse {
        var problem = problem
        problem.status = profile.status(of: problem.kind)
        return ServiceResponse(problem)
    }

    private static func replay(of response: ServiceResponse) -> ServiceResponse {
        var response = response
        response.fields.append(.init(name: "idempotent-replayed", value: "true"))
        return response
    }
}
