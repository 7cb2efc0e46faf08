#if Gateway
import Holdfast
import HoldfastTLS

extension ServiceConfiguration {
    static func read(_ name: String, _ section: SectionReader) -> Placed<ServiceConfiguration> {
        if !section.isDescribing, !isName(name) {
            section.mistake(nil, "the service's name is \(shown(name)), but must be \(nameAllowed)")
        }
        let url = SectionReader.Kind("address", "", allowed: "http://HOST[:PORT] or https://HOST[:PORT]")
        let endpoints = section.values(
            "endpoints", count: 1...1_000, of: url, unset: "required",
            "Where the service is found. A name is looked up, and each address behind it is an endpoint."
        ) { Endpoint(words: $0.text) }
        var service = ServiceConfiguration(name: name, endpoints: endpoints ?? [])
        service.tls =
            section.section(
                "tls", unset: "checked with the system's certificates", "For endpoints with `https`.", TLS.read)
            ?? service.tls
        service.breaker =
            section.section("breaker", unset: "as below", "The breaker of each endpoint.") {
                CircuitBreakerConfiguration.read($0, default: service.breaker)
            } ?? service.breaker
        let off = SectionReader.Kind("choice", "off", allowed: "off")
        let initial = service.serviceBreaker ?? CircuitBreakerConfiguration()
        let whole: CircuitBreakerConfiguration?? = section.section(
            "serviceBreaker", or: off, unset: "80% of at least 20 calls in 10s fail; 5s to 1m",
            "The breaker of the service as a whole, in front of its endpoints'. Trips when most endpoints fail.",
            value: { scalar -> CircuitBreakerConfiguration?? in scalar.text == "off" ? .some(nil) : .none },
            { CircuitBreakerConfiguration.read($0, default: initial) })
        if let whole { service.serviceBreaker = whole }
        service.evidence = section.choice(
            "evidence", of: ServiceConfiguration.Evidence.allCases.map { ($0.rawValue, $0) },
            unset: "callers; each, where a breaker's `consecutiveFailures` is given",
            "Whose failures count for both breakers. `callers`: a connection that cannot be made counts by itself; what a request may have provoked (5xx, no answer, 429) counts towards shares and not in a row, while 3 callers meet it, or all, where there are fewer. `each`: every failure, so that one caller can open the breaker for all."
        )
        service.maximumEjected = section.share(
            "maximumEjected", default: service.maximumEjected, in: 0...1,
            "The share of endpoints that may be left out at once, rounded down, but at least one. Beyond it they are called."
        )
        service.healthCheck = section.section(
            "healthCheck", unset: "none", "What is asked of each endpoint, whether it has calls or not.",
            HealthCheck.read)
        service.resolveInterval = section.duration(
            "resolveInterval", default: service.resolveInterval, in: .seconds(1) ... .seconds(3_600),
            "How often names are looked up again. When that fails, the addresses before it stay.")
        service.connections = section.integer(
            "connections", default: service.connections, in: 1...100_000,
            "The most connections to one endpoint, of all the gateway's event loops. What would need one more goes elsewhere."
        )
        service.connectTimeout = section.duration(
            "connectTimeout", default: service.connectTimeout, in: GatewayConfiguration.times,
            "For a connection to be made; never longer than the attempt.")
        service.exactPaths = section.flag(
            "exactPaths", default: service.exactPaths,
            "Whether it tells paths apart byte by byte. Otherwise a request is refused whose path is one route's as it is spelled and another's as some services read it: in lower case, without empty segments, `;` and what follows it, or a slash at the end, and with `%2F` for a slash."
        )
        service.methodOverride = section.flag(
            "methodOverride", default: service.methodOverride,
            "Whether it does what `X-HTTP-Method-Override` and its kin say in the place of a POST's method. Otherwise a request is refused in which such a field says another method than it has. Routes, retries and limits take it for a POST all the same."
        )
        service.budget =
            section.section(
                "budget", unset: "as below",
                "What the retries and hedges of all its callers draw on together, unless a route has a budget of its own.",
                RetryBudgetConfiguration.read) ?? service.budget
        service.forwarded = section.flag(
            "forwarded", default: service.forwarded,
            "Whether it is told in `Forwarded` (RFC 7239) too where a request comes from, beside `X-Forwarded-For`, `-Proto` and `-Host`."
        )
        service.via = section.flag(
            "via", default: service.via,
            "Whether it is told in `Via` who has passed a request on. Of those that compress nothing then, nginx does with `gzip_proxied any`."
        )
        section.check(service.validate)
        section.tryCertificates(service.tls)
        return Placed(value: service, section: section)
    }

