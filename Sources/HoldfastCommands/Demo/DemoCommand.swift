#if Gateway
import ArgumentParser
import Foundation
import Holdfast
import HoldfastGateway
import Logging

struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo", abstract: "Run the gateway in front of a small payments service that can be broken.")

    @OptionGroup var options: ListenOptions

    func run() async throws {
        let logger = Logger(label: "holdfast.demo") { _ in GatewayLogHandler(.text) }
        let payments = try await PaymentsService.start(logger: logger)
        var configuration = GatewayConfiguration(
            upstreams: [payments.address], threads: ProcessInfo.processInfo.activeProcessorCount)
        // What the environment says is for what is in earnest.
        try options.apply(to: &configuration, environment: [:])
        // One person is all the callers there are, and breaks the service by hand.
        configuration.services[0].breaker.trip = .consecutiveFailures(3)
        // A person watches: a service that hangs is found out in two seconds, not in ten.
        configuration.routes[0].attemptTimeout = .seconds(2)
        let traffic = TrafficSource()
        let runner = GatewayRunner(
            configuration: configuration, warnings: options.warnings(configuration, environment: [:]),
            demo: DemoControls(
                mode: { payments.mode }, charges: { payments.charges }, setMode: { payments.setMode($0) },
                sendTraffic: { await traffic.send(count: 20) }))
        do {
            try await runner.run { gateway in
                traffic.aim(at: gateway.address)
                Self.introduce(gateway)
            }
        } catch {
            await payments.stop()
            throw error
        }
        await payments.stop()
    }

    private static func introduce(_ gateway: Gateway) {
        say(
            """
            Run the breaker:  http://\(gateway.adminAddress)

            The gateway is at http://\(gateway.address), in front of a payments service. Try:
              curl -i http://\(gateway.address)/ping
              curl -i -X POST http://\(gateway.address)/charges -H 'Idempotency-Key: order-1' -d 'amount=1000'
              curl -X POST http://\(gateway.adminAddress)/api/demo/mode/fail; curl -i http://\(gateway.address)/ping

            Send the second line twice: it charges once. Ctrl-C ends.
            """)
    }
}
#endif
