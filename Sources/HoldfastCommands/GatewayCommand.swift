#if Gateway
import ArgumentParser
import Foundation
import Holdfast
import HoldfastGateway
import HoldfastHTTP
import Logging

/// Where the gateway listens and what it keeps: what `gateway` and `demo` have in common.
struct ListenOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("Where requests are taken. Default: 127.0.0.1:8080.", valueName: "host:port"),
        transform: Words.address)
    var listen: GatewayConfiguration.Address?

    @Option(
        help: ArgumentHelp(
            "Where the control plane listens. Keep it on loopback. Default: 127.0.0.1:9090.", valueName: "host:port"),
        transform: Words.address)
    var admin: GatewayConfiguration.Address?

    @Option(
        name: .customLong("store"),
        help: ArgumentHelp(
            "Where claims and outcomes are kept. Default: sqlite:holdfast.db.",
            discussion:
                "A password here is everybody's to read: use --store-file, or HOLDFAST_STORE in the environment.",
            valueName: "memory|sqlite:PATH|postgres://…|valkey://…"), transform: Words.store)
    var givenStore: GivenStore?

    var store: StoreLocation? { givenStore?.location }

    @Option(
        help: ArgumentHelp("Instead: a file with it, which no others may read.", valueName: "file"))
    var storeFile: String?

    func validate() throws {
        try givenStore?.validate()
        guard store == nil || storeFile == nil else {
            throw ValidationError("give --store or --store-file, and not both")
        }
    }

    /// Puts what is given into a configuration. What is not given may stand in the environment.
    func apply(to configuration: inout GatewayConfiguration, environment: [String: String]) throws {
        if let listen { configuration.listeners[0].address = listen }
        if let admin { configuration.admin.address = admin }
        let elsewhere = try storeFile.map { path in try StoreLocation.inFile(path) }
        if let store = try store ?? elsewhere ?? StoreLocation.inEnvironment(environment) {
            configuration.store.location = store
        }
    }

    /// What is to be known before it is used.
    func warnings(_ configuration: GatewayConfiguration, environment: [String: String]) -> [String] {
        var warnings = configuration.store.location.warnings(environment)
        if store?.holdsPassword == true { warnings.append(StoreLocation.passwordIsShown) }
        return warnings
    }
}

extension StoreLocation {
    /// Said of a password on the command line.
    static let passwordIsShown =
        "the store's password stands in the command line, which every user of this machine can read: "
        + "give --store-file, or \(StoreLocation.variable) in the environment"
}

