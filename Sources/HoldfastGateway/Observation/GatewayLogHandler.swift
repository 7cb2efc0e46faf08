#if Gateway
import Foundation
package import Logging
import Synchronization

/// Where the gateway's own log is written: one line for each event, in the form that the configuration says.
package struct GatewayLogHandler: LogHandler {
    package var metadata: Logger.Metadata = [:]
    package var logLevel = Logger.Level.info
    package var metadataProvider: Logger.MetadataProvider?
    private let format: LogFormat
    private let output: LogOutput

    /// Writes to the standard error.
    package init(_ format: LogFormat) { self.init(format, to: .standardError) }

    package init(_ format: LogFormat, to output: LogOutput) {
        self.format = format
        self.output = output
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var all = metadata
        if let provided = metadataProvider?.get() { all.merge(provided) { $1 } }
        if let said = event.metadata { all.merge(said) { $1 } }
        if let error = event.error { all["error"] = "\(words(of: error))" }
        output.write(
            LogLine.bytes(
                format, time: RequestReport.now, level: event.level, message: "\(event.message)", metadata: all))
    }
}

/// A descriptor that whole lines are written to, one after the other, whoever logs.
package final class LogOutput: Sendable {
    package static let standardError = LogOutput(STDERR_FILENO)
    package static let standardOutput = LogOutput(STDOUT_FILENO)

    private let descriptor: Mutex<Int32>

    init(_ descriptor: Int32) { self.descriptor = Mutex(descriptor) }

    /// What cannot be written is lost: there is nowhere left to say it.
    func write(_ line: [UInt8]) {
        descriptor.withLock { _ = WholeWrite.write(line, to: $0, patience: 1_000) }
    }
}
#endif
