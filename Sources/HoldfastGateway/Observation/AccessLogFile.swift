#if Gateway
import Foundation
import Logging

extension AccessLog {
    /// Where the lines go. Used on the log's own queue alone, and by the log's initialiser.
    final class File: @unchecked Sendable {
        private let path: String?
        private let logger: Logger
        private var descriptor: Int32
        /// Whether the last write failed. Told once, and again when it is over.
        private var isFailing = false
        /// Whether the file ends in the middle of a line.
        private var isTorn = false

        init(path: String?, logger: Logger) {
            self.path = path
            self.logger = logger
            descriptor = path == nil ? STDOUT_FILENO : -1
        }

        deinit { if path != nil, descriptor >= 0 { Foundation.close(descriptor) } }

        /// - Returns: What went wrong, if anything did. Then what was open before stays open.
        func open() -> String? {
            guard let path else { return nil }
            // Others may read it only if their group is ours: paths say what people do.
            let opened = Foundation.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o640)
            guard opened >= 0 else { return Self.message(errno) }
            if descriptor >= 0 { Foundation.close(descriptor) }
            descriptor = opened
            isTorn = false
            return nil
        }

        func reopen() {
            guard let error = open() else { return }
            logger.error(
                "the access log cannot be opened anew, and goes on in the old file", metadata: ["error": "\(error)"])
        }

        /// - Returns: Whether all of it was written.
        func write(_ bytes: [UInt8]) -> Bool {
            guard !isTorn || writeWhole([UInt8(ascii: "\n")]) == nil else { return false }
            isTorn = false
            let error = writeWhole(bytes)
            if let error, !isFailing {
                logger.error("the access log cannot be written; lines are dropped", metadata: ["error": "\(error)"])
            } else if error == nil, isFailing {
                logger.notice("the access log is written again")
            }
            isFailing = error != nil
            return error == nil
        }

        private func writeWhole(_ bytes: [UInt8]) -> String? {
            let (count, error) = WholeWrite.write(bytes, to: descriptor, patience: -1)
            if count > 0 { isTorn = count < bytes.count }
            return error.map(Self.message)
        }

        private static func message(_ code: Int32) -> String { String(cString: strerror(code)) }
    }
}
#endif
