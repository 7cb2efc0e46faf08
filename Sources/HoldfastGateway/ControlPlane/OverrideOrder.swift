#if Gateway
import Holdfast
import Logging

/// What the control plane is told to set at run time: the body of `POST /api/admin/endpoints`, `/breakers` and `/log`.
/// A member that does not belong to the request is refused.
public struct OverrideOrder: Codable, Sendable {
    /// The service, as the configuration calls it.
    public var service: String?
    /// The endpoint, as `GET /api/state` calls it, or its `HOST:PORT` in the configuration, which means every address behind
    /// it. A breaker without it is the service's own.
    public var endpoint: String?
    /// For endpoints `drain`, `undrain`, `disable`, `enable`, `weight`; for breakers `isolate`, `release`, `reset`; for the
    /// log `level`, `reset`.
    public var action: String?
    /// With `weight`: in percent of an equal share, 1 to 1,000; 100 is the usual one.
    public var weight: Int?
    /// With `level`: `trace`, `debug`, `info`, `notice`, `warning`, `error` or `critical`.
    public var level: String?
    /// Why: 1 to 256 bytes, without control characters.
    public var reason: String?
    /// Who: 1 to 64 bytes, without control characters. Default: whoever holds the token.
    public var by: String?
    /// How long it counts, such as `10m`: 1 s to 30 d. Default: until it is taken back.
    public var `for`: String?

    public init(
        service: String? = nil, endpoint: String? = nil, action: String? = nil, weight: Int? = nil,
        level: String? = nil, reason: String? = nil, by: String? = nil, for time: String? = nil
    ) {
        self.service = service
        self.endpoint = endpoint
        self.action = action
        self.weight = weight
        self.level = level
        self.reason = reason
        self.by = by
        self.for = time
    }
}

/// What is set at run time, as `GET /api/admin` shows it. Times are the gateway's, in ISO 8601, for people.
public struct OverrideList: Codable, Sendable {
    public struct Override: Codable, Sendable, Equatable {
        /// Both are nil for the log.
        public let service: String?
        /// nil for a service's own breaker.
        public let endpoint: String?
        /// `drained`, `disabled`, `weight`, `isolated` or `level`.
        public let what: String
        public let weight: Int?
        public let level: String?
        public let by: String
        /// The address that the request came from.
        public let from: String
        public let reason: String
        public let at: String
        /// When it ends by itself; nil where it does not.
        public let until: String?
    }

    /// What was done, or has ended by itself.
    public struct Event: Codable, Sendable, Equatable {
        /// The action, or `ended` (its time was over), or `gone` (a reload has taken its endpoint or service away).
        public let action: String
        public let service: String?
        public let endpoint: String?
        public let weight: Int?
        public let level: String?
        public let by: String
        public let from: String
        public let reason: String
        public let at: String
    }

    /// In the order in which they were set.
    public let overrides: [Override]
    /// The latest 100, the oldest first. They live as long as the process.
    public let events: [Event]
    /// What the log's level is now, and what it is without an override.
    public let level: String
    public let usualLevel: String

    init(_ overrides: Overrides) {
        self.overrides = overrides.overrides.map { Override($0) }
        events = overrides.events.map { Event($0) }
        level = overrides.level.current.rawValue
        usualLevel = overrides.level.usual.rawValue
    }
}

extension OverrideList.Override {
    init(_ override: OverridesMachine.Override) {
        service = override.target.service
        endpoint = override.target.endpoint
        what = override.value.name
        weight = override.value.weight
        level = override.value.level
        (by, from, reason) = (override.note.by, override.note.from, override.note.reason)
        (at, until) = (override.note.at, override.note.until)
    }
}

extension OverrideList.Event {
    fileprivate init(_ event: OverridesMachine.Event) {
        action = event.word
        service = event.target.service
        endpoint = event.target.endpoint
        weight = event.value?.weight
        level = event.value?.level
        (by, from, reason, at) = (event.note.by, event.note.from, event.note.reason, event.note.at)
    }
}

extension OverridesMachine.Value {
    fileprivate var weight: Int? { if case .weight(let weight) = self { weight } else { nil } }
    fileprivate var level: String? { if case .level(let level) = self { level } else { nil } }
}

// MARK: What an order means

extension OverrideOrder {
    static let times: ClosedRange<Duration> = .seconds(1) ... .seconds(30 * 86_400)

    /// What an order is about: which members belong to it.
    enum Subject: Sendable {
        case endpoint, breaker, log

        fileprivate var actions: [String] {
            switch self {
            case .endpoint: ["drain", "undrain", "disable", "enable", "weight"]
            case .breaker: ["isolate", "release", "reset"]
            case .log: ["level", "reset"]
            }
        }
    }

