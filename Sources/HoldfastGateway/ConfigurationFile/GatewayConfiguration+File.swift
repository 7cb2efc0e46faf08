#if Gateway
import Foundation
import Holdfast
import HoldfastIdempotency
import Logging
import Yams

extension GatewayConfiguration {
    /// Reads the whole file.
    static func read(_ file: SectionReader) -> GatewayConfiguration {
        let cores = ProcessInfo.processInfo.activeProcessorCount
        let listeners = file.list(
            "listeners", count: 1...64, unset: "one at 127.0.0.1:8080",
            "Where requests are taken. A change needs a restart."
        ) { Placed(value: ListenerConfiguration.read($0), section: $0) }
        let admin = file.section(
            "admin", unset: "on loopback",
            "Where and to whom the control plane shows itself. A change needs a restart.", AdminConfiguration.read)
        let store = file.section(
            "store", unset: "`sqlite:holdfast.db`",
            "Where claims and outcomes are kept. A change needs a restart.", StoreConfiguration.read)
        let accessLog = file.section(
            "accessLog", unset: "none", "One JSON line for each request that is sampled. A change needs a restart.",
            AccessLogConfiguration.read)
        let log = file.section("log", unset: "as below", "What the process says of itself, on the standard error.") {
            let level = $0.choice(
                "level", default: Logger.Level.info,
                "What is logged: this and what is graver. At `debug` each TLS handshake that a client fails is told. A change needs a restart."
            )
            let format = $0.choice(
                "format", default: LogFormat.text,
                "`text`: `time=… level=… message=…` and what else there is, with quotes where a value has blanks (logfmt); `json`: one JSON object a line. A change needs a restart."
            )
            return (level: level, format: format)
        }
        let requestID = file.flag(
            "requestID", default: true,
            "Whether `x-request-id` names each request to the service and to the client: as a trusted hop has named it, or else by a name that is drawn. Otherwise the field passes as any other."
        )
        let threads = file.integer(
            "threads", in: 1...1_024, unset: "one a core",
            "Event loops, each a thread that carries requests. A change needs a restart.")
        let services = file.mapping(
            "services", count: 1...1_000, unset: "required",
            "What requests are sent to, each under the name that routes call it by.", ServiceConfiguration.read)
        let routes = file.list(
            "routes", count: 1...10_000, unset: "required",
            "Which requests go where, and under which policies. The first that matches counts.",
            RouteConfiguration.read)
        var configuration = GatewayConfiguration(
            listeners: listeners.isEmpty
                ? [ListenerConfiguration(address: Address(host: "127.0.0.1", port: 8080))] : listeners.map(\.value),
            services: services.map(\.value), routes: routes.map(\.value), threads: threads ?? cores)
        configuration.admin = admin ?? AdminConfiguration()
        configuration.store = store ?? StoreConfiguration.unset(file)
        configuration.accessLog = accessLog
        configuration.requestID = requestID
        if let log { (configuration.logLevel, configuration.logFormat) = (log.level, log.format) }
        _ = file.section("limits", unset: "all as below", "What bounds the whole gateway.") {
            configuration.readLimits($0)
        }
        relate(services, routes, in: file)
        configuration.tellOfCallers(routes, in: file)
        configuration.tellOfAddresses(listeners, in: file)
        configuration.tellOfDoubts(services, routes, in: file)
        file.check(configuration.validate)
        return configuration
    }