    static let nameAllowed = "1 to 64 letters, digits, '-', '_' and '.'"

    /// What logs and metrics can call something by.
    static func isName(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20) || "-_.".utf8.contains(byte)
            }
    }
}

extension ServiceConfiguration.TLS {
    fileprivate static func read(_ section: SectionReader) -> Self {
        var tls = Self()
        tls.trust =
            section.file(
                "trust", unset: "the system's certificates", "Certificates that are trusted.",
                holding: "a file with certificates in PEM", PEM.certificates)?.path
        tls.name = section.text(
            "name", "name", allowed: Self.nameAllowed, unset: "the endpoint's",
            "The name or the IP address that a certificate must be for, in its subjectAltName; nothing else counts. A name is asked for in the handshake too.",
            { ServiceName($0) == nil ? nil : $0 })
        tls.verifies = section.flag(
            "verify", default: tls.verifies,
            "Whether certificates are checked at all. Without, anybody in between can answer.")
        tls.certificate =
            section.file(
                "certificate", unset: "none",
                "What the service is shown if it asks, followed by those that vouch for it. Read again when it changes.",
                holding: "a file with certificates in PEM", PEM.certificates)?.path
        tls.key =
            section.file(
                "key", unset: "none", "The certificate's private key. Read again when it changes.",
                holding: "a file with a private key in PEM", isSecret: true, PEM.privateKey)?.path
        for (one, other) in [("certificate", "key"), ("key", "certificate")]
        where section.has(one) && !section.has(other) {
            section.mistake(one, "\(section.fullName(one)) is given, but \(section.fullName(other)) is missing")
        }
        tls.ciphers = section.choice(
            "ciphers", default: tls.ciphers,
            "What TLS 1.2 may encrypt with: `modern` is ECDHE with AES-GCM or ChaCha20-Poly1305; `compatible` is more, for a service that has none of those, and whoever steals its key later reads all that was said."
        )
        return tls
    }
}

extension ServiceConfiguration.HealthCheck {
    fileprivate static func read(_ section: SectionReader) -> Self {
        var check = Self()
        check.path =
            section.text(
                "path", "path", allowed: "a path that begins with '/', of visible characters", unset: check.path,
                "The path of a GET that answers 200 to 299 when the endpoint is well."
            ) { path in
                path.hasPrefix("/") && path.utf8.count <= 1_024 && path.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
                    ? path : nil
            } ?? check.path
        check.interval = section.duration(
            "interval", default: check.interval, in: .milliseconds(100) ... .seconds(3_600),
            "How often, with a tenth of jitter.")
        check.timeout = section.duration(
            "timeout", default: check.timeout, in: GatewayConfiguration.times, "For the answer.")
        check.unhealthyAfter = section.integer(
            "unhealthyAfter", default: check.unhealthyAfter, in: 1...100,
            "How many checks in a row must fail before the endpoint is left out.")
        check.healthyAfter = section.integer(
            "healthyAfter", default: check.healthyAfter, in: 1...100,
            "How many in a row must succeed before it is called again.")
        return check
    }
}

/// Names of hosts, as `Host` and certificates have them.
enum HostName {
    static func isName(_ text: String) -> Bool {
        (1...253).contains(text.utf8.count)
            && text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
                (1...63).contains(label.utf8.count)
                    && label.utf8.allSatisfy { byte in
                        (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20) || "-_".utf8.contains(byte)
                    }
            }
    }

    /// A field's name, RFC 9110.
    static func isToken(_ text: String) -> Bool {
        (1...256).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20)
                    || "!#$%&'*+-.^_`|~".utf8.contains(byte)
            }
    }
}
#endif
