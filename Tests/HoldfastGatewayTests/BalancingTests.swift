#if Gateway
import Holdfast
@testable import HoldfastGateway
import HoldfastTesting
import Logging
import NIOCore
import NIOPosix
import Synchronization
import NIOHTTP1
import TestSupport
import Testing

@Suite struct EjectionMachineTests {
    private func machine(share: Double, of count: Int) -> EjectionMachine {
        var machine = EjectionMachine(share: share)
        machine.setMembers(Set(1...count))
        return machine
    }

    @Test(arguments: [(0.0, 4, 0), (0.1, 4, 1), (0.5, 1, 1), (0.5, 3, 1), (0.5, 4, 2), (1.0, 4, 4)])
    func `at most the share is left out, but at least one`(share: Double, count: Int, bound: Int) {
        var machine = machine(share: share, of: count)
        for endpoint in 1...count { machine.changed(endpoint, isWell: false) }
        #expect(machine.ejected.count == bound)
        #expect(machine.ejected.count + machine.waived.count == count)
    }

    @Test func `who is left out first stays so, and who recovers makes room`() {
        var machine = machine(share: 0.5, of: 4)
        for endpoint in [3, 1, 4] { machine.changed(endpoint, isWell: false) }
        #expect(Array(machine.ejected) == [3, 1])
        #expect(Array(machine.waived) == [4])
        machine.changed(3, isWell: true)
        #expect(Array(machine.ejected) == [1, 4])
        #expect(machine.waived.isEmpty)
    }

    @Test func `who is no member any more is forgotten`() {
        var machine = machine(share: 1, of: 3)
        machine.changed(2, isWell: false)
        machine.setMembers([1, 3])
        #expect(machine.ejected.isEmpty)
        machine.changed(2, isWell: false)
        #expect(machine.ejected.isEmpty)
    }
}

@Suite struct HealthMachineTests {
    @Test func `it takes as many checks in a row as were asked for, both ways`() {
        var configuration = ServiceConfiguration.HealthCheck()
        (configuration.unhealthyAfter, configuration.healthyAfter) = (3, 2)
        var machine = HealthMachine()
        let checks = [false, false, true, false, false, false, true, false, true, true]
        let states = checks.map { check in
            _ = machine.checked(isWell: check, configuration)
            return machine.isHealthy
        }
        #expect(states == [true, true, true, true, true, false, false, false, false, true])
    }
}

@Suite struct BalancingTests {
    private func service(
        endpoints count: Int, maximumEjected: Double = 0.5, clock: ManualClock = ManualClock()
    ) throws -> UpstreamService {
        let places = (1...count).map { ServiceConfiguration.Endpoint(address: .init(host: "127.0.0.\($0)", port: 80)) }
        var service = ServiceConfiguration(name: "service", endpoints: places)
        service.maximumEjected = maximumEjected
        service.serviceBreaker = nil
        service.breaker.trip = .consecutiveFailures(1)
        let maker = Plan.Maker(
            clock: clock, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, transitions: TransitionLog())
        let configuration = GatewayConfiguration(
            listeners: [ListenerConfiguration(address: .init(host: "127.0.0.1", port: 0))], services: [service],
            routes: [RouteConfiguration(name: "route", service: "service")], threads: 1)
        let addresses = try Dictionary(
            uniqueKeysWithValues: places.map {
                ($0.address, [try SocketAddress(ipAddress: $0.address.host, port: $0.address.port)])
            })
        let plan = try maker.plan(configuration, at: addresses, after: nil)
        plan.takeOver(from: nil)
        return plan.services[0]
    }

    private func choices(
        _ service: UpstreamService, _ count: Int, avoiding tried: Endpoint? = nil
    ) -> [Endpoint?] {
        var generator = SplitMix64(seed: 1)
        var draws = TwoChoices()
        var avoided = TriedEndpoints()
        if let tried { avoided.note(tried) }
        return (0..<count).map { _ in
            let choice = service.choose(
                avoiding: avoided, for: 0, at: .now(), isEnforced: true, in: &draws, using: &generator,
                wouldReject: { _ in })
            switch consume choice {
            case .endpoint(let endpoint, let permit, let service):
                _ = consume permit
                _ = consume service
                return endpoint
            case .rejected: return nil
            case .bodyFirst: return nil
            case .nowhere: return nil
            case .heldOut: return nil
            }
        }
    }