    private mutating func readLimits(_ limits: SectionReader) {
        connections = limits.integer(
            "connections", default: connections, in: 1...1_000_000,
            "The most client connections. More are closed as they come.")
        connectionsPerClient = limits.integer(
            "connectionsPerClient", in: 1...1_000_000, unset: "no bound",
            "The most connections of one client at once: an IPv4 address, or the first 64 bits of an IPv6 address. More are closed as they come. Those of `listeners[].trusted` are not counted: each carries what many clients ask."
        )
        headerLimit = limits.size(
            "headerBytes", default: headerLimit, in: 1_024...(1 << 20), "A request's header fields together.")
        fieldLimit = limits.integer(
            "fields", default: fieldLimit, in: 16...1_000, "A request's header fields, in their number.")
        headerTimeout = limits.duration(
            "headerTimeout", default: headerTimeout, in: Self.times,
            "How long a client may take for a request's header fields, and between two pieces of a body that is gathered."
        )
        bodyRate = limits.size(
            "bodyRate", default: bodyRate, in: 0...(1 << 30),
            "Bytes a second that a request's body must bring, on average over each `bodyGrace`; 0 is no bound. Time in which the service holds it back does not count."
        )
        bodyGrace = limits.duration(
            "bodyGrace", default: bodyGrace, in: Self.times, "How long a body may be slower than `bodyRate`.")
        keptBytes = limits.size(
            "keptBytes", default: keptBytes, in: (1 << 20)...(1 << 40),
            "What all bodies together may take that are kept for retries, fingerprints and replays, of all routes. Requests take half of it, those of at most 16 KiB three quarters."
        )
        idleTimeout = limits.duration(
            "idleTimeout", default: idleTimeout, in: Self.times, "How long a connection may be idle between requests.")
        clientTimeout = limits.duration(
            "clientTimeout", default: clientTimeout, in: Self.times,
            "How long a client may take nothing of an answer that waits for it. Whoever takes something within each, however little, goes on."
        )
        webSocketTimeout = limits.duration(
            "webSocketTimeout", default: webSocketTimeout, in: Self.webSocketTimes,
            "How long a WebSocket may be silent in both directions. Then each side gets a close frame, 1001, and the connections close."
        )
        drainDelay = limits.duration(
            "drainDelay", default: drainDelay, in: .zero ... .seconds(3_600),
            "How long requests are still taken after a shutdown began, while `/ready` answers 503, so that a balancer takes the gateway out first."
        )
        drainTimeout = limits.duration(
            "drainTimeout", default: drainTimeout, in: Self.times, "How long requests may go on after that.")
        keysPerCaller = limits.integer(
            "keysPerCaller", in: 1...1_000_000_000, unset: "no bound",
            "The most idempotency keys that one caller may have within the retention. Each gateway counts for itself. A change needs a restart."
        )
        bytesPerCaller = limits.size(
            "bytesPerCaller", in: 1...(1 << 50), unset: "no bound",
            "The most bytes of outcomes that one caller may have within the retention. Each gateway counts for itself. A change needs a restart."
        )
        keysPerAddress = limits.integer(
            "keysPerAddress", in: 1...1_000_000_000, unset: "a tenth of `store.maximumKeys`",
            "The same for one address: an IPv4 address, or the first 64 bits of an IPv6 address. Where neither this nor `bytesPerAddress` is set, private addresses have no bound. A change needs a restart."
        )
        bytesPerAddress = limits.size(
            "bytesPerAddress", in: 1...(1 << 50), unset: "a tenth of `store.maximumBytes`",
            "The most bytes of outcomes of one address within the retention. A change needs a restart.")
        refusedRetention = limits.duration(
            "refusedRetention", default: refusedRetention, in: IdempotencyEngine.retentions,
            "How long a 4xx is kept for a caller to whom nothing has succeeded from its address, and never longer than the route's retention. A change needs a restart."
        )
    }

    /// Whether names are used once, services exist and are used, and every route can be reached.
    private static func relate(
        _ services: [Placed<ServiceConfiguration>], _ routes: [Placed<RouteConfiguration>], in file: SectionReader
    ) {
        guard !file.isDescribing else { return }
        let names = services.map(\.value.name)
        let known = Set(names)
        var byName: [String: Placed<RouteConfiguration>] = [:]
        for route in routes {
            if !route.value.name.isEmpty, let first = byName.updateValue(route, forKey: route.value.name) {
                let line = first.mark.map { " (line \($0.line))" } ?? ""
                route.section.mistake(
                    "name",
                    "\(route.section.fullName("name")) is \(shown(route.value.name)), but must be used once\(line)")
            }
            if !route.value.service.isEmpty, !names.isEmpty, !known.contains(route.value.service) {
                let hint = nearest(to: route.value.service, among: names).map { "; did you mean '\($0)'?" } ?? ""
                let allowed =
                    names.count > 20 ? "the name of one of the services" : "one of \(names.joined(separator: ", "))"
                route.section.mistake(
                    "service",
                    "\(route.section.fullName("service")) is \(shown(route.value.service)), but must be \(allowed)\(hint)"
                )
            }
        }
        let exact = Set(services.filter(\.value.exactPaths).map(\.value.name))
        let read = routes.prefix(1_000).map(\.value.match.readFreely)
        // What is compared with all before it is compared within a bound: a thousand routes are half a million pairs.
        for (place, route) in routes.prefix(1_000).enumerated() {
            guard let first = routes[..<place].first(where: { $0.value.match.covers(route.value.match) }) else {
                guard !exact.contains(route.value.service),
                    let twin = read[..<place].firstIndex(where: { $0.covers(read[place]) })
                else { continue }
                file.report.warning(
                    route.mark,
                    "route \(shown(route.value.name)) is never reached: all that it matches is refused, because some services read it as what \(shown(routes[twin].value.name)) takes; say exactPaths: true of a service that does not"
                )
                continue
            }
            let line = first.mark.map { " (line \($0.line))" } ?? ""
            file.report.warning(
                route.mark,
                "route \(shown(route.value.name)) is never reached: \(shown(first.value.name))\(line) takes all that it matches"
            )
        }
        let used = Set(routes.map(\.value.service))
        for service in services where !used.contains(service.value.name) {
            file.report.warning(service.mark, "no route goes to service \(shown(service.value.name))")
        }
    }
}

