#if Gateway
import Holdfast
public import Logging
public import ServiceLifecycle
import Synchronization

/// Reads a configuration file again when it changes, or when somebody asks for it, and hands on what is right.
///
/// The file is read and checked whole. When anything is wrong with it, every mistake is logged, and what runs is kept.
/// Changes are told by the system: of the file, of the files that it names, and of links on the way to them.
public final class ConfigurationReloader: Service {
    /// What becomes of a reading.
    public enum Reading: Sendable, Equatable {
        case began
        /// It is what runs.
        case taken
        /// What ran before is kept: the file cannot be read, or has mistakes.
        case refused
        /// What ran before is kept: the file is right, and cannot be applied to what runs.
        case notApplied
    }

    private let path: String
    private let initial: ConfigurationFile
    private let logger: Logger
    private let watches: Bool
    private let told: @Sendable (Reading) -> Void
    private let apply: @Sendable (GatewayConfiguration) async throws -> Void
    /// At most one request waits: a burst of changes needs one reading after the last.
    private let requests: AsyncStream<Void>
    private let request: AsyncStream<Void>.Continuation

    /// - Parameters:
    ///   - file: What runs already.
    ///   - logger: Where each reading and each mistake is logged.
    ///   - watches: Whether changes of the files are a reason to read. Otherwise ``readAgain()`` alone is.
    ///   - told: Called when a reading begins, and when it has ended.
    ///   - apply: Makes a configuration the one that runs, or throws and leaves what runs as it was.
    public init(
        _ file: ConfigurationFile, logger: Logger, watches: Bool = true,
        told: @escaping @Sendable (Reading) -> Void = { _ in },
        apply: @escaping @Sendable (GatewayConfiguration) async throws -> Void
    ) {
        path = file.path
        initial = file
        self.logger = logger
        self.watches = watches
        self.told = told
        self.apply = apply
        (requests, request) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Has the file read again, as on SIGHUP.
    public func readAgain() { request.yield() }

    /// Watches until a graceful shutdown or a cancellation. Run it once.
    public func run() async throws {
        guard watches else {
            for await _ in requests.cancelOnGracefulShutdown() { _ = await read(unless: nil) }
            return
        }
        let watch: FileWatch?
        do {
            watch = try FileWatch(initial.files) { [request] in request.yield() }
        } catch {
            watch = nil
            logger.warning(
                "changes of the configuration are not noticed; send SIGHUP",
                metadata: ["file": "\(path)", "error": "\(error)"])
        }
        defer { watch?.end() }
        var (good, watched) = (initial.files, Set(initial.files))
        // What changed between the first reading and the watch.
        var known: GatewayConfiguration? = initial.configuration
        request.yield()
        for await _ in requests.cancelOnGracefulShutdown() {
            let reading = await read(unless: known)
            known = nil
            if reading.isGood { good = reading.files }
            // A bad configuration may be put right by a file that it names, or by one that was named before.
            let files = reading.isGood ? good : good + reading.files
            watch?.watch(files)
            // What was not watched while it was read may have changed since.
            if !watched.isSuperset(of: files) { request.yield() }
            watched = Set(files)
        }
    }

    /// Reads the file once.
    ///
    /// - Parameter known: What need not be applied.
    /// - Returns: The files that were looked at, and whether they are right.
    func read(unless known: GatewayConfiguration?) async -> (files: [String], isGood: Bool) {
        let file: ConfigurationFile
        told(.began)
        do throws(ConfigurationMistakes) {
            file = try ConfigurationFile(path: path)
        } catch {
            for mistake in error.all { logger.error("\(mistake)") }
            logger.error("the configuration is kept as it was", metadata: ["file": "\(path)"])
            told(.refused)
            return (error.files, false)
        }
        guard file.configuration != known else {
            told(.taken)
            return (file.files, true)
        }
        for warning in file.warnings { logger.warning("\(warning)") }
        do {
            try await apply(file.configuration)
            logger.notice("the configuration was read again", metadata: ["file": "\(path)"])
            told(.taken)
        } catch let error as RestartRequired {
            for option in error.options {
                let place = file.place(of: option)
                let words = "\(option) has another value, which needs a restart"
                logger.error(
                    "\(ConfigurationMistake(file: path, line: place?.line, column: place?.column, message: words))")
            }
            logger.error("the configuration is kept as it was", metadata: ["file": "\(path)"])
            told(.notApplied)
        } catch {
            logger.error(
                "the configuration is kept as it was", metadata: ["file": "\(path)", "error": "\(error)"])
            told(.notApplied)
        }
        return (file.files, true)
    }
}
#endif
