#if Gateway
import ArgumentParser
import Foundation
import Holdfast
import HoldfastGateway
import HoldfastHTTP

/// Where the gateway listens and what it keeps: what `gateway` and `demo` have in common.
struct ListenOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Where requests are taken.", valueName: "host:port"))
    var listen = GatewayConfiguration.Address(host: "127.0.0.1", port: 8080)

    @Option(help: ArgumentHelp("Where the control plane listens. Keep it on loopback.", valueName: "host:port"))
    var admin = GatewayConfiguration.Address(host: "127.0.0.1", port: 9090)

    @Option(
        help: ArgumentHelp(
            "Where claims and outcomes are kept.", valueName: "memory|sqlite:PATH|postgres://…|valkey://…"))
    var store = StoreArgument.sqlite(path: "holdfast.db")
}

struct GatewayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gateway", abstract: "Put the gateway in front of an HTTP service.")

    @Option(help: ArgumentHelp("The service, http://HOST[:PORT]. Once for each endpoint.", valueName: "url"))
    var upstream: [HTTPArgument]

    @OptionGroup var options: ListenOptions

    @Option(help: "How many failures in a row open an endpoint's breaker.")
    var trip = 3

    @Option(help: ArgumentHelp("How long a breaker stays open.", valueName: "duration"))
    var cooldown = DurationArgument.seconds(5)

    @Option(help: "All attempts at a request together.")
    var attempts = 3

    @Option(help: ArgumentHelp("From a request's arrival to its answer, over all attempts.", valueName: "duration"))
    var timeout = DurationArgument.seconds(30)

    @Option(help: ArgumentHelp("For one attempt.", valueName: "duration"))
    var attemptTimeout = DurationArgument.seconds(10)

    @Option(help: "Whether POST and PATCH need an Idempotency-Key.")
    var key = RouteConfiguration.Idempotency.Keys.optional

    @Option(help: ArgumentHelp("Which responses are a key's outcome.", valueName: "ietf|stripe|iceberg|success-only"))
    var profile = OutcomeProfile.ietf

    @Option(help: "What keys are made of; default: as the profile says.")
    var keyForm: KeyRules.Form?

    @Option(help: ArgumentHelp("The least characters of a key.", valueName: "count"))
    var keyLength = 1

    @Option(help: ArgumentHelp("How long an outcome is kept.", valueName: "duration"))
    var retention = DurationArgument.hours(24)

    @Option(
        help: ArgumentHelp(
            "What becomes of a repeat when nobody knows how the first ended.",
            discussion: "Rerun is right only where the service itself recognises the key.",
            valueName: "refuse|rerun"))
    var unknown = RouteConfiguration.Idempotency.Unknown.refuse

    @Option(help: "The most keys that one caller may have within the retention; default: no bound.")
    var keysPerCaller: Int?

    @Option(help: "The most bytes of outcomes that one caller may have within the retention; default: no bound.")
    var bytesPerCaller: Int?

    @Option(help: "Event loops; default: one a core.")
    var threads = ProcessInfo.processInfo.activeProcessorCount

    func validate() throws {
        // A range cannot begin after its end.
        guard (1...IdempotencyKey.maximumLength).contains(keyLength) else {
            throw ValidationError("the key length is \(keyLength), but must be 1 to \(IdempotencyKey.maximumLength)")
        }
        do {
            try gatewayConfiguration().validate()
        } catch {
            throw ValidationError("\(error)")
        }
    }

    func run() async throws {
        try await GatewayRunner(configuration: gatewayConfiguration(), store: options.store).run { gateway in
            say("gateway:       http://\(gateway.address)")
            say("control plane: http://\(gateway.adminAddress)")
        }
    }

    private func gatewayConfiguration() -> GatewayConfiguration {
        var configuration = GatewayConfiguration(upstreams: upstream.map(\.address), threads: threads)
        configuration.listeners[0].address = options.listen
        configuration.admin.address = options.admin
        configuration.services[0].breaker.trip = .consecutiveFailures(trip)
        configuration.services[0].breaker.cooldown = .fixed(cooldown.duration)
        // A probe cannot outlive its attempt, so its place is held a little longer than that.
        configuration.services[0].breaker.probeHold = min(.seconds(86_400), attemptTimeout.duration + .seconds(5))
        configuration.keysPerCaller = keysPerCaller
        configuration.bytesPerCaller = bytesPerCaller
        configuration.routes[0].retry.attempts = attempts
        configuration.routes[0].deadline = timeout.duration
        configuration.routes[0].attemptTimeout = attemptTimeout.duration
        configuration.routes[0].idempotency.keys = key
        configuration.routes[0].idempotency.profile = profile
        configuration.routes[0].idempotency.rules = KeyRules(
            form: keyForm ?? profile.keys.form,
            length: keyLength...IdempotencyKey.maximumLength)
        configuration.routes[0].idempotency.retention = retention.duration
        configuration.routes[0].idempotency.unknown = unknown
        return configuration
    }
}

extension DurationArgument {
    static func seconds(_ count: Int) -> DurationArgument {
        DurationArgument(duration: .seconds(count), description: "\(count)s")
    }

    static func hours(_ count: Int) -> DurationArgument {
        DurationArgument(duration: .seconds(count * 3_600), description: "\(count)h")
    }

    private init(duration: Duration, description: String) {
        self.duration = duration
        self.description = description
    }
}
#endif
