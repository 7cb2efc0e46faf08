#if Gateway
import Foundation

/// Writes lines whole, to whatever is behind a descriptor.
enum WholeWrite {
    /// Writes all bytes, unless that fails. Another process may have made the descriptor one that does not block; then it waits.
    ///
    /// - Parameter patience: For how many milliseconds nothing may be taken; -1: for ever.
    /// - Returns: How many bytes are written, and why these are not all.
    static func write(
        _ bytes: [UInt8], to descriptor: Int32, patience: Int32
    ) -> (count: Int, error: Int32?) {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                Foundation.write(descriptor, buffer.baseAddress.map { $0 + done }, bytes.count - done)
            }
            if count >= 0 {
                done += count
            } else if errno == EAGAIN {
                var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                guard poll(&waiting, 1, patience) != 0 else { return (done, EAGAIN) }
            } else if errno != EINTR {
                return (done, errno)
            }
        }
        return (done, nil)
    }
}
#endif
