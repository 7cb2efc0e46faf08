#if Gateway
import FoundationEssentials
import HTTPTypes
import Holdfast
import Hummingbird
import Logging
import NIOCore
import Synchronization

/// Shows what the data plane does: a page, its state as JSON and as a stream of events, and metrics. It listens before
/// there is anything to show, so that whoever asks whether the gateway is ready has an answer from the beginning.
final class ControlPlane: Sendable {
    /// What has something to show.
    private struct Shown {
        let sampling: Task<Void, Never>
        let transitions: TransitionLog
    }

    private let server: HTTPServer
    private let connections: AdminConnections
    private let door: Door
    private let shown = Mutex<Shown?>(nil)

    private init(server: HTTPServer, connections: AdminConnections, door: Door) {
        self.server = server
        self.connections = connections
        self.door = door
    }

    var address: GatewayConfiguration.Address { server.address }

    /// The responder of the moment.
    private final class Door: HTTPResponder {
        /// No closure: a lock that is generic wraps one anew whenever it is read, and the wraps are kept.
        private let responder: Mutex<any HTTPResponder<AdminContext>>

        init(_ responder: any HTTPResponder<AdminContext>) {
            self.responder = Mutex(responder)
        }

        func open(to next: any HTTPResponder<AdminContext>) {
            responder.withLock { $0 = next }
        }

        @concurrent func respond(to request: Request, context: AdminContext) async throws -> Response {
            let responder = responder.withLock { $0 }
            return try await responder.respond(to: request, context: context)
        }
    }

    /// Starts to listen, and says that the gateway is not ready.
    ///
    /// - Throws: ``GatewayError`` when the address is taken.
    static func bind(
        _ admin: AdminConfiguration, readiness: Readiness, counters: GatewayCounters, logger: Logger
    ) async throws -> ControlPlane {
        let connections = AdminConnections()
        let gate = HTTPServer.Gate(connections: connections, counters: counters, dress: { AdminFields.add(to: &$0) })
        let waiting = usual(admin)
        waiting.add(middleware: StartingMiddleware(readiness: readiness))
        addProbes(readiness, to: waiting)
        let door = Door(waiting.buildResponder())
        let server = try await HTTPServer.start(
            answeringBy: door, on: admin.address, logger: logger, gate: gate
        ) { AdminContext($0, connections: connections) }
        return ControlPlane(server: server, connections: connections, door: door)
    }

