#if Gateway
import ArgumentParser
import HoldfastPostgres

/// A file of SQLite is brought up to date when it is opened, since it has one user; a server has several, so somebody
/// says when.
struct MigrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate", abstract: "Bring a PostgreSQL store's schema up to date.")

    @Option(help: ArgumentHelp("The store.", valueName: "postgres://…"))
    var store: StoreArgument

    func validate() throws {
        guard case .postgres = store else {
            throw ValidationError("only a PostgreSQL store is migrated by hand: others need nothing")
        }
    }

    func run() async throws {
        guard case .postgres(let url) = store else { return }
        let versions = try await PostgresStore.migrate(url: url)
        say(
            versions.from == versions.to
                ? "the schema has version \(versions.to) already"
                : "the schema had version \(versions.from), and has version \(versions.to) now")
    }
}
#endif
