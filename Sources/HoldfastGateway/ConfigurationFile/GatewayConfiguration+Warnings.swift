#if Gateway
import Holdfast
import Yams

// What a file says in so many words, and what will surprise whoever has written it: that something does nothing, or less
// than it says, or that nobody is kept from something. What is only a default is not warned of.

extension GatewayConfiguration {
    /// Keys that every request must have, in a store that forgets them.
    func tellOfMemory(in file: SectionReader) {
        let names = routes.filter { $0.idempotency.keys == .required }.map { shown($0.name) }
        guard case .memory = store.location, !names.isEmpty else { return }
        file.report.warning(
            file.place(of: "store", "location") ?? file.mark(of: "store"),
            "the store is memory, which a restart empties, but \(names.count == 1 ? "route" : "routes") \(listed(Array(names.prefix(8)))) must have keys: what was executed before is executed again"
        )
    }
}

extension ServiceConfiguration {
    /// What is said of a service, with where.
    func tell(in section: SectionReader) {
        if !tls.verifies, endpoints.contains(where: \.usesTLS) {
            section.report.warning(
                section.place(of: "tls", "verify") ?? section.mark(of: "tls"),
                "\(section.fullName("tls")).verify is false: whoever stands between can answer in the service's place, and read what is sent to it; name who vouches for it in tls.trust"
            )
        }
        if let check = healthCheck, check.timeout > check.interval {
            section.report.warning(
                section.place(of: "healthCheck", "timeout") ?? section.mark(of: "healthCheck"),
                "\(section.fullName("healthCheck")).timeout is \(check.timeout.words), but interval is \(check.interval.words): an endpoint that hangs is found out later than interval says"
            )
        }
    }
}

extension RouteConfiguration {
    /// What is said of a route, with where.
    func tell(in section: SectionReader) {
        func warn(_ place: [String], _ words: String) {
            let mark = section.place(of: place) ?? section.mark(of: place[0])
            section.report.warning(mark, "route \(shown(name)): \(words)")
        }
        if section.has("retry"), retry.attempts > 1, sendsOnce {
            warn(
                ["retry", "attempts"],
                "retry does little: \(listed(match.methods.sorted())) may not be sent twice, unless the service recognises keys (idempotency.honouredByService), so only what was not sent is tried again"
            )
        }
        if section.has("hedge"), !sendsOnce, let hedge, hedge.leastDelay >= min(deadline, attemptTimeout) {
            let limit = min(deadline, attemptTimeout)
            warn(
                ["hedge", "after"],
                "hedge does nothing: an attempt ends after \(limit.words), and a hedge would come after \(hedge.leastDelay.words)"
            )
        }
        if case .ratio(let rule)? = budget?.rule, rule.ratio == 0, rule.reservePerSecond == 0,
            retry.attempts > 1 || hedge != nil
        {
            warn(["budget"], "retry and hedge do nothing: the budget is 0")
        }
        if section.has("idempotency"), idempotency.keys == .optional, !match.methods.isEmpty,
            match.methods.isDisjoint(with: idempotency.keyedMethods)
        {
            warn(
                ["idempotency", "keys"],
                "idempotency does nothing: requests of \(listed(match.methods.sorted())) have no keys")
        }
        if section.place(of: "idempotency", "wait") != nil, idempotency.keys != .off, idempotency.wait > deadline {
            warn(
                ["idempotency", "wait"],
                "idempotency.wait is \(idempotency.wait.words), but the deadline is \(deadline.words): a duplicate waits no longer than that"
            )
        }
        if caller == .address, idempotency.keys != .off {
            warn(
                ["caller"],
                "callers are told apart by address, and keys are on: all who share one (an office, a mobile network) are one caller, and read one another's replays; and what a client repeats from another address is executed again"
            )
        }
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
