#if Gateway
import Holdfast

/// What a service manager is told, in the words of `sd_notify(3)`: lines of `NAME=VALUE` in one datagram.
package enum ServiceNotice: Sendable, Equatable {
    /// Requests are served, or a reload has ended.
    case ready(status: String)
    /// A reload has begun, at this time of the system's monotonic clock.
    case reloading(microseconds: UInt64)
    /// The process is to end, within this time. The manager waits for so long, though its own limit be shorter.
    case stopping(within: Duration)
    /// The process is alive.
    case alive

    package var text: String {
        switch self {
        case .ready(let status): "READY=1\nSTATUS=\(Self.line(status))"
        case .reloading(let time): "RELOADING=1\nMONOTONIC_USEC=\(time)"
        case .stopping(let time):
            "STOPPING=1\nSTATUS=Draining.\nEXTEND_TIMEOUT_USEC=\(max(0, Int(time / .microseconds(1))))"
        case .alive: "WATCHDOG=1"
        }
    }

    /// What would begin another line may not stand in one.
    private static func line(_ text: String) -> String {
        text.split(whereSeparator: \.isNewline).joined(separator: " ")
    }
}

/// What a service manager asks of a process, by its environment.
package struct ServiceRequest: Sendable, Equatable {
    /// Where notices go: a path, or a name that is in no file system, after `@`.
    package var socket: String?
    /// How often it is to hear that the process is alive: twice within the time after which it ends it.
    package var watchdog: Duration?
    /// What it asks for and cannot have.
    package var faults: [String] = []

    /// The longest path of a socket, with the byte that ends it left out.
    package static let pathLimit = 107

    /// - Parameter process: This process's number. A watchdog may be meant for another, which has handed its environment on.
    package init(_ environment: [String: String], process: Int32) {
        if let socket = environment["NOTIFY_SOCKET"], !socket.isEmpty {
            let isNamed = socket.hasPrefix("/") || socket.hasPrefix("@") && socket != "@"
            if isNamed, socket.utf8.count <= Self.pathLimit {
                self.socket = socket
            } else {
                faults.append(
                    "NOTIFY_SOCKET is \(socket), but must be a path that begins with '/', or a name that begins with '@', of at most \(Self.pathLimit) bytes: the service manager is not notified"
                )
            }
        }
        guard self.socket != nil, let time = environment["WATCHDOG_USEC"] else { return }
        if let meant = environment["WATCHDOG_PID"], Int32(meant) != process { return }
        guard let time = Int64(time), time > 0 else {
            faults.append(
                "WATCHDOG_USEC is \(time), but must be a number of microseconds: the watchdog is not notified")
            return
        }
        watchdog = .microseconds(max(1, time / 2))
    }
}
#endif
