#if Gateway
import Foundation
import Holdfast

/// Reads small files whole: configuration, tokens, keys, certificates.
enum BoundedFile {
    /// - Parameter isSecret: Whether nobody else may read it.
    /// - Throws: What the file must be, without what it holds.
    static func read(_ path: String, atMost limit: Int, isSecret: Bool = false) throws(ConfigurationError) -> [UInt8] {
        func wrong(_ allowed: String) -> ConfigurationError {
            ConfigurationError(option: "file", value: path, allowed: allowed)
        }
        // A pipe without a writer would hold its opener for ever.
        let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { throw wrong("a file that can be read (\(reason()))") }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw wrong("a file, not a folder or a device")
        }
        // Of what was opened, wherever links have led.
        if isSecret, let fault = FilePrivacy(status).fault { throw wrong("a file \(fault)") }
        var bytes: [UInt8] = []
        // One byte more than is allowed, so that a file that grows meanwhile is noticed.
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while bytes.count <= limit {
            let count = Foundation.read(descriptor, &buffer, min(buffer.count, limit + 1 - bytes.count))
            guard count >= 0 else {
                if errno == EINTR { continue }
                throw wrong("a file that can be read (\(reason()))")
            }
            guard count > 0 else { return bytes }
            bytes += buffer[..<count]
        }
        throw wrong("a file of at most \(sizeWords(limit))")
    }

    private static func reason() -> String { String(cString: strerror(errno)) }
}
#endif
