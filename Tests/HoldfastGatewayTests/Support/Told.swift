#if Gateway
import Logging
import Synchronization

/// Keeps what is logged.
struct Told: LogHandler {
    final class Messages: Sendable {
        let list = Mutex<[String]>([])
    }

    let messages = Messages()
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .trace

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { messages.list.withLock { $0.append("\(event.message) \(event.metadata ?? [:])") } }
}
#endif
