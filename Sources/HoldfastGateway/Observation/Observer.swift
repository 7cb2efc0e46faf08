#if Gateway
import Logging

/// Is told what became of requests: keeps what somebody may ask about, and writes the access log.
///
/// It may be called from event loops: it neither blocks nor writes a file on the caller's thread, and runs nobody's code.
final class Observer: Sendable {
    let explanations: Explanations
    let accessLog: AccessLog?
    /// The share of requests that is logged, of 2⁶⁴.
    private let threshold: UInt64
    private let logsAll: Bool
    private let sampling: LogSampling
    /// Whether a request that was granted the claim of a key is logged before anything is sent.
    let logsBegins: Bool

    /// - Throws: ``GatewayError`` when the access log cannot be opened.
    convenience init(_ configuration: AccessLogConfiguration?, logger: Logger) throws {
        let log = try configuration.map { try AccessLog(path: $0.path, logger: logger) }
        self.init(accessLog: log, configuration ?? Self.nothing)
    }

    private static var nothing: AccessLogConfiguration {
        var nothing = AccessLogConfiguration()
        nothing.sample = 0
        return nothing
    }

    /// - Parameter sample: The share of requests that is logged although nothing is notable about them: 0 to 1.
    convenience init(accessLog: AccessLog?, sample: Double, kept: Int = Explanations.usualBound) {
        var configuration = AccessLogConfiguration()
        configuration.sample = sample
        self.init(accessLog: accessLog, configuration, kept: kept)
    }

    private init(accessLog: AccessLog?, _ configuration: AccessLogConfiguration, kept: Int = Explanations.usualBound) {
        sampling = LogSampling(configuration)
        explanations = Explanations(bound: kept)
        self.accessLog = accessLog
        logsBegins = accessLog != nil && configuration.begins == .keyed
        logsAll = accessLog != nil && configuration.sample >= 1
        threshold = accessLog == nil || logsAll ? 0 : UInt64(max(0, configuration.sample) * 0x1p64)
    }

    /// Whether a request is logged, though nothing should be notable about it.
    ///
    /// - Parameter random: 64 random bits.
    func isSampled(_ random: UInt64) -> Bool { logsAll || random < threshold }

    /// Takes a report that is notable or sampled.
    func report(_ report: RequestReport) {
        if report.isNotable { explanations.add(report) }
        guard let accessLog, let one = sampling.line(of: report) else { return }
        accessLog.write(one)
    }

    /// Takes the beginning of a request, where those are logged.
    func began(_ begin: BeginReport) { accessLog?.write(.begin(begin)) }

    /// Opens the access log's file anew, after it was moved away.
    func reopen() { accessLog?.reopen() }

    /// Writes what is left of the access log.
    func close() async { await accessLog?.close() }
}
#endif
