#if Gateway
import ArgumentParser
import HoldfastGateway
import HoldfastSQLite

/// A file that is not all that was acknowledged is refused, since the keys that it has lost would be executed again.
/// Somebody who has looked says that this is to be.
struct RecoverCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recover",
        abstract: "Accept that a SQLite store which is refused has lost keys: they will be executed again.",
        discussion: """
            Put the file and its log (-wal) back first, if there is any copy of them. This command opens what there is, \
            says what is missing, and leaves a store that opens again. A log of another file is refused all the same: \
            move it away.
            """)

    @Option(
        name: .customLong("store"), help: ArgumentHelp("The store.", valueName: "sqlite:path"), transform: Words.store)
    var givenStore: GivenStore?

    private var store: StoreLocation? { givenStore?.location }

    @Option(help: ArgumentHelp("Instead: the gateway's configuration file, which names the store.", valueName: "file"))
    var config: String?

    func validate() throws {
        try givenStore?.validate()
        guard (store == nil) != (config == nil) else { throw ValidationError("give --store or --config") }
        if let store { _ = try path(of: store) }
    }

    private func path(of store: StoreLocation) throws -> String {
        guard case .sqlite(let path) = store else {
            throw ValidationError("only a SQLite store is recovered so: a server recovers its own")
        }
        return path
    }

    func run() async throws {
        let inFile = try config.map { try ConfigurationFile(path: $0).configuration.store.location }
        guard let location = store ?? inFile else { return }
        let losses = try SQLiteStore.recover(path: try path(of: location))
        for loss in losses { say("accepted: \(loss)") }
        say(losses.isEmpty ? "nothing is missing, as far as can be told" : "the store opens again")
    }
}
#endif
