#if Gateway
import Foundation
package import Holdfast
package import Logging
import Synchronization

/// Notifies the service manager that has started this process (`sd_notify(3)`): what it asks for in the environment, and
/// nothing where it asks for nothing.
package final class ServiceManager: Sendable {
    private let place: String?
    private let watchdog: Duration?
    private let logger: Logger
    /// The first notice that fails is logged, and none after it.
    private let hasFailed = Atomic<Bool>(false)

    package init(_ request: ServiceRequest, logger: Logger) {
        place = request.socket
        watchdog = request.watchdog
        self.logger = logger
        for fault in request.faults { logger.warning("\(fault)") }
    }

    package func notify(_ notice: ServiceNotice) {
        guard let place, let error = Self.send(Array(notice.text.utf8), to: place),
            !hasFailed.exchange(true, ordering: .relaxed)
        else { return }
        logger.warning(
            "the service manager cannot be notified", metadata: ["socket": "\(place)", "error": "\(error)"])
    }

    /// A reload begins now.
    package func reloads() { notify(.reloading(microseconds: Self.monotonicMicroseconds)) }

    /// Says again and again that the process is alive, each time after it has shown so, until it is cancelled. Returns at
    /// once where nobody listens.
    ///
    /// - Parameter shows: Returns when the process has done what it is there for. While it does not, nothing is said.
    package func keepWatch(by clock: any TimeSource, whenever shows: () async -> Void) async {
        guard let watchdog else { return }
        while !Task.isCancelled {
            await shows()
            notify(.alive)
            guard (try? await clock.sleep(for: watchdog)) != nil else { return }
        }
    }

    /// Of the monotonic clock, which Dispatch reads.
    private static var monotonicMicroseconds: UInt64 { DispatchTime.now().uptimeNanoseconds / 1_000 }

    /// - Returns: What went wrong.
    private static func send(_ bytes: [UInt8], to name: String) -> String? {
        #if os(Linux)
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return String(cString: strerror(errno)) }
        defer { close(descriptor) }
        // A manager that does not read for so long is not waited for.
        // Seconds and microseconds: `timeval`, which a release build of Swift 6.3 does not find in the C library's module.
        var patience = (seconds: 1, microseconds: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout.size(ofValue: patience)))
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var path = Array(name.utf8)
        // A name that is in no file system begins with a zero, and ends with the address.
        if path.first == UInt8(ascii: "@") { path[0] = 0 }
        let start = MemoryLayout<sockaddr_un>.offset(of: \.sun_path) ?? 2
        withUnsafeMutableBytes(of: &address) { bytes in
            // What was asked for is shorter than the field, as was looked at when it was read.
            bytes[start...].copyBytes(from: path.prefix(ServiceRequest.pathLimit))
        }
        let isAbstract = path.first == 0
        let length = socklen_t(start + min(path.count, ServiceRequest.pathLimit) + (isAbstract ? 0 : 1))
        let sent = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bytes.withUnsafeBytes { buffer in
                    sendto(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_NOSIGNAL), address, length)
                }
            }
        }
        return sent == bytes.count ? nil : String(cString: strerror(errno))
        #else
        return nil
        #endif
    }
}
#endif
