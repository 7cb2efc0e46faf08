#if Gateway
import Foundation

/// Whether a file can be where it is to be, as far as can be seen without making it. Who may write there is another's
/// question: the gateway may run as another user than whoever checks.
enum MissingFolder {
    /// - Parameter path: As the process opens it: relative to where it runs.
    static func fault(ofFile path: String) -> String? {
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) {
            return isFolder.boolValue ? "\(shown(path)) is a folder" : nil
        }
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        let isThere =
            folder.isEmpty
            || FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder) && isFolder.boolValue
        return isThere ? nil : "there is no folder \(shown(folder))"
    }
}
#endif
