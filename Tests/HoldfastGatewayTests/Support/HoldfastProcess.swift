#if Gateway
import Foundation
import NIOHTTP1
import Synchronization

/// The command `holdfast` as a process of its own.
final class HoldfastProcess: Sendable {
    struct Ended: Error, CustomStringConvertible {
        let status: Int32
        let output: String
        var description: String { "ended with \(status): \(output)" }
    }

    let port: Int
    let admin: Int
    /// What it said when it served.
    let greeting: String
    private let process: Mutex<Process>
    private let errorPipe: Pipe

    private init(process: Process, errors: Pipe, port: Int, admin: Int, greeting: String) {
        self.process = Mutex(process)
        errorPipe = errors
        self.greeting = greeting
        self.port = port
        self.admin = admin
    }

    /// - Parameters:
    ///   - fileLimit: No file may grow beyond this many bytes; a write that would make it is an error.
    ///   - descriptors: How many files and connections may be open.
    private static func make(
        _ arguments: [String], fileLimit: Int? = nil, descriptors: Int? = nil, environment: [String: String] = [:]
    ) -> (Process, Pipe, Pipe) {
        let process = Process()
        if !environment.isEmpty {
            process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        }
        let command = Bundle.main.bundleURL.appending(path: "holdfast")
        let limits =
            (fileLimit.map { "trap '' XFSZ; ulimit -f \($0 / 512); " } ?? "")
            + (descriptors.map { "ulimit -n \($0); " } ?? "")
        if !limits.isEmpty {
            process.executableURL = URL(filePath: "/bin/sh")
            process.arguments = ["-c", "\(limits)exec \"$0\" \"$@\"", command.path] + arguments
        } else {
            process.executableURL = command
            process.arguments = arguments
        }
        let (output, errors) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = errors
        return (process, output, errors)
    }

    /// Starts a gateway or a demonstration on free ports, and returns when it serves.
    ///
    /// - Parameters:
    ///   - port: Where requests are taken; 0 is any port that is free.
    ///   - takesPorts: Whether the ports are given as options; false where a file says them.
    static func start(
        _ arguments: [String], port: Int = 0, takesPorts: Bool = true, fileLimit: Int? = nil,
        descriptors: Int? = nil, environment: [String: String] = [:]
    ) async throws -> HoldfastProcess {
        let ports = takesPorts ? ["--listen", "127.0.0.1:\(port)", "--admin", "127.0.0.1:0"] : []
        return try await offPool { try launch(arguments + ports, fileLimit, descriptors, environment) }
    }

    private static func launch(
        _ arguments: [String], _ fileLimit: Int?, _ descriptors: Int?, _ environment: [String: String]
    ) throws -> HoldfastProcess {
        let (process, output, errors) = make(
            arguments, fileLimit: fileLimit, descriptors: descriptors, environment: environment)
        try process.run()
        var text = ""
        while true {
            let data = output.fileHandleForReading.availableData
            if data.isEmpty {
                process.waitUntilExit()
                throw Ended(status: process.terminationStatus, output: text)
            }
            text += String(decoding: data, as: UTF8.self)
            let gateway = text.firstMatch(of: /(?i)gateway(?::| is at|":\[") *http:\/\/127\.0\.0\.1:(\d+)/)
            let admin = text.firstMatch(
                of: /(?:control plane: +|breaker: +|controlPlane":")http:\/\/127\.0\.0\.1:(\d+)/)
            if let gateway, let admin, let port = Int(gateway.1), let adminPort = Int(admin.1) {
                return HoldfastProcess(
                    process: process, errors: errors, port: port, admin: adminPort, greeting: text)
            }
        }
    }

    /// Runs the command to its end.
    static func run(
        _ arguments: [String], environment: [String: String] = [:]
    ) async throws -> (status: Int32, output: String, errors: String) {
        try await offPool { try complete(arguments, environment) }
    }

    private static func complete(
        _ arguments: [String], _ environment: [String: String]
    ) throws -> (status: Int32, output: String, errors: String) {
        let (process, output, errors) = make(arguments, environment: environment)
        try process.run()
        // No test's output fills the pipe, so one can be read after the other.
        let said = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, said, text)
    }

    /// Returns when a duplicate waits at this gateway for an outcome.
    func untilItWaits() async throws {
        while try await TestClient.send(.GET, "/metrics", to: admin).text.contains("holdfast_claims_waiting 0\n") {
            await Task.yield()
        }
    }

    /// The kernel's number for it.
    var identifier: Int32 { process.withLock { $0.processIdentifier } }

    /// Whether a library of this name is in its memory; Linux only, and root's to see, like all of its memory.
    func hasLoaded(_ library: String) throws -> Bool {
        let id = identifier
        // A file of the kernel's has no size before it is read, so it is not read as a file of a size.
        let maps = try FileHandle(forReadingFrom: URL(filePath: "/proc/\(id)/maps")).readToEnd() ?? Data()
        return String(decoding: maps, as: UTF8.self).contains(library)
    }

    /// Sends a signal.
    func signal(_ signal: Int32) { process.withLock { _ = kill($0.processIdentifier, signal) } }

    /// Waits for the end.
    func end() async -> Int32 {
        await offPool { [self] in
            process.withLock { process in
                process.waitUntilExit()
                return process.terminationStatus
            }
        }
    }

    /// What it has written to its standard error, once it has ended.
    func errors() async throws -> String {
        try await offPool { [self] in
            String(decoding: try errorPipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        }
    }

    func kill9() async {
        signal(SIGKILL)
        _ = await end()
    }
}

/// Runs what blocks on a thread of its own: the pool that tests run on has one thread a core.
func offPool<R: Sendable>(_ body: @escaping @Sendable () throws -> R) async throws -> R {
    try await withCheckedThrowingContinuation { continuation in
        DispatchQueue.global().async { continuation.resume(with: Result { try body() }) }
    }
}

/// The same for what does not throw.
func offPool<R: Sendable>(_ body: @escaping @Sendable () -> R) async -> R {
    await withCheckedContinuation { continuation in
        DispatchQueue.global().async { continuation.resume(returning: body()) }
    }
}
#endif
