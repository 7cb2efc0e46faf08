import HoldfastIdempotency
import Synchronization

/// What a caller was told, in words, and the claim if there was one.
final class Caller: Sendable {
    private let state = Mutex<(told: String?, claim: Holder?)>((nil, nil))
    private let stream = AsyncStream.makeStream(of: String.self)

    private final class Holder: Sendable {
        let claim: Mutex<Claim?>
        init(_ claim: consuming Claim) { self.claim = Mutex(claim) }
    }

    func decided(_ start: consuming IdempotencyEngine.Start) {
        switch consume start {
        case .execute(let claim):
            let holder = Holder(claim)
            state.withLock { $0.claim = holder }
            stream.continuation.yield("execute")
        case .replay(let payload): stream.continuation.yield("replay \(payload ?? [])")
        case .conflict: stream.continuation.yield("conflict")
        case .full: stream.continuation.yield("full")
        case .unreadable: stream.continuation.yield("unreadable")
        case .mismatched: stream.continuation.yield("mismatched")
        case .unknown: stream.continuation.yield("unknown")
        case .limited: stream.continuation.yield("limited")
        case .unavailable(let error): stream.continuation.yield("unavailable \(error.code.rawValue)")
        }
    }

    func told() async -> String? { await stream.stream.first { _ in true } }

    func take() -> Claim? {
        state.withLock { state in
            defer { state.claim = nil }
            return state.claim?.claim.withLock { $0.take() }
        }
    }

    func complete(_ payload: [UInt8]?) { if let claim = take() { claim.complete(payload) { _ in } } }
    func release() { if let claim = take() { claim.release() } }
    func drop() { _ = take() }
}
