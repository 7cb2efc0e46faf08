#if Gateway
import Foundation

/// A client with one connection at a time, which it keeps for as long as it is told that it may. It blocks.
final class KeepAliveClient {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private let port: Int
    private let keepsAlive: Bool
    private var descriptor: Int32 = -1

    /// - Parameter keepsAlive: Whether a connection is used for more than one request.
    init(port: Int, keepsAlive: Bool) {
        self.port = port
        self.keepsAlive = keepsAlive
    }

    deinit { close() }

    /// Sends a GET and reads the answer.
    ///
    /// - Parameter opening: What is sent instead.
    func get(sending opening: String? = nil) throws -> String {
        if descriptor < 0 { try connect() }
        let get = "GET / HTTP/1.1\r\nHost: a\r\n\(keepsAlive ? "" : "Connection: close\r\n")\r\n"
        let request = opening ?? get
        guard send(descriptor, request, request.utf8.count, Int32(MSG_NOSIGNAL)) == request.utf8.count else {
            throw failure("the request could not be sent")
        }
        var text = ""
        var buffer = [UInt8](repeating: 0, count: 4_096)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else {
                throw failure(count == 0 ? "closed after \(text.utf8.count) bytes" : "errno \(errno)")
            }
            text += String(decoding: buffer[..<count], as: UTF8.self)
            guard let end = text.firstRange(of: "\r\n\r\n") else { continue }
            let head = text[..<end.lowerBound].lowercased()
            let length = head.firstMatch(of: /content-length: (\d+)/).flatMap { Int($0.1) } ?? 0
            guard text[end.upperBound...].utf8.count >= length else { continue }
            if !keepsAlive || head.contains("connection: close") { close() }
            return text
        }
    }

    /// Sends a GET and takes the answer slowly, with next to no room for what is on its way.
    ///
    /// - Returns: How many bytes came before the other side closed.
    func slowlyUntilClosed() throws -> Int {
        try connect(room: 2_048)
        let request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        _ = send(descriptor, request, request.utf8.count, Int32(MSG_NOSIGNAL))
        var total = 0
        var buffer = [UInt8](repeating: 0, count: 4_096)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { return total }
            total += count
        }
    }

    private func connect(room: Int32? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        if var room {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &room, socklen_t(MemoryLayout<Int32>.size))
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                Foundation.connect(descriptor, generic, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else { throw failure("no connection: errno \(errno)") }
    }

    private func failure(_ text: String) -> Failure {
        close()
        return Failure(description: text)
    }

    private func close() {
        if descriptor >= 0 { _ = Foundation.close(descriptor) }
        descriptor = -1
    }
}
#endif
