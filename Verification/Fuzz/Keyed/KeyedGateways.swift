#if Gateway && (FUZZ || DEBUG)
import Foundation
import Holdfast
@testable import HoldfastGateway
import HoldfastHTTP
import HoldfastIdempotency
import Logging
import NIOCore
import NIOEmbedded
import NIOHTTP1
import Synchronization

/// Two gateways that share a store and a service, without a network and without threads: every byte, every answer of the
/// store and the time are in our hands.
final class KeyedGateways {
    /// How the service takes connections.
    enum Connecting: Int { case succeeds, isRefused, waits }

    final class Gateway {
        let shared: DataPlaneContext
        let plan: Plan
        let loop: ListenerLoop

        init(
            _ configuration: GatewayConfiguration, _ engine: IdempotencyEngine, _ clock: LoopClock,
            _ loop: EmbeddedEventLoop
        ) throws {
            let ground = try Ground.shared.get()
            let maker = Plan.Maker(clock: clock, logger: ground.logger, transitions: TransitionLog())
            plan = try maker.plan(configuration, at: [Ground.service: [ground.address]], after: nil)
            plan.takeOver(from: nil)
            shared = DataPlaneContext(
                engine: engine, secret: ground.secret, counters: GatewayCounters(),
                observer: Observer(accessLog: nil, sample: 0, kept: 64), storeMetrics: StoreMetrics(), clock: clock,
                logger: ground.logger, descriptors: DescriptorRoom(limit: 10_000, loops: 1, listeners: 1))
            let context = LoopContext(shared: shared, plan: plan, eventLoop: loop)
            context.generator = SplitMix64(seed: 1)
            self.loop = ListenerLoop(context: context)
        }
    }

    final class Client {
        let connection: HeldConnection
        let slot: Int
        /// What is still to come of a request that was begun.
        var rest: [UInt8] = []
        /// How many of its answers have been looked at, when it had been sent how many bytes.
        var checked = 0
        var seen = 0
        var latest: (received: Int, sent: Int, exchanges: Exchanges)?

        init(_ connection: HeldConnection, slot: Int) {
            self.connection = connection
            self.slot = slot
        }
    }

    final class Link {
        let connection: HeldConnection
        /// How many requests the service has answered.
        var answered = 0
        var rest: [UInt8] = []

        init(_ connection: HeldConnection) {
            self.connection = connection
        }
    }

    /// What a client has asked, what it was answered, and how that goes on.
    struct Exchanges {
        let requests: [StrictReader.Message]
        let answers: [StrictReader.Message]
        let stop: StrictReader.Stop
    }

    /// A connection that is being made.
    struct Attempt {
        let number: Int
        let promise: EventLoopPromise<any Channel>
        let initialize: @Sendable (any Channel) -> EventLoopFuture<Void>
        let limit: Scheduled<Void>
    }

    /// What is the same whatever happens.
    struct Ground {
        static let shared = Result { try Ground() }
        static let service = GatewayConfiguration.Address(host: "service.internal", port: 80)

        let secret: StoreSecret
        let address: SocketAddress
        let logger: Logger

        private init() throws {
            secret = try StoreSecret(bytes: Array(repeating: 7, count: 32))
            address = try SocketAddress(ipAddress: "127.0.0.1", port: 80)
            var logger = Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() }
            logger.logLevel = .critical
            self.logger = logger
        }
    }

    let loop = EmbeddedEventLoop()
    let ledger: KeyedLedger
    let store: ScriptedStore
    private(set) var gateways: [Gateway] = []
    private(set) var clients: [Client] = []
    private(set) var links: [Link] = []
    var connecting = Connecting.succeeds
    private(set) var attempts: [Attempt] = []
    private var attemptCount = 0
    private let ground: Ground
    private let clock: LoopClock

    init(_ choice: KeyedChoice) throws {
        ground = try Ground.shared.get()
        clock = LoopClock(loop)
        let configuration = try choice.configuration()
        ledger = KeyedLedger(choice.rules(configuration.routes[0]), secret: ground.secret, clock: clock)
        let memory = MemoryStore(clock: clock)
        store = choice.isImmediate ? ScriptedImmediateStore(memory, ledger) : ScriptedStore(memory, ledger)
        try TasksOnLoop.begin(on: loop)
        for number in 0..<2 {
            let engine = try IdempotencyEngine(
                store: store, configuration: choice.idempotency(owner: "gateway \(number)"), clock: clock)
            let gateway = try Gateway(configuration, engine, clock, loop)
            gateway.loop.context.pool.open = { [unowned self] _, timeout, initialize in connect(timeout, initialize) }
            gateways.append(gateway)
        }
    }

    /// Forgets what is scheduled, where something did not hold. Elsewhere nothing is.
    func giveUp() { try? loop.syncShutdownGracefully() }

    // MARK: Clients

    /// The client's latest connection, if it is open, or else another: two clients at the first gateway, one at the second.
    func client(_ slot: Int) throws -> Client {
        if let client = clients.last(where: { $0.slot == slot }), client.connection.isActive,
            !client.connection.isLeft
        {
            return client
        }
        let client = Client(try HeldConnection(loop), slot: slot)
        clients.append(client)
        let listener = gateways[0].plan.configuration.listeners[0]
        try gateways[slot / 2].loop.accept(client.connection.channel, listener, nil)
        client.connection.begin(from: try SocketAddress(ipAddress: "192.0.2.1", port: 40_000 + slot))
        return client
    }

    // MARK: The service

    private func connect(
        _ timeout: TimeAmount, _ initialize: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
    ) -> EventLoopFuture<any Channel> {
        let promise = loop.makePromise(of: (any Channel).self)
        attemptCount += 1
        let number = attemptCount
        let limit = loop.scheduleTask(in: timeout) { [unowned self] in
            attempts.removeAll { $0.number == number }
            promise.fail(ChannelError.connectTimeout(timeout))
        }
        attempts.append(Attempt(number: number, promise: promise, initialize: initialize, limit: limit))
        if connecting != .waits {
            loop.execute { [unowned self] in connect(number, succeeds: connecting == .succeeds) }
        }
        return promise.futureResult
    }

    /// Decides about those who wait to be connected.
    func connectAll(succeeds: Bool) {
        for attempt in attempts { connect(attempt.number, succeeds: succeeds) }
    }

    private func connect(_ number: Int, succeeds: Bool) {
        guard let place = attempts.firstIndex(where: { $0.number == number }) else { return }
        let attempt = attempts.remove(at: place)
        attempt.limit.cancel()
        guard succeeds, let connection = try? HeldConnection(loop) else {
            return attempt.promise.fail(IOError(errnoCode: ECONNREFUSED, reason: "connect"))
        }
        connection.onSent = { [unowned self, unowned connection] in ledger.sent(on: connection) }
        connection.onEnd = { [unowned self] in ledger.linkEnded = clock.now }
        links.append(Link(connection))
        attempt.initialize(connection.channel).assumeIsolated().whenComplete { [ground] result in
            switch result {
            case .success:
                connection.begin(from: ground.address)
                attempt.promise.succeed(connection.channel)
            case .failure(let error): attempt.promise.fail(error)
            }
        }
    }

    /// The connections on which the service owes an answer.
    var owing: [Link] {
        links.filter {
            $0.connection.isActive && !$0.connection.isLeft
                && ($0.answered < StrictReader.requests($0.connection.sent).messages.count || !$0.rest.isEmpty)
        }
    }

    // MARK: Steps

    /// Runs everything that can go on without us.
    func settle() { loop.run() }

    func advance(by amount: TimeAmount) { loop.advanceTime(by: amount) }
}
#endif