struct GatewayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gateway", abstract: "Put the gateway in front of HTTP services.",
        discussion: "With --config, everything is in the file. Without, one service is said by the options.")

    @Option(
        help: ArgumentHelp(
            "The configuration file, read again when it changes and on SIGHUP: see `holdfast check --reference`.",
            valueName: "file"))
    var config: String?

    @Flag(
        help: ArgumentHelp(
            "Read the configuration file again on SIGHUP alone, and not when it changes.",
            discussion: "The same holds for the files that it names: certificates, keys, tokens."))
    var noWatch = false

    @Option(
        help: ArgumentHelp("The service, http://HOST[:PORT]. Once for each endpoint.", valueName: "url"),
        transform: Words.server)
    var upstream: [GatewayConfiguration.Address] = []

    @OptionGroup var options: ListenOptions

    @Option(
        help: ArgumentHelp(
            "Failures in a row that open an endpoint's breaker, whoever meets them.",
            discussion: "Default: 5 connections that fail in a row, or 80% of at least 8 calls in 10s, over callers."))
    var trip: Int?

    @Option(
        help: ArgumentHelp("How long a breaker stays open. Default: 5s.", valueName: "duration"),
        transform: Words.duration)
    var cooldown: Duration?

    @Option(help: "All attempts at a request together. Default: 3.")
    var attempts: Int?

    @Option(
        help: ArgumentHelp(
            "From a request's arrival to its answer, over all attempts. Default: 30s.", valueName: "duration"),
        transform: Words.duration)
    var timeout: Duration?

    @Option(help: ArgumentHelp("For one attempt. Default: 10s.", valueName: "duration"), transform: Words.duration)
    var attemptTimeout: Duration?

    @Option(
        help: ArgumentHelp(
            "The longest silence of the service within an answer. Default: 5m.", valueName: "duration"),
        transform: Words.duration)
    var streamTimeout: Duration?

    @Option(
        help: ArgumentHelp(
            "Whether POST and PATCH need an Idempotency-Key. Default: optional.",
            valueName: Words.names(of: RouteConfiguration.Idempotency.Keys.self)), transform: Words.choice)
    var key: RouteConfiguration.Idempotency.Keys?

    @Option(
        help: ArgumentHelp(
            "Which responses are a key's outcome. Default: ietf.",
            valueName: OutcomeProfile.all.map(\.name).joined(separator: "|")),
        transform: Words.profile)
    var profile: OutcomeProfile?

    @Option(
        help: ArgumentHelp(
            "What keys are made of; default: as the profile says.", valueName: Words.names(of: KeyRules.Form.self)),
        transform: Words.choice)
    var keyForm: KeyRules.Form?

    @Option(help: ArgumentHelp("The least characters of a key. Default: 1.", valueName: "count"))
    var keyLength: Int?

    @Option(
        help: ArgumentHelp("How long an outcome is kept. Default: 24h.", valueName: "duration"),
        transform: Words.duration)
    var retention: Duration?

    @Option(
        help: ArgumentHelp(
            "How long a duplicate waits for the request in progress; default: 10s.", valueName: "duration"),
        transform: Words.duration)
    var wait: Duration?

    @Option(
        help: ArgumentHelp(
            "What becomes of a repeat when nobody knows how the first ended. Default: refuse.",
            discussion: "Rerun is right only where the service itself recognises the key.",
            valueName: Words.names(of: RouteConfiguration.Idempotency.Unknown.self)), transform: Words.choice)
    var unknown: RouteConfiguration.Idempotency.Unknown?

    @Option(
        help: ArgumentHelp(
            "With --unknown probe: where the service is asked what became of a key.",
            discussion: "A path with {key} in it, such as /charges/by-key/{key}: 2xx, it happened; 404, it did not.",
            valueName: "path"), transform: Words.probe)
    var probe: ProbePath?

    @Option(help: "The most keys that one caller may have within the retention; default: no bound.")
    var keysPerCaller: Int?

    @Option(help: "The most bytes of outcomes that one caller may have within the retention; default: no bound.")
    var bytesPerCaller: Int?

    @Option(help: "Event loops; default: one a core.")
    var threads: Int?

    @Option(
        help: ArgumentHelp(
            "What is logged: this and what is graver. Default: info. At debug each failed TLS handshake is told.",
            valueName: Words.names(of: Logger.Level.self)), transform: Words.choice)
    var logLevel: Logger.Level?

    @Option(
        help: ArgumentHelp(
            "How it is logged: lines of name=value, or of JSON. Default: text.",
            valueName: Words.names(of: LogFormat.self)), transform: Words.choice)
    var logFormat: LogFormat?

    func validate() throws {
        guard config == nil else {
            guard given.isEmpty else {
                throw ValidationError("with --config, the file says it all: leave out \(given.joined(separator: ", "))")
            }
            return
        }
        guard !noWatch else { throw ValidationError("--no-watch needs --config: without a file nothing is watched") }
        guard !upstream.isEmpty else {
            throw ValidationError(
                "say what the gateway is in front of: --upstream http://HOST[:PORT], or --config FILE")
        }
        // A range cannot begin after its end.
        guard (1...IdempotencyKey.maximumLength).contains(keyLength ?? 1) else {
            throw ValidationError(
                "the key length is \(keyLength ?? 1), but must be 1 to \(IdempotencyKey.maximumLength)")
        }
        do {
            try gatewayConfiguration().validate()
        } catch let error as ConfigurationError {
            throw ValidationError("\(error)")
        }
    }

    func run() async throws {
        do {
            try await runGateway()
        } catch let mistakes as ConfigurationMistakes {
            throw FailedGateway(mistakes, logging: mistakes.logFormat)
        }
    }

    private func runGateway() async throws {
        let file = try config.map { try ConfigurationFile(path: $0) }
        try file?.requireReadableStore()
        let environment = ProcessInfo.processInfo.environment
        do {
            let configuration = try file?.configuration ?? gatewayConfiguration()
            if let fault = configuration.store.location.unreadable { throw ValidationError("the store: \(fault)") }
            let runner =
                file.map { GatewayRunner($0, watches: !noWatch) }
                ?? GatewayRunner(
                    configuration: configuration,
                    warnings: options.warnings(configuration, environment: environment)
                        + configuration.doubts(optionNames).map { $0.words() }
                        + configuration.callerFaultsOfSome)
            try await runner.run { Greeting($0, configuration).say() }
        } catch {
            throw FailedGateway(error, logging: file?.configuration.logFormat ?? logFormat ?? .text)
        }
    }

    /// The options that are given and that a file would contradict.
    private var given: [String] {
        let options: [(name: String, isGiven: Bool)] = [
            ("--upstream", !upstream.isEmpty), ("--listen", options.listen != nil), ("--admin", options.admin != nil),
            ("--store", options.store != nil), ("--store-file", options.storeFile != nil), ("--trip", trip != nil),
            ("--cooldown", cooldown != nil),
            ("--attempts", attempts != nil), ("--timeout", timeout != nil),
            ("--attempt-timeout", attemptTimeout != nil), ("--stream-timeout", streamTimeout != nil),
            ("--key", key != nil), ("--profile", profile != nil),
            ("--key-form", keyForm != nil), ("--key-length", keyLength != nil), ("--retention", retention != nil),
            ("--wait", wait != nil),
            ("--unknown", unknown != nil), ("--probe", probe != nil), ("--keys-per-caller", keysPerCaller != nil),
            ("--bytes-per-caller", bytesPerCaller != nil), ("--threads", threads != nil),
            ("--log-level", logLevel != nil), ("--log-format", logFormat != nil),
        ]
        return options.filter(\.isGiven).map(\.name)
    }

    /// What the options are called that say what a file would.
    private var optionNames: OptionNames {
        let options: [[String]: (name: String, isGiven: Bool)] = [
            ["endpoints"]: ("--upstream", true), ["retry"]: ("--attempts", attempts != nil),
            ["idempotency", "wait"]: ("--wait", wait != nil),
        ]
        return OptionNames(
            gives: { options[$1]?.isGiven ?? false },
            called: { options[$1]?.name ?? $1.joined(separator: ".") })
    }

    /// One service, as the options say. What they do not say is as the configuration has it.
    private func gatewayConfiguration() throws -> GatewayConfiguration {
        var configuration = GatewayConfiguration(
            upstreams: upstream, threads: threads ?? ProcessInfo.processInfo.activeProcessorCount)
        try options.apply(to: &configuration, environment: ProcessInfo.processInfo.environment)
        if let logLevel { configuration.logLevel = logLevel }
        if let logFormat { configuration.logFormat = logFormat }
        configuration.keysPerCaller = keysPerCaller
        configuration.bytesPerCaller = bytesPerCaller
        apply(to: &configuration.routes[0])
        apply(to: &configuration.services[0], attemptTimeout: configuration.routes[0].attemptTimeout)
        return configuration
    }

    private func apply(to route: inout RouteConfiguration) {
        if let attempts { route.retry.attempts = attempts }
        if let timeout { route.deadline = timeout }
        if let attemptTimeout { route.attemptTimeout = attemptTimeout }
        if let streamTimeout { route.streamTimeout = streamTimeout }
        if let key { route.idempotency.keys = key }
        if let profile { route.idempotency.profile = profile }
        let usual = route.idempotency.profile.keys
        route.idempotency.rules = KeyRules(
            form: keyForm ?? usual.form, length: (keyLength ?? 1)...IdempotencyKey.maximumLength)
        if let retention { route.idempotency.retention = retention }
        if let wait { route.idempotency.wait = wait }
        if let unknown { route.idempotency.unknown = unknown }
        route.idempotency.probe = probe.map { .init(path: $0) }
    }

    private func apply(to service: inout ServiceConfiguration, attemptTimeout: Duration) {
        if let trip { service.breaker.trip = .consecutiveFailures(trip) }
        if let cooldown { service.breaker.cooldown = .fixed(cooldown) }
        // A probe cannot outlive its attempt, so its place is held a little longer than that.
        service.breaker.probeHold = min(.seconds(86_400), attemptTimeout + .seconds(5))
    }
}
#endif
