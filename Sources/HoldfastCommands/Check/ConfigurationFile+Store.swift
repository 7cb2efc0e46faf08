#if Gateway
import HoldfastGateway
import HoldfastPostgres
import HoldfastValkey

extension StoreLocation {
    /// Why the store's own client cannot read its URL; nil where it can. Nothing is connected to, and nothing that the URL
    /// holds is told.
    var unreadable: String? {
        switch self {
        case .memory, .sqlite: return nil
        case .postgres(let url): return PostgresStore.fault(ofURL: url)
        case .valkey(let url):
            do {
                _ = try ValkeyAddress(url: url)
                return nil
            } catch {
                return "\(error)"
            }
        }
    }
}

extension ConfigurationFile {
    /// - Throws: `ConfigurationMistakes`, with the option's line.
    func requireReadableStore() throws {
        guard let fault = configuration.store.location.unreadable else { return }
        throw mistake(at: gives("store.locationFile") ? "store.locationFile" : "store.location", fault)
    }
}
#endif