    /// Shows what there is from now on. Call it once.
    func show(_ sources: ControlPlaneSources) {
        let trends = TrendKeeper(clock: sources.clock)
        door.open(to: Self.router(sources, connections, trends).buildResponder())
        let sampling = Task {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await trends.keepSampling(sources.trends) }
                // What is counted is told once a second, for eyes. State changes are told as they happen.
                while (try? await Task.sleep(for: .seconds(1))) != nil { sources.transitions.sample() }
                group.cancelAll()
            }
        }
        shown.withLock { $0 = Shown(sampling: sampling, transitions: sources.transitions) }
    }

    /// Listens, and shows at once.
    static func start(_ sources: ControlPlaneSources) async throws -> ControlPlane {
        let plane = try await bind(
            sources.admin, readiness: sources.readiness, counters: sources.counters, logger: sources.logger)
        plane.show(sources)
        return plane
    }

    func stop() async {
        if let shown = shown.withLock({ $0.take() }) {
            shown.sampling.cancel()
            shown.transitions.close()
        }
        await server.stop()
    }

    /// A router that knows whose pages ask.
    private static func usual(_ admin: AdminConfiguration) -> Router<AdminContext> {
        // HEAD is to be answered wherever GET is (RFC 9110, section 9.1).
        let router = Router(context: AdminContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: SameOriginMiddleware(host: admin.address.host, hasToken: admin.token != nil))
        return router
    }

    /// What everybody may ask, without a token.
    static let probes: Set<String> = ["/health", "/ready"]

    /// Whether the process answers, and whether it wants requests.
    private static func addProbes(_ readiness: Readiness, to router: Router<AdminContext>) {
        router.get("/health") { _, _ in
            Response(
                status: .ok, headers: [.contentType: "text/plain"], body: .init(byteBuffer: ByteBuffer(string: "ok\n")))
        }
        router.get("/ready") { _, _ in readiness.response }
    }

    private static func router(
        _ sources: ControlPlaneSources, _ connections: AdminConnections, _ trends: TrendKeeper
    ) -> Router<AdminContext> {
        let start = sources.clock.now
        let state: @Sendable () -> GatewayState = { sources.state(start.duration(to: sources.clock.now)) }
        let access = sources.admin.token.map { AdminAccess(token: $0, clock: sources.clock) }
        let router = usual(sources.admin)
        let token = access.map { AdminTokenMiddleware(access: $0) }
        if let token { router.add(middleware: token) }
        router.add(middleware: AdminPlaceMiddleware())
        PageFiles.add(to: router)
        addProbes(sources.readiness, to: router)
        router.get("/metrics") { _, _ in
            var snapshot = sources.metrics()
            snapshot.process = .now()
            snapshot.accessLog = sources.observer.accessLog?.figures ?? AccessLog.Figures()
            snapshot.adminRefusals = access?.refused ?? 0
            snapshot.adminConnections = connections.count
            snapshot.adminEvictions = connections.evicted
            (snapshot.overrides, snapshot.operatorActions) = sources.overrides.figures
            snapshot.logLevel = sources.overrides.level.current
            return Response(
                status: .ok, headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
                body: .init(byteBuffer: ByteBuffer(string: GatewayMetrics.text(snapshot))))
        }
        router.get("/api/state") { _, _ in
            try json(
                WholeState(state: state(), plan: sources.words(), transitions: sources.transitions.entries))
        }
        router.get("/api/trends") { request, _ in
            let text = request.uri.queryParameters.get("after")
            guard let after = text.map({ Int($0) }) ?? 0 else {
                throw HTTPError(.badRequest, message: "'after' is '\(text ?? "")', but must be a sample's number")
            }
            return try json(trends.report(after: after))
        }
        router.get("/api/events") { request, _ in
            let events = EventStream(
                state: state, words: sources.words, trends: trends, transitions: sources.transitions,
                clock: sources.clock,
                // Who was let in may have logged out, or their session have ended.
                isAdmitted: { token?.isAdmitted(request) ?? true })
            return Response(
                status: .ok, headers: [.contentType: "text/event-stream", .cacheControl: "no-store"],
                body: events.body)
        }
        ExplainAPI(explanations: sources.observer.explanations).add(to: router)
        KeysAPI(engine: sources.engine, secret: sources.secret, route: sources.route).add(to: router)
        OverridesAPI(overrides: sources.overrides, hasToken: access != nil).add(to: router)
        if let demo = sources.demo { addDemo(demo, to: router) }
        return router
    }

    private static func addDemo(_ demo: DemoControls, to router: Router<AdminContext>) {
        router.post("/api/demo/mode/{mode}") { _, context in
            guard let mode = context.parameters.get("mode").flatMap(DemoControls.Mode.init) else {
                let allowed = DemoControls.Mode.allCases.map(\.rawValue).joined(separator: ", ")
                throw HTTPError(.badRequest, message: "the mode must be one of \(allowed)")
            }
            demo.setMode(mode)
            return try json(["mode": mode.rawValue])
        }
        router.post("/api/demo/traffic") { _, _ in
            try json(await demo.sendTraffic())
        }
    }

    static func json(_ value: some Encodable) throws -> Response {
        Response(
            status: .ok, headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: .init(byteBuffer: ByteBuffer(bytes: try JSONEncoder().encode(value))))
    }

    private struct WholeState: Encodable {
        let state: GatewayState
        let plan: PlanWords
        let transitions: [TransitionLog.Entry]

        func encode(to encoder: any Encoder) throws {
            try state.encode(to: encoder)
            var container = encoder.container(keyedBy: Key.self)
            try container.encode(plan, forKey: .plan)
            try container.encode(transitions, forKey: .transitions)
        }

        enum Key: CodingKey { case plan, transitions }
    }
}
#endif
