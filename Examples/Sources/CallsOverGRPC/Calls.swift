import GRPCCore
import Holdfast

/// What the codes of gRPC prove. Codes that are not here speak of the request, and would speak so again.
let rpcErrors = FailureClassifier { error in
    switch (error as? RPCError)?.code {
    case .resourceExhausted: .rejected()
    case .unavailable, .deadlineExceeded, .aborted: .unknown
    default: nil
    }
}

/// Asks a breaker before each call of a client: all methods, all callers.
struct BreakerInterceptor: ClientInterceptor {
    let breaker: CircuitBreaker

    func intercept<Input: Sendable, Output: Sendable>(
        request: StreamingClientRequest<Input>, context: ClientContext,
        next: (StreamingClientRequest<Input>, ClientContext) async throws -> StreamingClientResponse<Output>
    ) async throws -> StreamingClientResponse<Output> {
        // Here a call that failed is a response, and no thrown error.
        let judge = Judge.standard.judgingResults(of: StreamingClientResponse<Output>.self) { response in
            guard case .failure(let error) = response.accepted else { return .succeeded }
            switch error.code {
            case .unavailable, .deadlineExceeded, .internalError, .unknown: return .failed
            case .resourceExhausted: return .declined
            case .cancelled: return .abandoned
            default: return .succeeded
            }
        }
        return try await breaker.run(judging: judge) { try await next(request, context) }
    }
}

/// Calls a service. The policy goes around the call of the generated client: an interceptor cannot make a call again, and
/// cannot end one.
struct Payments: Sendable {
    let policy: AnyPolicy
    let charge: @Sendable (_ order: String, GRPCCore.CallOptions) async throws -> String

    init(charge: @escaping @Sendable (_ order: String, GRPCCore.CallOptions) async throws -> String) throws {
        self.charge = charge
        policy = try AnyPolicy("payments") {
            try Deadline(.seconds(5))
            try Retry(.constant(.milliseconds(20)), attempts: 3, budget: RetryBudget(), on: rpcErrors)
            try Timeout(.milliseconds(300))
        }
    }

    func charge(_ order: String, key: IdempotencyKey) async throws -> String {
        try await policy.run(repeatable: .keyed(key)) { attempt in
            // The service gets to know how long an answer is waited for. Of two limits at one time gRPC's own might be
            // met first, so it is later.
            var options = GRPCCore.CallOptions.defaults
            options.timeout = attempt.remaining.map { $0 + .seconds(1) }
            return try await charge(order, options)
        }
    }
}
