#if Gateway
import Logging
import Synchronization

/// What the log's level is, for all copies of one logger: a level is part of a logger's value, so that nobody could change
/// it later.
final class LogLevelSwitch: Sendable {
    /// As the configuration says.
    let usual: Logger.Level
    private let place: Atomic<Int>

    init(_ usual: Logger.Level) {
        self.usual = usual
        place = Atomic(Self.place(of: usual))
    }

    var current: Logger.Level {
        get { Logger.Level.allCases[place.load(ordering: .relaxed)] }
        set { place.store(Self.place(of: newValue), ordering: .relaxed) }
    }

    private static func place(of level: Logger.Level) -> Int { Logger.Level.allCases.firstIndex(of: level) ?? 0 }

    /// The same logger, but for its level.
    func follow(_ logger: Logger) -> Logger {
        Logger(label: logger.label) { _ in SwitchedLogHandler(logger.handler, level: self) }
    }
}

/// Passes on to another handler what is as grave as a switch says now. A logger that is given a level of its own keeps it.
struct SwitchedLogHandler: LogHandler {
    private var base: any LogHandler
    private let level: LogLevelSwitch
    private var own: Logger.Level?

    init(_ base: any LogHandler, level: LogLevelSwitch) {
        self.base = base
        self.level = level
    }

    var logLevel: Logger.Level {
        get { own ?? level.current }
        set { own = newValue }
    }

    var metadata: Logger.Metadata {
        get { base.metadata }
        set { base.metadata = newValue }
    }

    var metadataProvider: Logger.MetadataProvider? {
        get { base.metadataProvider }
        set { base.metadataProvider = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { base[metadataKey: key] }
        set { base[metadataKey: key] = newValue }
    }

    func log(event: LogEvent) {
        guard event.level < base.logLevel else { return base.log(event: event) }
        // Some handlers look at their own level too, such as those that pass on to several.
        var base = base
        base.logLevel = event.level
        base.log(event: event)
    }
}

extension Logger {
    /// The same, whatever the log's level: for what a person has done. Whoever asks for silence is told too.
    var atAnyLevel: Logger {
        var logger = self
        logger.logLevel = .trace
        return logger
    }
}
#endif
