import Foundation
import Synchronization

/// A PostgreSQL of the tests' own, in a folder and on a socket of its own. It is started once for all of them, and ends
/// with the process that tests.
public final class PostgresServer: Sendable {
    public static let shared = Task { try await PostgresServer.start() }

    private let folder: String
    private let databases = Mutex(0)

    private init(folder: String) {
        self.folder = folder
    }

    /// A database of a test's own.
    public func database() async throws -> String {
        let name = databases.withLock { number in
            number += 1
            return "test\(number)"
        }
        try await Self.run("\(Self.binaries())/createdb -h \(folder) -U postgres \(name)")
        return url(name)
    }

    private func url(_ database: String) -> String { "postgres://postgres@/\(database)?host=\(folder)" }

    /// Ends the server as a crash would, and starts it again.
    public func crash() async throws {
        try await Self.run("\(Self.binaries())/pg_ctl -D \(folder)/data -m immediate stop")
        try await Self.run(Self.startCommand(folder, Self.binaries()))
    }

    /// Starts a server of one test's own: for tests that crash it.
    public static func start() async throws -> PostgresServer {
        let folder = "/tmp/holdfast-postgres-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let binaries = try binaries()
        if getuid() == 0 { try await run("chown postgres \(folder)", asRoot: true) }
        try await run("\(binaries)/initdb -D \(folder)/data -U postgres -A trust -E UTF8 --no-sync")
        try await run(startCommand(folder, binaries))
        try await Shell.whenThisEnds(
            asServer("\(binaries)/pg_ctl -D \(folder)/data -m immediate stop") + "; rm -rf \(folder)")
        return PostgresServer(folder: folder)
    }

    private static func startCommand(_ folder: String, _ binaries: String) -> String {
        let options = "-c listen_addresses= -c unix_socket_directories=\(folder) -c max_connections=200"
        return "\(binaries)/pg_ctl -D \(folder)/data -w -l \(folder)/log -o '\(options)' start"
    }

    /// Debian keeps the server's commands out of the path, by version.
    private static func binaries() throws -> String {
        let root = "/usr/lib/postgresql"
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        guard let newest = versions.compactMap(Int.init).max() else {
            throw Shell.Failure(description: "no PostgreSQL in \(root): install postgresql")
        }
        return "\(root)/\(newest)/bin"
    }

    /// The server refuses to run as root.
    private static func asServer(_ command: String) -> String {
        getuid() == 0 ? "su postgres -s /bin/sh -c \"\(command)\"" : command
    }

    private static func run(_ command: String, asRoot: Bool = false) async throws {
        try await Shell.run(asRoot ? command : asServer(command))
    }
}
