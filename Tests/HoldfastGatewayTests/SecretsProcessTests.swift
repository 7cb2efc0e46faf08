#if Gateway
import Foundation
import TestSupport
import Testing

@testable import HoldfastGateway

/// Secrets of the command, as others on the machine see it.
@Suite(.serialized) struct SecretsProcessTests {
    /// A PostgreSQL that asks for a password.
    private func asking() async throws -> (server: PostgresServer, port: Int) {
        let server = try await PostgresServer.start()
        return (server, try await server.askForPassword("hush", of: "ada"))
    }

    private func commandLine(_ process: HoldfastProcess) throws -> String {
        let path = URL(filePath: "/proc/\(process.identifier)/cmdline")
        let bytes = try FileHandle(forReadingFrom: path).readToEnd() ?? Data()
        return String(decoding: bytes, as: UTF8.self).replacing("\0", with: " ")
    }

    @Test func `the store's password comes from the environment or a file, and stands in no command line`() async throws
    {
        let (server, port) = try await asking()
        let folder = try ConfigurationFolder()
        defer { folder.remove() }
        let (url, bare) = (
            "postgres://ada:hush@127.0.0.1:\(port)/postgres", "postgres://ada@127.0.0.1:\(port)/postgres"
        )
        let file = try folder.write(url + "\n", to: "store")
        let passwords = try folder.write("127.0.0.1:\(port):*:ada:hush\n", to: "pgpass")
        let config = try folder.write(
            """
            listeners: [{address: 127.0.0.1:0}]
            admin: {address: 127.0.0.1:0}
            services: {payments: {endpoints: [http://127.0.0.1:1]}}
            routes: [{name: everything, service: payments}]
            """)
        let upstream = ["gateway", "--upstream", "http://127.0.0.1:1"]
        let cases: [(arguments: [String], environment: [String: String])] = [
            (upstream, ["HOLDFAST_STORE": url]), (upstream + ["--store-file", file], [:]),
            (upstream + ["--store", bare], ["PGPASSWORD": "hush"]),
            (upstream + ["--store", bare], ["PGPASSFILE": passwords]),
            (["gateway", "--config", config], ["HOLDFAST_STORE": url]),
        ]
        for (arguments, environment) in cases {
            let isFile = arguments.contains("--config")
            let process = try await HoldfastProcess.start(arguments, takesPorts: !isFile, environment: environment)
            // It has read its secret from the store, or it would not serve.
            #expect(try !commandLine(process).contains("hush"), "\(arguments)")
            process.signal(SIGTERM)
            await expectEqual(process.end(), 0)
        }
        // Without, the server does not let it in: the password above was needed.
        let refused = try await HoldfastProcess.run(
            upstream + ["--store", bare, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
        #expect(refused.status == 1 && refused.errors.contains("password"), "\(refused.errors)")
        for (arguments, environment) in [
            (["migrate"], ["HOLDFAST_STORE": url]), (["migrate", "--store-file", file], [:]),
            (["migrate", "--store", bare], ["PGPASSWORD": "hush"]),
            (["migrate", "--config", config], ["HOLDFAST_STORE": url]),
        ] {
            let (status, output, errors) = try await HoldfastProcess.run(arguments, environment: environment)
            #expect(status == 0 && output.contains("version"), "\(arguments): \(errors)")
            #expect(errors == "")
        }
        try await server.end()
    }

    @Test
    func `a password in the command line, and a way to the store that others may stand on, are told at the start`()
        async throws
    {
        let ports = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]
        let upstream = ["gateway", "--upstream", "http://127.0.0.1:1"] + ports
        // Addresses at which nobody is, so that each ends by itself.
        let cases: [(String, password: Bool, way: Bool)] = [
            ("postgres://ada:hush@127.0.0.1:1/keys", true, false), ("postgres://ada@127.0.0.1:1/keys", false, false),
            ("valkey://:hush@127.0.0.1:1/0", true, false), ("valkey://127.0.0.1:1/0", false, false),
            ("postgres://ada:hush@no.invalid:1/keys", true, true), ("valkey://no.invalid:1/0", false, true),
        ]
        for (store, password, way) in cases {
            let (status, _, errors) = try await HoldfastProcess.run(upstream + ["--store", store])
            #expect(status == 1, "\(store)")
            #expect(errors.contains("stands in the command line") == password, "\(store): \(errors)")
            #expect((errors.contains("not verified") || errors.contains("not under TLS")) == way, "\(store): \(errors)")
            #expect(!errors.contains("hush"))
            let quiet = try await HoldfastProcess.run(upstream, environment: ["HOLDFAST_STORE": store])
            #expect(quiet.status == 1 && !quiet.errors.contains("stands in the command line"), "\(quiet.errors)")
            #expect((quiet.errors.contains("not verified") || quiet.errors.contains("not under TLS")) == way)
        }
    }

    @Test func `a file that others may read ends with one line and 64`() async throws {
        let folder = try ConfigurationFolder()
        defer { folder.remove() }
        let file = try folder.write("postgres://ada:hush@127.0.0.1:1/keys", to: "store")
        let config = try folder.write("store: {locationFile: store}\n" + ConfigurationFolder.least)
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: file)
        for arguments in [
            ["gateway", "--upstream", "http://127.0.0.1:1", "--store-file", file], ["check", config],
            ["gateway", "--config", config], ["migrate", "--config", config],
        ] {
            let (status, output, errors) = try await HoldfastProcess.run(arguments)
            #expect(status == 64 && output == "", "\(arguments): \(output)")
            #expect(errors.split(separator: "\n").count == 1 && errors.contains("its mode is 0644"), "\(errors)")
            #expect(!errors.contains("hush"))
        }
    }