    @Test func `a service that no plan has any more goes, with its endpoints`() throws {
        weak var ejection: Ejection?
        weak var endpoint: Endpoint?
        do {
            let service = try service(endpoints: 2)
            (ejection, endpoint) = (service.ejection, service.endpoints[0])
            #expect(endpoint != nil)
        }
        #expect(ejection == nil && endpoint == nil)
    }

    @Test func `every endpoint is chosen, and the busiest never`() throws {
        let service = try service(endpoints: 4)
        #expect(Set(choices(service, 200).compactMap { $0?.name }).count == 4)
        service.endpoints[2].inFlight.store(5, ordering: .relaxed)
        #expect(!choices(service, 200).contains { $0 === service.endpoints[2] })
    }

    @Test func `another attempt goes elsewhere while there is an elsewhere`() throws {
        let service = try service(endpoints: 2)
        let tried = service.endpoints[0]
        #expect(choices(service, 50, avoiding: tried).allSatisfy { $0 === service.endpoints[1] })
        try service.endpoints[1].breaker.admit().failed()
        #expect(choices(service, 50, avoiding: tried).allSatisfy { $0 === tried })
    }

    @Test func `an open breaker leaves an endpoint out, up to the share`() throws {
        let service = try service(endpoints: 4)
        for endpoint in service.endpoints.prefix(2) { try endpoint.breaker.admit().failed() }
        #expect(Set(choices(service, 200).compactMap { $0?.name }) == Set(service.endpoints.suffix(2).map(\.name)))
        #expect(service.ejection.count == 2)
        // A third is too many: it is called all the same.
        try service.endpoints[2].breaker.admit().failed()
        #expect(Set(choices(service, 200).compactMap { $0?.name }) == Set(service.endpoints.suffix(2).map(\.name)))
    }

    @Test func `all is rejected when all are left out and may be`() throws {
        let service = try service(endpoints: 2, maximumEjected: 1)
        for endpoint in service.endpoints { try endpoint.breaker.admit().failed() }
        #expect(choices(service, 5).allSatisfy { $0 == nil })
    }

    /// Ways of leaving an endpoint out.
    enum Way: CaseIterable { case dead, isolated, unhealthy, drained, disabled, full, tried }

    @Test(arguments: Way.allCases, 0..<4)
    func `whatever leaves an endpoint out, the others share evenly what it had`(way: Way, place: Int) throws {
        let service = try service(endpoints: 4)
        let out = service.endpoints[place]
        var isolation: CircuitBreaker.Isolation?
        switch way {
        case .dead: try out.breaker.admit().failed()
        case .isolated: isolation = out.breaker.isolate()
        case .unhealthy:
            out.isHealthy.store(false, ordering: .relaxed)
            service.ejection.changed()
        case .drained: out.service = .drained
        case .disabled: out.service = .disabled
        case .full: out.connections.store(service.configuration.connections, ordering: .relaxed)
        case .tried: break
        }
        let chosen = choices(service, 6_000, avoiding: way == .tried ? out : nil)
        let counts = service.endpoints.map { endpoint in chosen.count { $0 === endpoint } }
        #expect(counts[place] == 0)
        for (other, count) in counts.enumerated() where other != place {
            #expect((1_850...2_150).contains(count), "\(counts)")
        }
        isolation?.release()
    }

    @Test func `where all are held out nobody is chosen, and where one is left all go there`() throws {
        let service = try service(endpoints: 3, maximumEjected: 0)
        for endpoint in service.endpoints { endpoint.service = .drained }
        #expect(choices(service, 5).allSatisfy { $0 == nil })
        service.endpoints[1].service = .inService
        #expect(choices(service, 20).allSatisfy { $0 === service.endpoints[1] })
    }

