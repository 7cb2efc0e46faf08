#if Gateway
import Holdfast
import Yams

// What somebody says in so many words, in a file or on the command line, and what will surprise him: that something does
// nothing, or less than it says, or that nobody is kept from something. What is only a default is not warned of.

/// Something that is allowed, and hardly meant.
package struct ConfigurationDoubt {
    /// What it is about.
    package enum Subject: Hashable {
        case file
        case service(Int)
        case route(Int)
    }

    let subject: Subject
    /// The option in it, and in that; empty for the whole.
    let path: [String]
    private let text: String

    init(_ subject: Subject, _ path: [String], _ text: String) {
        (self.subject, self.path, self.text) = (subject, path, text)
    }

    /// In words. Where there is but one route, nobody has to be told which.
    package func words(_ routes: [RouteConfiguration] = []) -> String {
        guard case .route(let place) = subject, routes.indices.contains(place) else { return text }
        return "route \(shown(routes[place].name)): \(text)"
    }
}

/// What options are called where they were given, and which were: by a file, or by the command line.
package struct OptionNames {
    let gives: (_ subject: ConfigurationDoubt.Subject, _ path: [String]) -> Bool
    let called: (_ subject: ConfigurationDoubt.Subject, _ path: [String]) -> String

    package init(
        gives: @escaping (ConfigurationDoubt.Subject, [String]) -> Bool,
        called: @escaping (ConfigurationDoubt.Subject, [String]) -> String
    ) {
        (self.gives, self.called) = (gives, called)
    }
}

extension GatewayConfiguration {
    /// What is to be known before it runs.
    package func doubts(_ names: OptionNames) -> [ConfigurationDoubt] {
        var doubts = ofMemory.map { [$0] } ?? []
        for (place, service) in services.enumerated() {
            doubts += service.doubts(.service(place), names)
        }
        for (place, route) in routes.enumerated() {
            doubts += route.doubts(.route(place), names)
            doubts += route.ownDoubts.map { ConfigurationDoubt(.route(place), [$0.option], $0.words) }
            let room = KeptRoom.ofRequests(keptBytes, length: route.keptBytes)
            if route.keptBytes > room {
                doubts.append(
                    ConfigurationDoubt(
                        .route(place), [],
                        "it keeps up to \(sizeWords(route.keptBytes)) of a request, but limits.keptBytes leaves one at most \(sizeWords(room))"
                    ))
            }
        }
        return doubts
    }

    /// Keys that every request must have, in a store that forgets them.
    private var ofMemory: ConfigurationDoubt? {
        let names = routes.filter { $0.idempotency.keys == .required }.map { shown($0.name) }
        guard case .memory = store.location, !names.isEmpty else { return nil }
        return ConfigurationDoubt(
            .file, ["store", "location"],
            "the store is memory, which a restart empties, but \(names.count == 1 ? "route" : "routes") \(listed(Array(names.prefix(8)))) must have keys: what was executed before is executed again"
        )
    }
}

extension ServiceConfiguration {
    fileprivate func doubts(_ subject: ConfigurationDoubt.Subject, _ names: OptionNames) -> [ConfigurationDoubt] {
        var doubts: [ConfigurationDoubt] = []
        func doubt(_ path: [String], _ words: String) { doubts.append(ConfigurationDoubt(subject, path, words)) }
        var seen: [Endpoint: Endpoint] = [:]
        for endpoint in endpoints {
            let plain = Endpoint(address: endpoint.address.canonical, usesTLS: endpoint.usesTLS)
            guard let first = seen[plain] else {
                seen[plain] = endpoint
                continue
            }
            let option = names.called(subject, ["endpoints"])
            doubt(
                ["endpoints"],
                first == endpoint
                    ? "\(option) has \(endpoint) twice" : "\(option) has \(endpoint), which is \(first) again")
        }
        if !tls.verifies, endpoints.contains(where: \.usesTLS) {
            doubt(
                ["tls", "verify"],
                "\(names.called(subject, ["tls", "verify"])) is false: whoever stands between can answer in the service's place, and read what is sent to it; name who vouches for it in tls.trust"
            )
        }
        if tls != TLS(), !endpoints.isEmpty, !endpoints.contains(where: \.usesTLS) {
            doubt(
                ["tls"], "\(names.called(subject, ["tls"])) does nothing: none of the endpoints begins with https://")
        }
        if let check = healthCheck, check.timeout > check.interval {
            doubt(
                ["healthCheck", "timeout"],
                "\(names.called(subject, ["healthCheck", "timeout"])) is \(check.timeout.words), but interval is \(check.interval.words): an endpoint that hangs is found out later than interval says"
            )
        }
        return doubts
    }
}

