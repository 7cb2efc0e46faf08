#if Gateway
/// A configuration that cannot be taken while the gateway runs: all the options in it that need a restart.
public struct RestartRequired: Error, Sendable, Hashable, CustomStringConvertible {
    /// At least one, as the configuration file calls them: `listeners[0].address`, `limits.keysPerCaller`.
    public let options: [String]

    init(options: [String]) { self.options = options }

    public var description: String {
        "\(listed(options)) \(options.count == 1 ? "has another value" : "have other values"), which needs a restart"
    }
}

extension GatewayConfiguration {
    /// The options that need a restart and are not what they were.
    func restartOptions(changedTo next: GatewayConfiguration) -> [String] {
        listeners.changes(to: next.listeners) + admin.changes(to: next.admin) + store.changes(to: next.store)
            + logChanges(to: next)
            + Self.names(
                "",
                ("threads", threads == next.threads),
                ("limits.keysPerCaller", keysPerCaller == next.keysPerCaller),
                ("limits.bytesPerCaller", bytesPerCaller == next.bytesPerCaller),
                ("limits.keysPerAddress", keysPerAddress == next.keysPerAddress),
                ("limits.bytesPerAddress", bytesPerAddress == next.bytesPerAddress),
                ("limits.refusedRetention", refusedRetention == next.refusedRetention))
    }

    private func logChanges(to next: GatewayConfiguration) -> [String] {
        var changes = Self.names(
            "log", ("level", logLevel == next.logLevel), ("format", logFormat == next.logFormat))
        guard accessLog != next.accessLog else { return changes }
        guard let log = accessLog, let other = next.accessLog else { return changes + ["accessLog"] }
        changes += Self.names(
            "accessLog", isSame: false, ("path", log.path == other.path), ("sample", log.sample == other.sample),
            ("begins", log.begins == other.begins), ("rejections", log.rejections == other.rejections),
            ("rejectionsPerSecond", log.rejectionsPerSecond == other.rejectionsPerSecond),
            ("replays", log.replays == other.replays))
        return changes
    }

    /// Those that are not the same; the section where it differs in what is none of them.
    fileprivate static func names(
        _ section: String, isSame: Bool = true, _ options: (name: String, isSame: Bool)...
    ) -> [String] {
        let changed = options.filter { !$0.isSame }.map { section.isEmpty ? $0.name : "\(section).\($0.name)" }
        return changed.isEmpty && !isSame ? [section] : changed
    }
}

extension [ListenerConfiguration] {
    fileprivate func changes(to next: [ListenerConfiguration]) -> [String] {
        guard count == next.count else { return ["listeners"] }
        return zip(self, next).enumerated().flatMap { place, pair in
            let (one, other) = pair
            return GatewayConfiguration.names(
                "listeners[\(place)]", isSame: one == other, ("address", one.address == other.address),
                ("tls", one.tls == other.tls), ("http2", one.http2 == other.http2),
                ("streams", one.streams == other.streams), ("trusted", one.trusted == other.trusted),
                ("trustedFields", one.trustedFields == other.trustedFields),
                ("lineageFrom", one.lineageFrom == other.lineageFrom),
                ("proxyProtocol", one.proxyProtocol == other.proxyProtocol))
        }
    }
}

extension AdminConfiguration {
    fileprivate func changes(to next: AdminConfiguration) -> [String] {
        GatewayConfiguration.names(
            "admin", isSame: self == next, ("address", address == next.address), ("tokenFile", token == next.token))
    }
}

extension StoreConfiguration {
    fileprivate func changes(to next: StoreConfiguration) -> [String] {
        GatewayConfiguration.names(
            "store", isSame: self == next, ("location", location == next.location),
            ("encryptionKeys", encryptionKeys == next.encryptionKeys), ("maximumKeys", maximumKeys == next.maximumKeys),
            ("maximumBytes", maximumBytes == next.maximumBytes))
    }
}
#endif
