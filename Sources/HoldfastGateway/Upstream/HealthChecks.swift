#if Gateway
import Holdfast
import Logging
import NIOPosix
import Synchronization

/// Asks endpoints whether they are well, as often as their services say, and leaves out those that are not.
struct HealthChecks: Sendable {
    let plans: PlanKeeper

    /// Until it is cancelled. Each plan begins its checks anew, with what is known of the endpoints that stay.
    func run() async {
        let known = KnownHealth()
        var checking: Task<Void, Never>?
        for await plan in plans.plans() {
            checking?.cancel()
            await checking?.value
            checking = Task { await check(plan, known) }
        }
        checking?.cancel()
        await checking?.value
    }

    private func check(_ plan: Plan, _ known: KnownHealth) async {
        known.keep(only: Set(plan.services.flatMap(\.endpoints).map(\.number)))
        await withTaskGroup(of: Void.self) { group in
            for service in plan.services {
                guard let configuration = service.configuration.healthCheck else {
                    // What is not checked is not known to be ill.
                    for endpoint in service.endpoints { endpoint.isHealthy.store(true, ordering: .relaxed) }
                    service.ejection.changed()
                    continue
                }
                for endpoint in service.endpoints {
                    group.addTask { await keepChecking(endpoint, of: service, configuration, known) }
                }
            }
        }
    }

    private func keepChecking(
        _ endpoint: Endpoint, of service: UpstreamService, _ configuration: ServiceConfiguration.HealthCheck,
        _ known: KnownHealth
    ) async {
        while !Task.isCancelled {
            let fault = await HealthProbe.check(
                endpoint, configuration, on: MultiThreadedEventLoopGroup.singleton.any())
            if Task.isCancelled { return }
            if known.checked(endpoint, configuration, isWell: fault == nil) {
                plans.logger.notice(
                    fault == nil ? "healthy" : "unhealthy",
                    metadata: [
                        "service": "\(service.name)", "endpoint": "\(endpoint.name)",
                        "reason": "\(fault ?? "its checks succeed")",
                    ])
                service.ejection.changed()
            }
            // Drawn below the interval, so that gateways that started together do not ask together.
            let wait = configuration.interval * Double.random(in: 0.9...1)
            guard (try? await plans.clock.sleep(for: wait)) != nil else { return }
        }
    }
}

/// What the checks have found out so far.
private final class KnownHealth: Sendable {
    private let machines = Mutex<[Int: HealthMachine]>([:])

    func keep(only endpoints: Set<Int>) {
        machines.withLock { machines in machines = machines.filter { endpoints.contains($0.key) } }
    }

    /// - Returns: Whether the endpoint has changed.
    func checked(
        _ endpoint: Endpoint, _ configuration: ServiceConfiguration.HealthCheck, isWell: Bool
    ) -> Bool {
        machines.withLock { machines in
            var machine = machines[endpoint.number] ?? HealthMachine()
            let isChanged = machine.checked(isWell: isWell, configuration)
            machines[endpoint.number] = machine
            endpoint.isHealthy.store(machine.isHealthy, ordering: .relaxed)
            return isChanged
        }
    }
}
#endif
