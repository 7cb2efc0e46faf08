#if Gateway
import Foundation
import HoldfastGateway
import HoldfastPostgres
import HoldfastValkey

extension StoreLocation {
    /// Why the store's own client cannot read its URL; nil where it can. Nothing is connected to, and nothing that the URL
    /// holds is told.
    var unreadable: String? {
        switch self {
        case .memory: return nil
        case .sqlite(let path): return Self.isForeign(path) ? "\(path) is no file of SQLite's" : nil
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

extension StoreLocation {
    /// Whether something else than a database is there already (SQLite's file format, section 1.3). A file that is empty, or
    /// that this process may not read, is left to who opens it.
    private static func isForeign(_ path: String) -> Bool {
        guard let file = FileHandle(forReadingAtPath: path) else { return false }
        defer { try? file.close() }
        guard let head = try? file.read(upToCount: 16), !head.isEmpty else { return false }
        return !head.elementsEqual("SQLite format 3\0".utf8)
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
