#if Gateway
import Foundation

/// Whether a file can be where it is to be, as far as can be seen without making it.
package enum MissingFolder {
    /// - Parameters:
    ///   - path: As the process opens it: relative to where it runs.
    ///   - isWritten: Whether this process is to write it. One that checks for another, which may run as another user, need
    ///     not be able to.
    ///   - isAlone: Whether nothing else is written beside it, as a store's log is.
    package static func fault(ofFile path: String, isWritten: Bool = false, isAlone: Bool = false) -> String? {
        var isFolder: ObjCBool = false
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) {
            guard !isFolder.boolValue else { return "\(shown(path)) is a folder" }
            if isWritten, access(path, W_OK) != 0 { return "\(shown(path)) may not be written by \(user)" }
            if isAlone { return nil }
        } else {
            let isThere =
                folder.isEmpty
                || FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder) && isFolder.boolValue
            guard isThere else { return "there is no folder \(shown(folder))" }
        }
        guard isWritten, access(folder.isEmpty ? "/" : folder, W_OK | X_OK) != 0 else { return nil }
        return "nothing may be made in the folder \(shown(folder.isEmpty ? "/" : folder)) by \(user)"
    }

    private static var user: String { "this user (\(NSUserName()))" }
}
#endif