    @Test func `who is isolated or drained is not called when too many are left out`() throws {
        let service = try service(endpoints: 4)
        let isolation = service.endpoints[0].breaker.isolate()
        service.endpoints[1].service = .drained
        service.ejection.changed()
        // Of the two that are left, one may be left out.
        try service.endpoints[2].breaker.admit().failed()
        #expect(choices(service, 50).allSatisfy { $0 === service.endpoints[3] })
        try service.endpoints[3].breaker.admit().failed()
        #expect(choices(service, 50).allSatisfy { $0 === service.endpoints[3] })
        isolation.release()
        service.endpoints[1].service = .inService
        service.ejection.changed()
        #expect(Set(choices(service, 200).compactMap { $0?.name }).count == 2)
    }

    @Test func `a call that has been everywhere goes first to where it has not just been`() throws {
        let service = try service(endpoints: 3)
        var (tried, draws, generator) = (TriedEndpoints(), TwoChoices(), SplitMix64(seed: 1))
        func next() -> Endpoint? {
            let choice = service.choose(
                avoiding: tried, for: 0, at: .now(), isEnforced: true, in: &draws, using: &generator,
                wouldReject: { _ in })
            guard case .endpoint(let endpoint, let permit, let service) = consume choice else { return nil }
            _ = consume permit
            _ = consume service
            return endpoint
        }
        for _ in 0..<20 {
            tried = TriedEndpoints()
            for _ in 0..<3 { if let endpoint = next() { tried.note(endpoint) } }
            let last = tried.latest
            for _ in 0..<10 { #expect(next() !== last) }
        }
        var seen: Set<Int> = []
        tried = TriedEndpoints()
        for _ in 0..<3 {
            guard let endpoint = next() else { continue }
            seen.insert(endpoint.number)
            tried.note(endpoint)
        }
        #expect(seen.count == 3)
    }

    @Test func `an endpoint whose checks fail is chosen last`() throws {
        let service = try service(endpoints: 3)
        service.endpoints[0].isHealthy.store(false, ordering: .relaxed)
        service.ejection.changed()
        #expect(!choices(service, 200).contains { $0 === service.endpoints[0] })
        for endpoint in service.endpoints.dropFirst() { try endpoint.breaker.admit().failed() }
        #expect(choices(service, 20).contains { $0 != nil })
    }

    @Test func `a check that fails is noticed, and one that succeeds again`() async throws {
        let status = Atomic<UInt>(200)
        let service = try await TestService.start { _, _ in
            .status(.init(statusCode: Int(status.load(ordering: .relaxed))))
        }
        let clock = ManualClock()
        var upstream = ServiceConfiguration(
            name: "service", endpoints: [.init(address: .init(host: "127.0.0.1", port: service.port))])
        var check = ServiceConfiguration.HealthCheck()
        (check.unhealthyAfter, check.healthyAfter) = (2, 1)
        upstream.healthCheck = check
        let plans = try await PlanKeeper(
            GatewayConfiguration(
                listeners: [ListenerConfiguration(address: .init(host: "127.0.0.1", port: 0))], services: [upstream],
                routes: [RouteConfiguration(name: "route", service: "service")], threads: 1),
            maker: Plan.Maker(
                clock: clock, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
                transitions: TransitionLog()))
        let endpoint = plans.current.services[0].endpoints[0]
        func isHealthy() -> Bool { endpoint.isHealthy.load(ordering: .relaxed) }
        let checks = Task { await HealthChecks(plans: plans).run() }
        func next() async {
            await clock.sleepers(1)
            clock.advance(by: check.interval)
        }
        await clock.sleepers(1)
        #expect(isHealthy())
        status.store(503, ordering: .relaxed)
        await next()
        await next()
        await clock.sleepers(1)
        #expect(!isHealthy())
        status.store(204, ordering: .relaxed)
        await next()
        await clock.sleepers(1)
        #expect(isHealthy())
        #expect(service.requests.allSatisfy { $0.uri == "/health" && $0.headers["user-agent"] == ["holdfast"] })
        checks.cancel()
        await checks.value
        await service.stop()
    }
}
#endif
