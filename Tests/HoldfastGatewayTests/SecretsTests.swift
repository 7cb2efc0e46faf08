#if Gateway
import Foundation
import Holdfast
import TestSupport
import Testing

@testable import HoldfastGateway

/// Who else may read what only the gateway should.
@Suite struct SecretsTests {
    @Test func `a file that others may read is refused, and one that a group of ours may read is not`() {
        let ours: Set<UInt32> = [1_000, 10_001]
        let table: [(mode: UInt32, group: UInt32, isRefused: Bool)] = [
            (0o600, 1_000, false), (0o400, 1_000, false), (0o640, 1_000, false), (0o440, 10_001, false),
            (0o660, 10_001, false), (0o700, 5, false),
            // Root's group: a credential of systemd has an entry for the unit's user beside it.
            (0o440, 0, false), (0o640, 0, false),
            (0o640, 5, true), (0o620, 5, true), (0o610, 5, true),
            (0o644, 1_000, true), (0o444, 0, true), (0o604, 1_000, true), (0o602, 1_000, true), (0o601, 1_000, true),
            (0o777, 1_000, true), (0o4644, 1_000, true),
        ]
        for (mode, group, isRefused) in table {
            let privacy = FilePrivacy(mode: mode, group: group)
            let fault = privacy.fault(groups: ours, isRoot: false)
            #expect((fault != nil) == isRefused, "\(String(mode, radix: 8)), \(group): \(fault ?? "")")
            if let fault {
                #expect(fault.contains("its mode is 0\(String(mode, radix: 8))") && fault.contains("chmod 600"))
            }
            // Root may check what is another's to use. What everybody reads is wrong whoever looks.
            #expect((privacy.fault(groups: [0], isRoot: true) != nil) == (isRefused && mode & 0o007 != 0))
        }
    }

    private static let text = """
        listeners: [{address: 127.0.0.1:0, tls: {certificate: secrets/certificate.pem, key: secrets/key.pem}}]
        admin: {tokenFile: secrets/admin-token}
        store: {locationFile: secrets/store, encryptionKeys: [{number: 1, file: secrets/outcomes-1}]}
        services:
          payments:
            endpoints: [https://a.example]
            tls: {trust: secrets/certificate.pem, certificate: secrets/certificate.pem, key: secrets/other-key.pem}
        routes: [{name: everything, service: payments}]

        """

    private func mode(_ mode: Int, of path: String) throws {
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    }

