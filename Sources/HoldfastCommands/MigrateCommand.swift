#if Gateway
import ArgumentParser
import HoldfastGateway
import HoldfastPostgres

/// A file of SQLite is brought up to date when it is opened, since it has one user; a server has several, so somebody
/// says when.
struct MigrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate", abstract: "Bring a PostgreSQL store's schema up to date.")

    @Option(help: ArgumentHelp("The store.", valueName: "postgres://…"), transform: Words.store)
    var store: StoreLocation?

    @Option(help: ArgumentHelp("Instead: the gateway's configuration file, which names the store.", valueName: "file"))
    var config: String?

    func validate() throws {
        guard (store == nil) != (config == nil) else { throw ValidationError("give --store or --config") }
        if let store { _ = try url(of: store) }
    }

    private func url(of store: StoreLocation) throws -> String {
        guard case .postgres(let url) = store else {
            throw ValidationError("only a PostgreSQL store is migrated by hand: others need nothing")
        }
        return url
    }

    func run() async throws {
        let inFile = try config.map { try ConfigurationFile(path: $0).configuration.store.location }
        guard let location = store ?? inFile else { return }
        let url = try url(of: location)
        let versions = try await PostgresStore.migrate(url: url)
        say(
            versions.from == versions.to
                ? "the schema has version \(versions.to) already"
                : "the schema had version \(versions.from), and has version \(versions.to) now")
    }
}
#endif
