import Foundation
import Synchronization

/// A PostgreSQL of the tests' own, in a folder and on a socket of its own. It is started once for all of them, and ends
/// with the process that tests.
public final class PostgresServer: Sendable {
    public static let shared = Task { try await PostgresServer.start() }

    private let folder: String
    private let options: String
    private let databases = Mutex(0)

    private init(folder: String, options: String) {
        self.folder = folder
        self.options = options
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

    /// A PgBouncer in front of the server, in transaction mode, and a database behind it.
    public func bouncer() async throws -> String {
        let name = try await database().split(separator: "/")[2].prefix { $0 != "?" }
        let port = Int.random(in: 20_000...30_000)
        let configuration = """
            [databases]
            * = host=\(folder) user=postgres
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = \(port)
            unix_socket_dir =
            auth_type = any
            pool_mode = transaction
            logfile = \(folder)/bouncer.log
            pidfile = \(folder)/bouncer.pid
            ignore_startup_parameters = extra_float_digits
            """
        try Data(configuration.utf8).write(to: URL(filePath: "\(folder)/bouncer.ini"))
        // Debian's own service is not asked; this one is the tests'.
        try await Self.run("/usr/sbin/pgbouncer -d \(folder)/bouncer.ini")
        try await Shell.untilListening(port)
        return "postgres://postgres@127.0.0.1:\(port)/\(name)"
    }

    /// Has the server speak TLS on a port of its own, with a certificate of its own.
    ///
    /// - Returns: The port, and the certificate that clients are to trust.
    public func speakTLS() async throws -> (port: Int, certificate: String) {
        let port = Int.random(in: 20_000...30_000)
        try await Self.run(
            "openssl req -x509 -newkey rsa:2048 -nodes -keyout \(folder)/data/server.key -days 2 -subj /CN=localhost "
                + "-out \(folder)/data/server.crt -addext subjectAltName=DNS:localhost")
        try await Self.run("cp \(folder)/data/server.crt \(folder)/root.crt")
        let settings = "ssl = on\nport = \(port)\n"
        try await Self.run("printf '\(settings)' >> \(folder)/data/postgresql.conf")
        let options = "-c listen_addresses=localhost -c unix_socket_directories=\(folder)"
        try await Self.run("\(Self.binaries())/pg_ctl -D \(folder)/data -m fast stop")
        try await Self.run("\(Self.binaries())/pg_ctl -D \(folder)/data -w -l \(folder)/log -o '\(options)' start")
        return (port, "\(folder)/root.crt")
    }

    /// Has the server ask a user for a password, on a port of its own at 127.0.0.1.
    ///
    /// - Returns: The port.
    public func askForPassword(_ password: String, of user: String) async throws -> Int {
        let port = Int.random(in: 20_000...30_000)
        let statement = "CREATE ROLE \(user) SUPERUSER LOGIN PASSWORD '\(password)'"
        try Data(statement.utf8).write(to: URL(filePath: "\(folder)/role.sql"))
        try await Self.run("\(Self.binaries())/psql -h \(folder) -U postgres -f \(folder)/role.sql postgres")
        let rules = "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
        try Data(rules.utf8).write(to: URL(filePath: "\(folder)/data/pg_hba.conf"))
        let options = "-c port=\(port) -c listen_addresses=127.0.0.1 -c unix_socket_directories=\(folder)"
        try await Self.run("\(Self.binaries())/pg_ctl -D \(folder)/data -m fast stop")
        try await Self.run("\(Self.binaries())/pg_ctl -D \(folder)/data -w -l \(folder)/log -o '\(options)' start")
        return port
    }

    /// Ends the server.
    public func end() async throws {
        try await Self.run("\(Self.binaries())/pg_ctl -D \(folder)/data -m immediate stop")
    }

    private func url(_ database: String) -> String { "postgres://postgres@/\(database)?host=\(folder)" }

    /// Ends the server as a crash would, and starts it again.
    public func crash() async throws {
        try await Self.run("\(Self.binaries())/pg_ctl -D \(folder)/data -m immediate stop")
        try await Self.run(Self.startCommand(folder, Self.binaries(), options))
    }

    /// Holds up all of the server's processes, or has them go on: connections stay, and nobody answers.
    public func hold(_ isHeld: Bool) async throws {
        let signal = isHeld ? "STOP" : "CONT"
        try await Self.run(
            "pid=$(head -1 \(folder)/data/postmaster.pid); kill -\(signal) $pid $(pgrep -P $pid)", asRoot: true)
    }

    /// Starts a server of one test's own: for tests that crash it.
    ///
    /// - Parameter options: As on the server's command line.
    public static func start(_ options: String = "") async throws -> PostgresServer {
        let folder = "/tmp/holdfast-postgres-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let binaries = try binaries()
        if getuid() == 0 { try await run("chown postgres \(folder)", asRoot: true) }
        try await run("\(binaries)/initdb -D \(folder)/data -U postgres -A trust -E UTF8 --no-sync")
        try await run(startCommand(folder, binaries, options))
        try await Shell.whenThisEnds(
            asServer("\(binaries)/pg_ctl -D \(folder)/data -m immediate stop")
                + "; kill $(cat \(folder)/bouncer.pid); rm -rf \(folder)")
        return PostgresServer(folder: folder, options: options)
    }

    private static func startCommand(_ folder: String, _ binaries: String, _ more: String) -> String {
        let options = "-c listen_addresses= -c unix_socket_directories=\(folder) -c max_connections=200 \(more)"
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