/// Something that was read, with where it is.
struct Placed<Value> {
    let value: Value
    let section: SectionReader
    var mark: Mark? { section.mark }
}

extension ListenerConfiguration {
    static func read(_ section: SectionReader) -> ListenerConfiguration {
        let address = section.text(
            "address", "address", allowed: GatewayConfiguration.Address.allowed, unset: "required",
            "Where connections are taken. Port 0 takes any free port.", GatewayConfiguration.Address.init(words:))
        var listener = ListenerConfiguration(address: address ?? .init(host: "127.0.0.1", port: 0))
        listener.tls = section.section("tls", unset: "none: bytes are taken as they come", "Taken under TLS.", TLS.read)
        listener.http2 = section.flag(
            "http2", default: listener.http2,
            "Whether HTTP/2 is spoken with those who ask for it: by ALPN under TLS, by its preface without.")
        listener.streams = section.integer(
            "streams", default: listener.streams, in: 1...10_000,
            "The most HTTP/2 streams that one client may have open at once. 100, as RFC 9113 recommends.")
        listener.readTrust(section)
        section.check(listener.validate)
        if let tls = listener.tls { section.tryCertificates(tls, http2: listener.http2) }
        return listener
    }
}

extension ListenerConfiguration.TLS {
    fileprivate static func read(_ section: SectionReader) -> Self {
        let certificate = section.file(
            "certificate", unset: "required",
            "The certificate, followed by those that vouch for it. Read again when it changes.",
            holding: "a file with certificates in PEM", PEM.certificates)
        let key = section.file(
            "key", unset: "required", "The certificate's private key. Read again when it changes.",
            holding: "a file with a private key in PEM", isSecret: true, PEM.privateKey)
        var tls = Self(certificate: certificate?.path ?? "", key: key?.path ?? "")
        tls.clients =
            section.section("clients", unset: "no certificate is asked for", "Whether clients show certificates.") {
                Clients.read($0)
            } ?? tls.clients
        return tls
    }
}

extension ListenerConfiguration.TLS.Clients {
    fileprivate static func read(_ section: SectionReader) -> Self {
        var clients = Self()
        clients.verify = section.choice(
            "verify", default: clients.verify,
            "`required`: a client without a certificate that `trust` vouches for is not spoken to; `optional`: one without any is spoken to as nobody."
        )
        clients.trust =
            section.file(
                "trust", unset: "none", "Who may vouch for clients. Each of them may name any client.",
                holding: "a file with certificates in PEM", PEM.certificates)?.path
        let verify = section.fullName("verify")
        if clients.verify == .off {
            section.refuse(["trust"], because: "unless \(verify) is required or optional")
        } else if !section.has("trust") {
            section.mistake("verify", "\(verify) is \(clients.verify), but \(section.fullName("trust")) is missing")
        }
        return clients
    }
}

extension AdminConfiguration {
    fileprivate static func read(_ section: SectionReader) -> AdminConfiguration {
        var admin = AdminConfiguration()
        admin.address =
            section.text(
                "address", "address", allowed: GatewayConfiguration.Address.allowed,
                unset: "\(admin.address)",
                "Where the control plane listens. Anywhere but on loopback it needs a token.",
                GatewayConfiguration.Address.init(words:)) ?? admin.address
        admin.token =
            section.file(
                "tokenFile", unset: "none",
                "A file with what whoever asks must present (`Authorization: Bearer …`): 16 to 4096 visible characters.",
                holding: "a file with a token of 16 to 4096 visible characters, and nothing else", isSecret: true,
                SecretText.token)?.content
        section.check(admin.validate)
        return admin
    }
}

