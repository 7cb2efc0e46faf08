#if Gateway
import Holdfast
import HoldfastTLS
import NIOCore
import Synchronization

/// One endpoint of a service: where it is, its breaker, and what was counted there. It outlives the plans that it is
/// part of, for as long as nothing about it changes.
final class Endpoint: Sendable {
    /// What makes an endpoint the same one in the next plan.
    struct Identity: Sendable, Hashable {
        let service: String
        let place: ServiceConfiguration.Endpoint
        /// One of the addresses behind the name.
        let address: SocketAddress
        let tls: ServiceConfiguration.TLS
        let breaker: CircuitBreakerConfiguration
        let evidence: ServiceConfiguration.Evidence
    }

    private static let numbers = Atomic<Int>(0)

    let identity: Identity
    /// Its own, among all endpoints that there ever were in this process.
    let number: Int
    /// What it is called in logs and metrics.
    let name: String
    let breaker: CircuitBreaker
    /// By which calls ask the breaker.
    let probes: ProbePlaces
    /// What the breaker's evidence passes; nil where each failure counts.
    let evidence: CallerEvidence?
    /// Set for those that are spoken to under TLS.
    private let credentials: ServiceCredentials?
    /// Who it has to be; nil where that is not asked.
    private let tlsName: ServiceName?

    /// Attempts in progress, of all event loops.
    let inFlight = Atomic<Int>(0)
    /// Who has its connections: a WebSocket has one until it ends.
    let inUse = CallerShares()
    /// Whose bodies are still to come.
    let uploads = CallerShares()
    /// Connections that are open or being opened.
    let connections = Atomic<Int>(0)
    /// By what its active checks say.
    let isHealthy = Atomic<Bool>(true)
    /// Whether it is called although its breaker is open or its checks fail, because too many others are left out.
    let isWaived = Atomic<Bool>(false)
    /// No plan has it any more: its connections are closed when they are done.
    let isRetired = Atomic<Bool>(false)
    /// What operators say of it (``Overrides``).
    private let given = Atomic<UInt8>(Service.inService.rawValue)
    private let givenWeight = Atomic<Int>(usualWeight)
    private let posture: Posture

    let attempts = Atomic<Int>(0)
    let succeeded = Atomic<Int>(0)
    let failed = Atomic<Int>(0)
    let rejected = Atomic<Int>(0)

    /// - Parameter credentials: The service's, if it has any endpoint under TLS.
    /// - Throws: `ConfigurationError`.
    init(
        _ identity: Identity, credentials: ServiceCredentials?, clock: any TimeSource,
        onChange: @escaping @Sendable (CircuitBreaker.Change, _ name: String) -> Void
    ) throws {
        let number = Self.numbers.add(1, ordering: .relaxed).newValue
        self.identity = identity
        self.number = number
        let place = identity.place.address
        let isOneOfSeveral = identity.address.ipAddress.map { $0 != place.host } ?? false
        let name = isOneOfSeveral ? "\(place)=\(identity.address.ipAddress ?? "")" : "\(place)"
        self.name = name
        let evidence = identity.evidence == .callers ? CallerEvidence(for: identity.breaker.trip) : nil
        self.evidence = evidence
        let posture = Posture()
        self.posture = posture
        let breaker = try CircuitBreaker(name, configuration: identity.breaker, clock: clock) {
            posture.breakerChanged(to: $0.to)
            evidence?.breakerChanged(to: $0.to)
            onChange($0, name)
        }
        self.breaker = breaker
        probes = ProbePlaces(breaker)
        self.credentials = identity.place.usesTLS ? credentials : nil
        tlsName = ServiceName(identity.tls.name ?? place.host)
    }

    var usesTLS: Bool { credentials != nil }
    /// Which reading of the credentials' files counts.
    var reading: Int { credentials?.reading ?? 0 }

    /// What tells whether the two sides have agreed, for one try to connect; nil where TLS is not spoken.
    func makeHandshake() -> TLSHandshake? {
        usesTLS ? TLSHandshake(with: identity.tls.verifies ? tlsName : nil) : nil
    }

    /// Adds the handlers for TLS, where it is spoken. Nothing may be sent until the handshake is completed.
    func addTLS(to channel: any Channel, _ handshake: TLSHandshake?) throws {
        guard let credentials else { return }
        guard let handshake else { preconditionFailure("holdfast: nobody would wait for the handshake with \(name)") }
        try channel.pipeline.syncOperations.addHandler(try credentials.makeHandler(for: tlsName))
        try handshake.add(to: channel)
    }

    /// When the two sides have agreed: at once, where TLS is not spoken.
    static func agreed(
        _ handshake: TLSHandshake?, on channel: any Channel, within limit: TimeAmount
    ) -> EventLoopFuture<Void> {
        handshake?.completed(on: channel, within: limit) ?? channel.eventLoop.makeSucceededVoidFuture()
    }

    /// Whether it is among those that a call may be sent to, as far as its checks say.
    var isEligible: Bool { isHealthy.load(ordering: .relaxed) || isWaived.load(ordering: .relaxed) }

    /// Whether only asking its breaker tells if it may be called. One that is waived is called whatever its breaker says.
    var asksFirst: Bool { !posture.isClosed.load(ordering: .relaxed) && !isWaived.load(ordering: .relaxed) }
}

// MARK: What operators say of it

extension Endpoint {
    /// The share of calls that an endpoint gets beside others, in percent of an equal one: 1 to 1,000. Default: 100.
    static let usualWeight = 100
    static let weights = 1...1_000

    /// Whether it gets calls.
    enum Service: UInt8, Sendable {
        case inService
        /// No new ones, and its connections are closed as they become idle: it is to be switched off.
        case drained
        /// No new ones; its connections stay as they are.
        case disabled
    }

    var service: Service {
        get { Service(rawValue: given.load(ordering: .relaxed)) ?? .inService }
        set { given.store(newValue.rawValue, ordering: .relaxed) }
    }

    var weight: Int {
        get { givenWeight.load(ordering: .relaxed) }
        set { givenWeight.store(newValue, ordering: .relaxed) }
    }

    /// Whether it gets no calls, by an operator's word.
    var isHeldOut: Bool { given.load(ordering: .relaxed) != Service.inService.rawValue }

    /// Whether its connections are closed when they are done.
    var isLeft: Bool {
        isRetired.load(ordering: .relaxed) || given.load(ordering: .relaxed) == Service.drained.rawValue
    }

    /// Whether an operator keeps calls from it, in whichever way: it is not left out by the gateway's own decision, nor
    /// called all the same when too many are.
    var isSetAside: Bool { isHeldOut || posture.isIsolated.load(ordering: .relaxed) }

    /// How its breaker stands, as it was announced last: seen without a lock.
    private final class Posture: Sendable {
        let isClosed = Atomic<Bool>(true)
        let isIsolated = Atomic<Bool>(false)

        func breakerChanged(to state: CircuitBreaker.State) {
            isClosed.store(state == .closed || state == .disabled, ordering: .relaxed)
            isIsolated.store(state == .isolated, ordering: .relaxed)
        }
    }
}
#endif
