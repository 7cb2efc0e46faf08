#if Gateway
import ArgumentParser
import Foundation

/// A file that a command is given: any that can be read once, a pipe too (`<(…)`), or `-` for the standard input.
enum InputFile {
    /// - Parameter option: What it was given for.
    /// - Throws: A line that names the option, when it cannot be read.
    static func read(_ path: String, for option: String) throws -> [UInt8] {
        let file = path == "-" ? FileHandle.standardInput : FileHandle(forReadingAtPath: path)
        guard let file, let data = try? file.readToEnd() ?? Data() else {
            throw ValidationError("\(option) is \(path), but must be a file that can be read")
        }
        return Array(data)
    }
}
#endif
