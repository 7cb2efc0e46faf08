#if Gateway
import HTTPTypes
import Hummingbird
import NIOCore
import Synchronization

/// Whether this gateway wants requests, as `GET /ready` tells a balancer: no until the store has answered and the listeners
/// are bound, yes then, and no again from the moment at which it is to end.
///
/// A store that goes away later does not change it. Requests without a key are served all the same, and a store that is
/// shared would take every gateway out at once.
package final class Readiness: Sendable {
    /// In the order in which they come. None comes back.
    package enum Stage: UInt8, Sendable, CaseIterable {
        case openingStore, binding, serving, draining

        /// What is said of it, in one line.
        package var words: String {
            switch self {
            case .openingStore: "not ready: the store has not answered yet"
            case .binding: "not ready: the listeners are not bound yet"
            case .serving: "ready"
            case .draining: "not ready: draining, because the gateway is to end"
            }
        }
    }

    private let reached: Atomic<UInt8>

    package init(_ stage: Stage = .openingStore) { reached = Atomic(stage.rawValue) }

    /// Where it is. Every value was some stage's.
    package var stage: Stage { Stage(rawValue: reached.load(ordering: .relaxed)) ?? .draining }
    package var isReady: Bool { stage == .serving }

    /// Goes on to a stage. One that it has passed changes nothing.
    package func advance(to stage: Stage) { reached.max(stage.rawValue, ordering: .relaxed) }
}

extension Readiness {
    /// What `GET /ready` answers.
    var response: Response {
        let stage = stage
        return Response(
            status: stage == .serving ? .ok : .serviceUnavailable,
            headers: [.contentType: "text/plain", .cacheControl: "no-store"],
            body: .init(byteBuffer: ByteBuffer(string: stage.words + "\n")))
    }
}
#endif