extension RouteConfiguration {
    fileprivate func doubts(_ subject: ConfigurationDoubt.Subject, _ names: OptionNames) -> [ConfigurationDoubt] {
        var doubts: [ConfigurationDoubt] = []
        func doubt(_ path: [String], _ words: String) { doubts.append(ConfigurationDoubt(subject, path, words)) }
        let methods = listed(match.methods.sorted())
        if names.gives(subject, ["retry"]), retry.attempts > 1, sendsOnce {
            doubt(
                ["retry", "attempts"],
                "retry does little: \(methods) may not be sent twice, unless the service recognises keys (idempotency.honouredByService), so only what was not sent is tried again"
            )
        }
        if names.gives(subject, ["hedge"]), !sendsOnce, let hedge, hedge.leastDelay >= min(deadline, attemptTimeout) {
            let limit = min(deadline, attemptTimeout)
            doubt(
                ["hedge", "after"],
                "hedge does nothing: an attempt ends after \(limit.words), and a hedge would come after \(hedge.leastDelay.words)"
            )
        }
        if case .ratio(let rule)? = budget?.rule, rule.ratio == 0, rule.reservePerSecond == 0,
            retry.attempts > 1 || hedge != nil
        {
            doubt(["budget"], "retry and hedge do nothing: the budget is 0")
        }
        if names.gives(subject, ["idempotency"]), idempotency.keys == .optional, !match.methods.isEmpty,
            match.methods.isDisjoint(with: idempotency.keyedMethods)
        {
            doubt(["idempotency", "keys"], "idempotency does nothing: requests of \(methods) have no keys")
        }
        if names.gives(subject, ["idempotency", "wait"]), idempotency.keys != .off, idempotency.wait > deadline {
            let wait = names.called(subject, ["idempotency", "wait"])
            doubt(
                ["idempotency", "wait"],
                "\(wait) is \(idempotency.wait.words), but the deadline is \(deadline.words): a duplicate waits no longer than that"
            )
        }
        if caller == .address, idempotency.keys != .off {
            doubt(
                ["caller"],
                "callers are told apart by address, and keys are on: all who share one (an office, a mobile network) are one caller, and read one another's replays; and what a client repeats from another address is executed again"
            )
        }
        return doubts
    }
}

extension HedgeConfiguration {
    /// The least that is certain of its delay: an observed one may become anything once enough was seen.
    fileprivate var leastDelay: Duration {
        switch delay {
        case .fixed(let time): time
        case .observed: .zero
        }
    }
}

extension SectionReader {
    /// Where an option of a section within this one is; nil where the file does not give it.
    func place(of names: String...) -> Mark? { place(of: names) }

    func place(of names: [String]) -> Mark? {
        guard let first = names.first, var node = entries.first(where: { $0.name == first })?.value else { return nil }
        for name in names.dropFirst() {
            guard case .mapping(let mapping) = node, let next = mapping.first(where: { $0.key.scalar?.string == name })
            else { return nil }
            node = next.value
        }
        return node.mark
    }

    /// Whether a file that the gateway writes can be where it is to be. The folder must be there, as any file that is named
    /// must; whether this process may write there is another question, since the gateway may run as another user.
    ///
    /// - Parameter isAlone: Whether nothing else is written beside it.
    func tellOfFolder(of path: String, _ mark: Mark?, _ consequence: String, isAlone: Bool = false) {
        if let fault = MissingFolder.fault(ofFile: path) {
            report.mistake(mark, "\(consequence): \(fault)")
        } else if let fault = MissingFolder.fault(ofFile: path, isWritten: true, isAlone: isAlone) {
            report.warning(mark, "\(consequence): \(fault)")
        }
    }
}
#endif
