#if Gateway
import ArgumentParser
import Foundation
import HoldfastGateway
import HoldfastPostgres
import HoldfastValkey

/// A file of SQLite is brought up to date when it is opened, since it has one user; a server has several, so somebody
/// says when.
struct MigrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate", abstract: "Bring a store in PostgreSQL or Valkey up to date.")

    @Option(
        name: .customLong("store"), help: ArgumentHelp("The store.", valueName: "postgres://… or valkey://…"),
        transform: Words.store)
    var givenStore: GivenStore?

    private var store: StoreLocation? { givenStore?.location }

    @Option(help: ArgumentHelp("Instead: a file with it, which no others may read.", valueName: "file"))
    var storeFile: String?

    @Option(help: ArgumentHelp("Instead: the gateway's configuration file, which names the store.", valueName: "file"))
    var config: String?

    func validate() throws {
        try givenStore?.validate()
        let given = [store != nil, storeFile != nil, config != nil].count { $0 }
        guard given == 1 || (given == 0 && environment[StoreLocation.variable] != nil) else {
            throw ValidationError("give --store, --store-file or --config")
        }
        if let store, !Self.isMigrated(store) { throw ValidationError(Self.refusal) }
    }

    /// Whether somebody has to say when: the others need nothing.
    private static func isMigrated(_ store: StoreLocation) -> Bool {
        switch store {
        case .postgres, .valkey: true
        case .memory, .sqlite: false
        }
    }

    private static let refusal = "only a store in PostgreSQL or Valkey is migrated by hand: others need nothing"

    private var environment: [String: String] { ProcessInfo.processInfo.environment }

    func run() async throws {
        if store?.holdsPassword == true { complain("holdfast: \(StoreLocation.passwordIsShown)") }
        let named = try config.map { try ConfigurationFile(path: $0).configuration.store.location }
        let inFile = try storeFile.map { path in try StoreLocation.inFile(path) }
        guard let location = try store ?? inFile ?? named ?? StoreLocation.inEnvironment(environment) else { return }
        let versions: (from: Int, to: Int)
        switch location {
        case .postgres(let url): versions = try await PostgresStore.migrate(url: url)
        case .valkey(let url): versions = try await ValkeyStore.migrate(url: url)
        case .memory, .sqlite: throw ValidationError(Self.refusal)
        }
        say(
            versions.from == versions.to
                ? "the schema has version \(versions.to) already"
                : "the schema had version \(versions.from), and has version \(versions.to) now")
    }
}
#endif
