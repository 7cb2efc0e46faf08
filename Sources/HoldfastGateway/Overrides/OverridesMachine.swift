#if Gateway
import Holdfast

/// Decides which words of operators count: what somebody has set at run time, beside the configuration, and who, why and
/// until when.
///
/// ```
///  drain, disable, weight, isolate, level        undrain, enable, weight 100, release, reset of the log
///  ───────────────────────────────────▶ override ──────────────────────────────────────────────────────▶ none
///                                          │      its time is over, or its endpoint or service is gone      ▲
///                                          └────────────────────────────────────────────────────────────────┘
/// ```
///
/// An override stands beside the configuration file, and a reload of the file leaves it: who drains a machine at night must
/// not find it in service because somebody has mended a typing error. It ends when it is taken back, with what it is about,
/// or at its time if it was given one. It lives in this process alone, so a restart ends it too.
struct OverridesMachine: Sendable {
    /// What an override is about. An endpoint is known by its own name, or by the address that the configuration gives it,
    /// and then all addresses behind that are meant.
    enum Target: Sendable, Hashable {
        case log
        case service(String)
        case endpoint(String, of: String)

        var service: String? {
            switch self {
            case .log: nil
            case .service(let name), .endpoint(_, of: let name): name
            }
        }

        var endpoint: String? {
            if case .endpoint(let name, of: _) = self { name } else { nil }
        }
    }

    /// What is set. One target has one of each kind at the most.
    enum Value: Sendable, Hashable {
        case drained, disabled
        case weight(Int)
        case isolated
        case level(String)

        enum Kind: Sendable, Hashable, CaseIterable { case service, weight, breaker, level }

        var kind: Kind {
            switch self {
            case .drained, .disabled: .service
            case .weight: .weight
            case .isolated: .breaker
            case .level: .level
            }
        }

        /// Its name in the API and in metrics.
        var name: String {
            switch self {
            case .drained: "drained"
            case .disabled: "disabled"
            case .weight: "weight"
            case .isolated: "isolated"
            case .level: "level"
            }
        }

        static let names = ["drained", "disabled", "weight", "isolated", "level"]
    }

    /// What an operator does.
    enum Action: Sendable, Hashable {
        case set(Value)
        case takeBack(Value)
        /// Closes a breaker, once. It leaves no override, and ends none.
        case resetBreaker

        var word: String {
            switch self {
            case .set(.drained): "drain"
            case .set(.disabled): "disable"
            case .set(.weight), .takeBack(.weight): "weight"
            case .set(.isolated): "isolate"
            case .set(.level): "level"
            case .takeBack(.drained): "undrain"
            case .takeBack(.disabled): "enable"
            case .takeBack(.isolated): "release"
            case .takeBack(.level), .resetBreaker: "reset"
            }
        }

        static let words = [
            "drain", "undrain", "disable", "enable", "weight", "isolate", "release", "reset", "level",
        ]
    }

    /// Who, why, and for how long.
    struct Note: Sendable, Hashable {
        var by: String
        /// The address that the request came from.
        var from: String
        var reason: String
        /// For people to read. No decision looks at them.
        var at: String
        var until: String?
    }

    struct Override: Sendable, Hashable {
        let target: Target
        let value: Value
        let note: Note
        fileprivate let ends: MonotonicInstant?
        fileprivate let number: Int
    }

    /// Something that happened, for whoever looks back.
    struct Event: Sendable, Hashable {
        /// An action's word, or `ended` when a time was over, or `gone` when a reload has taken a target away.
        let word: String
        let target: Target
        let value: Value?
        let note: Note
    }

    private struct Key: Sendable, Hashable {
        let target: Target
        let kind: Value.Kind
    }

    /// There is nothing to take back.
    struct Refusal: Error, Hashable { let words: String }

    /// The events that are kept: the latest.
    static let bound = 100

    private var standing: [Key: Override] = [:]
    private(set) var events: [Event] = []
    /// How many there were of each action.
    private(set) var counts: [String: Int] = [:]
    private var numbers = 0

    /// In the order in which they were set.
    var overrides: [Override] { standing.values.sorted { $0.number < $1.number } }

    subscript(target: Target, kind: Value.Kind) -> Value? { standing[Key(target: target, kind: kind)]?.value }

    /// An operator does something to a target that exists.
    mutating func act(
        _ action: Action, on target: Target, _ note: Note, until ends: MonotonicInstant? = nil
    ) throws(Refusal) {
        switch action {
        case .set(let value):
            numbers += 1
            standing[Key(target: target, kind: value.kind)] = Override(
                target: target, value: value, note: note, ends: ends, number: numbers)
        case .takeBack(let value):
            let key = Key(target: target, kind: value.kind)
            let standing = standing[key]?.value
            // A weight is taken back whatever it was.
            guard let standing, value.kind == .weight || value.kind == .level || standing == value else {
                throw Refusal(words: "nothing was changed: \(Self.words(for: value, standing))")
            }
            self.standing[key] = nil
        case .resetBreaker: break
        }
        counts[action.word, default: 0] += 1
        let value: Value? =
            switch action {
            case .set(let value): value
            case .takeBack(.weight(let weight)): .weight(weight)
            case .takeBack, .resetBreaker: nil
            }
        keep(Event(word: action.word, target: target, value: value, note: note))
    }

    private static func words(for value: Value, _ standing: Value?) -> String {
        switch (value, standing) {
        case (.drained, .disabled?): "it is disabled, and not drained: enable it"
        case (.disabled, .drained?): "it is drained, and not disabled: undrain it"
        case (.weight, _): "it has its usual weight"
        case (.level, _): "the log has its usual level"
        default: "it is not \(value.name)"
        }
    }

    /// When the next override ends by itself.
    var nextEnd: MonotonicInstant? { standing.values.compactMap(\.ends).min() }

    /// - Returns: Those whose time is over; they count no more.
    mutating func expire(at now: MonotonicInstant) -> [Override] {
        end("ended") { override in override.ends.map { $0 <= now } ?? false }
    }

    /// - Returns: Those whose target is not there any more; they count no more.
    mutating func keep(only exists: (Target) -> Bool) -> [Override] { end("gone") { !exists($0.target) } }

    private mutating func end(_ word: String, where isOver: (Override) -> Bool) -> [Override] {
        let over = overrides.filter(isOver)
        for override in over {
            standing[Key(target: override.target, kind: override.value.kind)] = nil
            keep(Event(word: word, target: override.target, value: override.value, note: override.note))
        }
        return over
    }

    private mutating func keep(_ event: Event) {
        if events.count == Self.bound { events.removeFirst() }
        events.append(event)
    }
}
#endif