    @Test(arguments: [
        ["gateway", "--upstream", "http://a", "--store", "memory", "--store-file", "x"],
        ["gateway", "--config", "x", "--store-file", "x"], ["migrate", "--store", "postgres://a", "--store-file", "x"],
        ["migrate", "--config", "x", "--store-file", "x"], ["demo", "--store", "memory", "--store-file", "x"],
    ])
    func `a store is named once`(arguments: [String]) async throws {
        let (status, _, errors) = try await HoldfastProcess.run(arguments)
        #expect(status == 64 && errors.split(separator: "\n").count == 1, "\(errors)")
    }

    /// The owner of a process's files in /proc is root when its memory is nobody's to read.
    @Test(.enabled(if: geteuid() == 0))
    func `a gateway that crashes leaves no memory behind, and no other process of its user reads it`() async throws {
        let folder = try ConfigurationFolder()
        defer { folder.remove() }
        let command = Bundle.main.bundleURL.appending(path: "holdfast").path
        let (log, number) = (folder.path("log"), folder.path("number"))
        try await Shell.run("chmod 777 \(folder.folder.path)")
        try await Shell.run(
            "cd \(folder.folder.path) && (ulimit -c unlimited; exec setpriv --reuid=65534 --regid=65534 --clear-groups "
                + "\(command) gateway --upstream http://127.0.0.1:1 --store memory --listen 127.0.0.1:0 "
                + "--admin 127.0.0.1:0 > \(log) 2>&1 & echo $! > \(number)); "
                + "for try in $(seq 600); do grep -q 'control plane' \(log) && exit 0; sleep 0.05; done; exit 1")
        try await Shell.run("grep -q '^Max core file size *0 *0 ' /proc/$(cat \(number))/limits")
        // The user of the process is not that of its memory.
        try await Shell.run("[ $(stat -c %u /proc/$(cat \(number))/environ) = 0 ]")
        try await Shell.run("grep -q '^Uid:.65534' /proc/$(cat \(number))/status")
        try await Shell.run(
            "! setpriv --reuid=65534 --regid=65534 --clear-groups cat /proc/$(cat \(number))/environ")
        // What it tells of itself, it still can.
        try await Shell.run(
            "port=$(sed -n 's/^control plane: http:..127.0.0.1:\\([0-9]*\\)$/\\1/p' \(log)); "
                + "exec 3<>/dev/tcp/127.0.0.1/$port; printf 'GET /metrics HTTP/1.1\\r\\nHost: localhost\\r\\n"
                + "Connection: close\\r\\n\\r\\n' >&3; grep -q '^process_open_fds [1-9]' <&3")
        try await Shell.run("kill -9 $(cat \(number))")
    }
}
#endif