    @Test func `each file with a secret is looked at, through links too, and certificates are not secrets`()
        async throws
    {
        let folder = try ConfigurationFolder()
        defer { folder.remove() }
        try await folder.writeSecrets()
        try FileManager.default.copyItem(
            atPath: folder.path("secrets/key.pem"), toPath: folder.path("secrets/other-key.pem"))
        try mode(0o644, of: folder.path("secrets/certificate.pem"))
        #expect(folder.mistakes(Self.text) == [])
        let options = [
            "listeners[0].tls.key": "key.pem", "admin.tokenFile": "admin-token", "store.locationFile": "store",
            "store.encryptionKeys[0].file": "outcomes-1", "services.payments.tls.key": "other-key.pem",
        ]
        for (option, file) in options {
            let path = folder.path("secrets/\(file)")
            try mode(0o644, of: path)
            let found = folder.mistakes(Self.text)
            #expect(found.count == 1)
            let expected =
                "\(option) is secrets/\(file), but must be a file that others may not read (its mode is 0644: chmod 600, or 640 with the group of whoever runs the gateway)"
            #expect(found.first?.hasSuffix(expected) == true, "\(found)")
            try mode(0o640, of: path)
            #expect(folder.mistakes(Self.text) == [])
            // As Kubernetes has it: a link to a file in a folder that is replaced whole.
            try FileManager.default.moveItem(atPath: path, toPath: path + ".data")
            try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: path + ".data")
            #expect(folder.mistakes(Self.text) == [])
            try mode(0o604, of: path + ".data")
            #expect(folder.mistakes(Self.text).count == 1)
            try mode(0o600, of: path + ".data")
        }
        try mode(0o644, of: folder.path("secrets/admin-token"))
        #expect(throws: ConfigurationError.self) {
            try AdminConfiguration.token(inFile: folder.path("secrets/admin-token"))
        }
        try mode(0o644, of: folder.path("secrets/store"))
        let error = #expect(throws: ConfigurationError.self) { try StoreLocation.inFile(folder.path("secrets/store")) }
        #expect(error.map { "\($0)" }?.contains("hush") == false)
    }

    @Test func `a configuration with a password in it is a file with a secret`() throws {
        let folder = try ConfigurationFolder()
        defer { folder.remove() }
        for (location, isSecret) in [
            ("postgres://ada:hush@localhost/keys", true), ("postgres://ada@localhost/keys?password=hush", true),
            ("valkey://:hush@localhost/0", true), ("postgres://ada@localhost/keys", false), ("memory", false),
        ] {
            let text = "store: {location: \"\(location)\"}\n" + ConfigurationFolder.least
            let path = try folder.write(text)
            #expect(folder.mistakes(text) == [])
            try mode(0o644, of: path)
            let found = folder.mistakes(text)
            #expect(found.count == (isSecret ? 1 : 0), "\(found)")
            #expect(
                found.allSatisfy { $0.hasPrefix("1:19: store.location has a password in it") && !$0.contains("hush") })
        }
    }

    @Test func `the environment says where keys are kept where the file does not`() throws {
        let folder = try ConfigurationFolder()
        defer { folder.remove() }
        try folder.write("sqlite:in-file.db", to: "store")
        func location(_ text: String, _ environment: [String: String]) throws -> StoreLocation {
            try ConfigurationFile(
                Array((text + ConfigurationFolder.least).utf8), path: folder.path("holdfast.yaml"),
                environment: environment
            ).configuration.store.location
        }
        let given = ["HOLDFAST_STORE": "postgres://ada:hush@localhost/keys"]
        let expected = StoreLocation.postgres(url: "postgres://ada:hush@localhost/keys")
        #expect(try location("", given) == expected)
        #expect(try location("store: {encryptionKeys: []}\n", given) == expected)
        #expect(try location("store: {location: memory}\n", given) == .memory)
        #expect(try location("store: {locationFile: store}\n", given) == .sqlite(path: "in-file.db"))
        #expect(try location("", ["HOLDFAST_STORE": ""]) == .sqlite(path: "holdfast.db"))
        #expect(try location("", [:]) == .sqlite(path: "holdfast.db"))
        let error = #expect(throws: ConfigurationMistakes.self) { try location("", ["HOLDFAST_STORE": "floppy:hush"]) }
        #expect(error?.all.first?.message.hasPrefix("HOLDFAST_STORE ") == true)
        #expect(error?.description.contains("hush") == false)
    }

    @Test(arguments: [
        ("postgres://ada:hush@db/keys", true), ("postgres://ada:@db/keys", false), ("postgres://ada@db/keys", false),
        ("postgres://db/keys", false), ("postgresql://:hush@/keys", true), ("postgres:///keys?password=hush", true),
        ("postgres:///keys?password=", false), ("postgres:///keys?user=ada&password=hush&sslmode=verify-full", true),
        ("postgres:///keys?pass%77ord=hush", true), ("postgres:///keys?sslpassword=hush", true),
        ("postgres:///keys?application_name=password", false), ("valkey://:hush@db", true),
        ("valkeys://a:hush@db/1", true),
        ("valkey://db?replicas=1", false), ("redis://hush@db", false), ("rediss://:h%40sh@db", true),
        ("memory", false), ("sqlite:a:b@c.db", false),
    ])
    func `a password in a store's location is seen wherever it stands`(text: String, isThere: Bool) throws {
        #expect(try #require(StoreLocation(text)).holdsPassword == isThere, "\(text)")
    }

    @Test(
        arguments: [
            // Nobody stands between.
            ("postgres:///keys", nil), ("postgres://localhost/keys", nil), ("postgres://127.0.0.1:5432/keys", nil),
            ("postgres://[::1]/keys", nil), ("postgres:///keys?host=/run/postgresql", nil),
            ("postgres://%2Frun%2Fpostgresql/keys", nil), ("postgres://db/keys?hostaddr=127.0.0.1", nil),
            ("valkey://localhost", nil), ("valkey://:a@127.0.0.9:1/0", nil), ("memory", nil), ("sqlite:x", nil),
            // It is verified.
            ("postgres://db/keys?sslmode=verify-full", nil), ("postgres://db/keys?sslrootcert=system", nil),
            ("valkeys://db", nil), ("rediss://:a@db/0", nil),
            ("postgres://db/keys", "at db is not verified (sslmode is prefer)"),
            (
                "postgres://ada:hush@db.example:5433/keys?sslmode=require",
                "at db.example is not verified (sslmode is require)"
            ),
            ("postgres://db/keys?sslmode=verify-ca", "sslmode is verify-ca"),
            ("postgres://db/keys?sslmode=disable", "disable"),
            ("postgres://db/keys?ssl=true", "require"), ("postgres:///keys?host=db", "at db "),
            ("postgres://localhost,db/keys", "at db "), ("postgres://localhost/keys?hostaddr=10.0.0.1", "at 10.0.0.1 "),
            ("postgres://127.0.0.1.evil.example/keys", "at 127.0.0.1.evil.example"),
            ("postgres://127.evil.example.com/keys", "at 127.evil.example.com"),
            ("postgres://db/keys?sslmode=verify-full&sslmode=disable", "disable"),
            ("valkey://db", "at db is not under TLS: what is kept"),
            ("redis://:hush@10.0.0.1:6379/0", "at 10.0.0.1 is not under TLS: the password and what is kept"),
        ] as [(String, String?)])
    func `a way to the store on which somebody may stand is told`(text: String, words: String?) throws {
        let found = try #require(StoreLocation(text)).warnings([:])
        #expect(found.count == (words == nil ? 0 : 1), "\(text): \(found)")
        if let words { #expect(found.first?.contains(words) == true, "\(text): \(found)") }
        #expect(found.allSatisfy { !$0.contains("hush") && !$0.contains("ada") })
    }

    @Test func `what libpq takes from the environment counts too`() throws {
        let plain = try #require(StoreLocation("postgres:///keys"))
        #expect(plain.warnings(["PGHOST": "db"]).first?.contains("at db ") == true)
        #expect(plain.warnings(["PGHOST": "db", "PGSSLMODE": "verify-full"]) == [])
        #expect(plain.warnings(["PGHOST": "/run/postgresql"]) == [])
        #expect(plain.warnings(["PGHOST": "db", "PGHOSTADDR": "127.0.0.1"]) == [])
        let named = try #require(StoreLocation("postgres://localhost/keys"))
        #expect(named.warnings(["PGHOST": "db"]) == [])
        let verified = try #require(StoreLocation("postgres://db/keys?sslmode=verify-full"))
        #expect(verified.warnings(["PGSSLMODE": "disable"]) == [])
    }

    @Test func `check tells of the way to the store, with its line`() throws {
        let text = "store:\n  location: postgres://db/keys\n" + ConfigurationFolder.least
        let file = try ConfigurationFile(Array(text.utf8), path: "holdfast.yaml")
        #expect(file.warnings.count == 1)
        #expect(
            file.warnings.first.map { "\($0)" }?.hasPrefix("holdfast.yaml:2:13: the store at db is not verified")
                == true)
    }

    @Test(arguments: [
        ("localhost", true), ("LOCALHOST", true), ("127.0.0.1", true), ("127.1.2.3", true), ("::1", true),
        ("0:0:0:0:0:0:0:1", true), ("127.evil.example.com", false), ("127.0.0.1.example", false), ("127.0.0", false),
        ("0.0.0.0", false), ("::", false), ("10.0.0.1", false), ("::2", false), ("localhost.example.com", false),
        ("", false), ("128.0.0.1", false), ("1.0.0.127", false),
    ])
    func `loopback is what cannot be reached from elsewhere`(host: String, isLoopback: Bool) {
        #expect(GatewayConfiguration.Address(host: host, port: 1).isLoopback == isLoopback)
    }
}
#endif
