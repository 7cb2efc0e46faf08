import Foundation
import Synchronization

/// A Valkey, or a Redis, of a test's own, in a folder and on a port of its own. It ends with the process that tests.
public final class ValkeyServer: Sendable {
    public static let shared = Task { try await ValkeyServer.start() }

    public let port: Int
    private let folder: String
    private let options: String
    private let databases = Mutex(0)

    private init(port: Int, folder: String, options: String) {
        self.port = port
        self.folder = folder
        self.options = options
    }

    /// A database of a test's own.
    public func database() -> String {
        let number = databases.withLock { number in
            number += 1
            return number
        }
        return "valkey://127.0.0.1:\(port)/\(number)"
    }

    /// - Parameter options: As on the server's command line. `PORT` and `FOLDER` stand for its own.
    public static func start(_ options: String = "") async throws -> ValkeyServer {
        let folder = "/tmp/holdfast-valkey-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        var last: (any Error)?
        // Another may take the port before the server does.
        for _ in 0..<5 {
            let port = Int.random(in: 20_000...30_000)
            let own = options.replacing("PORT", with: "\(port)").replacing("FOLDER", with: folder)
            let server = ValkeyServer(port: port, folder: folder, options: own)
            do {
                try await server.begin()
                try await Shell.whenThisEnds("kill -9 $(cat \(folder)/pid); rm -rf \(folder)")
                return server
            } catch { last = error }
        }
        throw last ?? Shell.Failure(description: "no server")
    }

    /// Speaks to the server by its own client.
    public func command(_ words: String) async throws {
        try await Shell.run("redis-cli -p \(port) \(words)")
    }

    /// Ends the server as a crash would, and starts it again.
    public func crash() async throws {
        try await end()
        try await begin()
    }

    /// Ends the server, and waits until it is gone: until then its port answers, and is taken.
    public func end() async throws {
        try await Shell.run(
            "pid=$(cat \(folder)/pid); kill -9 $pid; for try in $(seq 1000); do "
                + "{ ! [ -e /proc/$pid ] || grep -q '^State:.Z' /proc/$pid/status; } && exit 0; sleep 0.01; done; exit 1"
        )
    }

    /// Starts the server, and waits until it says itself that it is ready: another may answer on the same port.
    public func begin() async throws {
        let line =
            "rm -f \(folder)/log; redis-server --port \(port) --dir \(folder) --pidfile \(folder)/pid "
            + "--logfile \(folder)/log --save \"\" --databases 64 --daemonize yes \(options) || exit 1; "
            + "for try in $(seq 1000); do grep -q 'Ready to accept connections' \(folder)/log && exit 0; "
            + "grep -q 'Failed listening' \(folder)/log && exit 1; sleep 0.01; done; exit 1"
        try await Shell.run(line)
    }
}
