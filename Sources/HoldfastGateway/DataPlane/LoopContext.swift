#if Gateway
import Holdfast
import HoldfastIdempotency
import Logging
import NIOCore
import Synchronization

/// What all the data plane's loops share, whatever the plan.
struct DataPlaneContext: Sendable {
    let engine: IdempotencyEngine
    let secret: StoreSecret
    let counters: GatewayCounters
    let observer: Observer
    let storeMetrics: StoreMetrics
    let clock: any TimeSource
    let logger: Logger
    let descriptors: DescriptorRoom
    let clients = ClientConnections()
    let kept = KeptRoom()
    var readiness = Readiness()
    let reloads = ReloadRecord()
    let certificates = ListenerCertificates()
}

/// What belongs to one event loop: the plan it works by, its connections to endpoints, its random numbers. Never leaves
/// the loop.
final class LoopContext {
    let shared: DataPlaneContext
    let eventLoop: any EventLoop
    let pool: UpstreamPool
    let turn: LoopTurn
    let readBuffers: ReadBuffers
    /// What each connection begins with.
    let readRoom: ReadRoom
    private(set) var plan: Plan
    var generator = SplitMix64(seed: .random(in: 0 ... .max))
    /// What requests are named from. Clients see it, and must not learn from it what the generator above says next.
    var names = RandomBlock()
    /// The room that endpoints are chosen in.
    var choices = TwoChoices()
    private var loopDate = LoopDate()

    init(shared: DataPlaneContext, plan: Plan, eventLoop: any EventLoop) {
        self.shared = shared
        self.plan = plan
        self.eventLoop = eventLoop
        turn = LoopTurn(eventLoop: eventLoop)
        readBuffers = ReadBuffers()
        readRoom = ReadRoom(NIOLoopBound(readBuffers, eventLoop: eventLoop))
        pool = UpstreamPool(eventLoop: eventLoop, turn: turn, counters: shared.counters)
        pool.totalBound = serviceConnections
    }

    /// The loop's own time: what its timers go by.
    var now: NIODeadline { eventLoop.now }

    /// The time of day, for an answer.
    var date: String { loopDate.text(at: turn.now) }

    /// Requests that come from now on are served by another plan; those that are under way keep theirs.
    func take(_ plan: Plan) {
        self.plan = plan
        pool.totalBound = serviceConnections
        pool.closeRetired()
    }

    /// The most connections to services, of all loops together.
    private var serviceConnections: Int { shared.descriptors.services(plan.configuration.connections) }
}
#endif