extension StoreConfiguration {
    fileprivate static func read(_ section: SectionReader) -> StoreConfiguration {
        var store = StoreConfiguration()
        var isPasswordInFile = false
        let given = section.value(
            "location", .init("location", StoreLocation.allowed, allowed: StoreLocation.allowed),
            initial: "\(store.location)", isSecret: true,
            "Where claims and outcomes are kept: for several gateways that share their keys, a server. Where neither it nor `locationFile` is given, the environment's `HOLDFAST_STORE` counts."
        ) { scalar throws(ConfigurationError) -> StoreLocation? in
            let location = try StoreLocation.read(scalar.text)
            isPasswordInFile = location?.isPasswordWritten(scalar.variables, section.report.environment) ?? false
            return location
        }
        let inFile = section.file(
            "locationFile", unset: "none",
            "A file with the location, for one with a password in it.",
            holding: "a file with a location: \(StoreLocation.allowed)", isSecret: true
        ) { bytes throws(ConfigurationError) in
            try SecretText.line(bytes).flatMap { text throws(ConfigurationError) in try StoreLocation.read(text) }
        }
        if section.has("location") { section.refuse(["locationFile"], because: "beside location") }
        store.location = inFile?.content ?? given ?? store.location
        store.readEnvironment(section)
        store.checkSecrets(section, isPasswordInFile: isPasswordInFile)
        store.maximumKeys = section.integer(
            "maximumKeys", in: 1...1_000_000_000_000, unset: "10000000, or 1000000 in memory",
            "The most keys that the store may hold. Beyond it new keys are refused, and known ones are answered.")
        store.maximumBytes = section.size(
            "maximumBytes", in: 1...(1 << 50), unset: "8 GiB, or 256 MiB in memory",
            "The most bytes of outcomes that the store may hold. Beyond it the same holds, and outcomes that come are given and not kept."
        )
        var numbers: Set<UInt32> = []
        store.encryptionKeys = section.list(
            "encryptionKeys", count: 0...16, unset: "none: outcomes are kept as they are",
            "What outcomes are encrypted under (AES-256-GCM): the first writes, all read. Rotate by putting a new one first."
        ) { key in
            let number = key.integer(
                "number", in: 0...Int(UInt32.max), unset: "required",
                "What the key is called in each outcome that it has sealed. Never give it to another.")
            let file = key.file(
                "file", unset: "required", "A file with 32 bytes in Base64, and nothing else.",
                holding: "a file with 32 bytes in Base64, and nothing else", isSecret: true, SecretText.encryptionKey)
            let named = UInt32(number ?? 0)
            if number != nil, !numbers.insert(named).inserted {
                key.mistake("number", "\(key.fullName("number")) is \(named), but must be used once")
            }
            if let file, number != nil {
                key.check { () throws(ConfigurationError) in
                    key.report.sealingKeys.append(try PayloadSeal.Key(named, bytes: file.content))
                }
            }
            return EncryptionKey(number: named, file: file?.path ?? "")
        }
        return store
    }
}

extension StoreConfiguration {
    /// What counts where the file has no such section.
    fileprivate static func unset(_ file: SectionReader) -> StoreConfiguration {
        var store = StoreConfiguration()
        store.readEnvironment(file)
        store.checkSecrets(file, isPasswordInFile: false)
        return store
    }

    /// What the environment says, where the file says nothing.
    private mutating func readEnvironment(_ section: SectionReader) {
        guard !section.isDescribing, !section.has("location"), !section.has("locationFile") else { return }
        do throws(ConfigurationError) {
            location = try StoreLocation.inEnvironment(section.report.environment) ?? location
        } catch {
            section.report.mistake(section.mark, "\(error)")
        }
    }

    /// - Parameter isPasswordInFile: Whether the location's password stands in the configuration file itself.
    private func checkSecrets(_ section: SectionReader, isPasswordInFile: Bool) {
        guard !section.isDescribing else { return }
        if isPasswordInFile, let fault = FilePrivacy(ofFileAt: section.report.file)?.fault {
            let name = section.fullName("location")
            section.mistake(
                "location",
                "\(name) has a password in it, so \(section.report.file) must be a file \(fault), or have locationFile instead"
            )
        }
        let mark = section.mark(of: section.has("locationFile") ? "locationFile" : "location")
        for warning in location.warnings(section.report.environment) { section.report.warning(mark, warning) }
        if case .sqlite(let path) = location { section.tellOfFolder(of: path, mark, "the store cannot be opened") }
    }
}
#endif