    /// An order that says what it must, and nothing that does not belong to it.
    struct Read: Sendable, Equatable {
        var action: OverridesMachine.Action
        var target: OverridesMachine.Target
        var reason: String
        var by: String?
        var time: Duration?
    }

    /// - Throws: `ConfigurationError`, with what is wrong, and what is allowed.
    func read(_ subject: Subject) throws(ConfigurationError) -> Read {
        let action = try action(subject)
        let target = try target(subject)
        let reason = try Self.text("reason", reason ?? "", in: 1...256)
        let by = try by.map { by throws(ConfigurationError) in try Self.text("by", by, in: 1...64) }
        var time: Duration?
        if let words = self.for {
            guard let read = Duration(words: words), Self.times.contains(read) else {
                throw ConfigurationError(option: "for", value: words, allowed: "1s to 30d, such as 10m")
            }
            guard case .set = action else {
                throw ConfigurationError(
                    option: "for", value: words, allowed: "given with what can end: not with '\(action.word)'")
            }
            time = read
        }
        return Read(action: action, target: target, reason: reason, by: by, time: time)
    }

    private func action(_ subject: Subject) throws(ConfigurationError) -> OverridesMachine.Action {
        guard let action, subject.actions.contains(action) else {
            throw ConfigurationError(
                option: "action", value: Self.shown(action), allowed: subject.actions.joined(separator: ", "))
        }
        guard weight == nil || action == "weight" else {
            throw ConfigurationError(option: "weight", value: "\(weight ?? 0)", allowed: "given with 'weight' alone")
        }
        guard level == nil || action == "level" else {
            throw ConfigurationError(option: "level", value: Self.shown(level), allowed: "given with 'level' alone")
        }
        switch (subject, action) {
        case (.endpoint, "drain"): return .set(.drained)
        case (.endpoint, "undrain"): return .takeBack(.drained)
        case (.endpoint, "disable"): return .set(.disabled)
        case (.endpoint, "enable"): return .takeBack(.disabled)
        case (.endpoint, _):
            guard let weight, Endpoint.weights.contains(weight) else {
                let (least, most) = (Endpoint.weights.lowerBound, Endpoint.weights.upperBound)
                throw ConfigurationError(
                    option: "weight", value: weight.map { "\($0)" } ?? "missing",
                    allowed: "\(least) to \(most), in percent of an equal share; without calls is 'drain'")
            }
            return weight == Endpoint.usualWeight ? .takeBack(.weight(weight)) : .set(.weight(weight))
        case (.breaker, "isolate"): return .set(.isolated)
        case (.breaker, "release"): return .takeBack(.isolated)
        case (.breaker, _): return .resetBreaker
        case (.log, "level"):
            guard let level, Logger.Level(rawValue: level) != nil else {
                throw ConfigurationError(
                    option: "level", value: Self.shown(level),
                    allowed: Logger.Level.allCases.map(\.rawValue).joined(separator: ", "))
            }
            return .set(.level(level))
        case (.log, _): return .takeBack(.level(""))
        }
    }

    private func target(_ subject: Subject) throws(ConfigurationError) -> OverridesMachine.Target {
        guard case .log = subject else {
            guard let service, !service.isEmpty else {
                throw ConfigurationError(option: "service", value: "missing", allowed: "a service's name")
            }
            if let endpoint, !endpoint.isEmpty { return .endpoint(endpoint, of: service) }
            guard case .breaker = subject else {
                throw ConfigurationError(option: "endpoint", value: "missing", allowed: "an endpoint's name")
            }
            return .service(service)
        }
        guard service == nil, endpoint == nil else {
            throw ConfigurationError(
                option: "service", value: Self.shown(service ?? endpoint), allowed: "left out: there is one log")
        }
        return .log
    }

    /// It is written into the log, and shown on a page: nothing in it may look like another line, or run backwards.
    private static func text(
        _ name: String, _ text: String, in range: ClosedRange<Int>
    ) throws(ConfigurationError) -> String {
        try require("\(name)'s length in bytes", text.utf8.count, in: range)
        for scalar in text.unicodeScalars {
            let isPlain =
                switch scalar.properties.generalCategory {
                case .control, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned: false
                default: !(0x202A...0x202E).contains(scalar.value) && !(0x2066...0x2069).contains(scalar.value)
                }
            guard isPlain else {
                throw ConfigurationError(
                    option: name, value: "U+\(String(scalar.value, radix: 16, uppercase: true)) in it",
                    allowed: "text without control characters")
            }
        }
        guard text.contains(where: { !$0.isWhitespace }) else {
            throw ConfigurationError(option: name, value: "blank", allowed: "text")
        }
        return text
    }

    private static func shown(_ text: String?) -> String {
        guard let text else { return "missing" }
        return text.utf8.count > 64 ? "\(text.prefix(32))…" : text
    }
}
#endif
