#if Gateway
import Holdfast
import HoldfastHTTP
import Yams

// What a file can say and hardly mean, told before it runs: what names nobody, is bound twice, calls itself, or does nothing.

extension GatewayConfiguration {
    /// Whether routes tell callers apart. What makes all of them one is refused.
    func tellOfCallers(_ routes: [Placed<RouteConfiguration>], in file: SectionReader) {
        guard !file.isDescribing else { return }
        for fault in callerFaults {
            let section = routes[fault.route].section
            let mark = section.mark(of: fault.option.split(separator: ".").first.map(String.init) ?? "")
            fault.isOfAll ? file.report.mistake(mark, fault.words) : file.report.warning(mark, fault.words)
        }
    }

    /// Whether each address is listened on once.
    func tellOfAddresses(_ listeners: [Placed<ListenerConfiguration>], in file: SectionReader) {
        guard !file.isDescribing else { return }
        for (place, listener) in listeners.enumerated() {
            let (address, section) = (listener.value.address, listener.section)
            if let first = listeners[..<place].first(where: { address.overlaps($0.value.address) }) {
                let line = first.mark.map { " (line \($0.line))" } ?? ""
                section.mistake(
                    "address",
                    "\(section.fullName("address")) is \(address), but \(first.value.address)\(line) takes it too: it must be used once"
                )
            } else if address.overlaps(admin.address) {
                section.mistake(
                    "address",
                    "\(section.fullName("address")) is \(address), but the control plane listens on \(admin.address): it must be another"
                )
            }
        }
    }

    /// What does nothing, or calls the gateway itself.
    func tellOfDoubts(
        _ services: [Placed<ServiceConfiguration>], _ routes: [Placed<RouteConfiguration>], in file: SectionReader
    ) {
        guard !file.isDescribing else { return }
        if logsIntoStore {
            file.report.mistake(
                file.place(of: "accessLog", "path") ?? file.mark(of: "accessLog"),
                "accessLog.path is a file of the store: each line would be written into it")
        }
        for service in services {
            for endpoint in service.value.endpoints {
                guard let own = ownAddress(takenBy: endpoint) else { continue }
                service.section.mistake(
                    "endpoints",
                    "\(service.section.fullName("endpoints")) has \(endpoint), which is this gateway itself (\(own)): each request would go in a circle"
                )
            }
        }
        func section(_ subject: ConfigurationDoubt.Subject) -> SectionReader {
            switch subject {
            case .file: file
            case .service(let place): services[place].section
            case .route(let place): routes[place].section
            }
        }
        let names = OptionNames(
            gives: { section($0).place(of: $1) != nil },
            called: { subject, path in
                let option = path.joined(separator: ".")
                return if case .route = subject { option } else { section(subject).fullName(option) }
            })
        for doubt in doubts(names) {
            let section = section(doubt.subject)
            let isWhole = doubt.path.isEmpty
            let mark = isWhole ? section.mark : section.place(of: doubt.path) ?? section.mark(of: doubt.path[0])
            file.report.warning(mark, doubt.words(routes.map(\.value)))
        }
    }
}

extension RouteConfiguration {
    /// Methods that may be sent again by themselves (RFC 9110, section 9.2.2).
    private static let repeatable: Set<String> = ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]

    /// Whether none of its requests may be sent again once it has been sent.
    package var sendsOnce: Bool {
        guard !match.methods.isEmpty, match.methods.isDisjoint(with: Self.repeatable) else { return false }
        return !repeatsKeyed
    }

    /// Whether a request with a key may be sent again, whatever its method.
    package var repeatsKeyed: Bool {
        idempotency.keys != .off && hasKeyedMethods && idempotency.isHonouredByService
    }

    /// Whether any of its requests may have a key.
    package var hasKeyedMethods: Bool {
        match.methods.isEmpty || !match.methods.isDisjoint(with: idempotency.keyedMethods)
    }

    /// Those of its methods whose requests may not be sent again by themselves: of a route of any method, those that are
    /// met most.
    package var methodsSentOnce: [String] {
        match.methods.isEmpty ? ["PATCH", "POST"] : match.methods.subtracting(Self.repeatable).sorted()
    }

    /// What does nothing, or not what it says, with the option that it is about.
    var ownDoubts: [(option: String, words: String)] {
        var doubts: [(option: String, words: String)] = []
        let methods = listed(match.methods.sorted())
        let mayHaveKeys = hasKeyedMethods
        if idempotency.keys == .required, !mayHaveKeys {
            doubts.append(
                (
                    "idempotency",
                    "keys are required, but requests of \(methods) have none: name them in idempotency.methods, or leave it out"
                ))
        }
        if idempotency.keys != .off, mayHaveKeys, let bodyLimit, bodyLimit > keptBytes {
            doubts.append(
                (
                    "bodyLimit",
                    "bodyLimit is \(sizeWords(bodyLimit)), but a request with a key is kept whole to be compared, up to keptBytes, \(sizeWords(keptBytes)): a larger one gets 413"
                ))
        }
        if hedge != nil, sendsOnce {
            doubts.append(
                (
                    "hedge",
                    "hedge does nothing: \(methods) may not be sent twice, unless the service recognises keys (idempotency.honouredByService)"
                ))
        }
        let both = idempotency.scopeFields.intersection(idempotency.fingerprintFields)
        if !both.isEmpty {
            doubts.append(
                (
                    "idempotency",
                    "\(listed(both.sorted())) is in scopeFields and in fingerprintFields: with another value it is another key already, and none is refused"
                ))
        }
        return doubts
    }
}
#endif
