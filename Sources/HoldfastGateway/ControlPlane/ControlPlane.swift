#if Gateway
import FoundationEssentials
import HTTPTypes
import Holdfast
import Hummingbird
import NIOCore

/// Shows what the data plane does: a page, its state as JSON and as a stream of events, and metrics.
final class ControlPlane: Sendable {
    private let server: HTTPServer
    private let sampling: Task<Void, Never>
    private let sources: ControlPlaneSources

    private init(server: HTTPServer, sampling: Task<Void, Never>, sources: ControlPlaneSources) {
        self.server = server
        self.sampling = sampling
        self.sources = sources
    }

    var address: GatewayConfiguration.Address { server.address }

    /// Starts to listen.
    ///
    /// - Throws: ``GatewayError`` when the address is taken.
    static func start(_ sources: ControlPlaneSources) async throws -> ControlPlane {
        let connections = AdminConnections()
        let trends = TrendKeeper(clock: sources.clock)
        let gate = HTTPServer.Gate(
            connections: connections, counters: sources.counters, dress: { AdminFields.add(to: &$0) })
        let server = try await HTTPServer.start(
            router(sources, connections, trends), on: sources.admin.address, logger: sources.logger, gate: gate
        ) { AdminContext($0, connections: connections) }
        let sampling = Task {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await trends.keepSampling(sources.trends) }
                // What is counted is told once a second, for eyes. State changes are told as they happen.
                while (try? await Task.sleep(for: .seconds(1))) != nil { sources.transitions.sample() }
                group.cancelAll()
            }
        }
        return ControlPlane(server: server, sampling: sampling, sources: sources)
    }

    func stop() async {
        sampling.cancel()
        sources.transitions.close()
        await server.stop()
    }

    private static func router(
        _ sources: ControlPlaneSources, _ connections: AdminConnections, _ trends: TrendKeeper
    ) -> Router<AdminContext> {
        let start = sources.clock.now
        let state: @Sendable () -> GatewayState = { sources.state(start.duration(to: sources.clock.now)) }
        let access = sources.admin.token.map { AdminAccess(token: $0, clock: sources.clock) }
        // HEAD is to be answered wherever GET is (RFC 9110, section 9.1).
        let router = Router(context: AdminContext.self, options: .autoGenerateHeadEndpoints)
        router.add(
            middleware: SameOriginMiddleware(host: sources.admin.address.host, hasToken: sources.admin.token != nil))
        let token = access.map { AdminTokenMiddleware(access: $0) }
        if let token { router.add(middleware: token) }
        router.add(middleware: AdminPlaceMiddleware())
        PageFiles.add(to: router)
        router.get("/health") { _, _ in
            Response(
                status: .ok, headers: [.contentType: "text/plain"], body: .init(byteBuffer: ByteBuffer(string: "ok\n")))
        }
        router.get("/metrics") { _, _ in
            var snapshot = sources.metrics()
            snapshot.process = .now()
            snapshot.accessLog = sources.observer.accessLog?.figures ?? AccessLog.Figures()
            snapshot.adminRefusals = access?.refused ?? 0
            snapshot.adminConnections = connections.count
            snapshot.adminEvictions = connections.evicted
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
        KeysAPI(engine: sources.engine, secret: sources.secret).add(to: router)
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
