#if Gateway
import Holdfast
import HoldfastHTTP
import NIOCore
import NIOHTTP1

/// The service's answer, to the client or into the record.
extension Exchange {
    func received(_ head: HTTPResponseHead) {
        guard phase == .awaitingHead else { return }
        attemptDeadline = nil
        let status = Int(head.status.code)
        let isFailure = StatusMeaning.isServiceFailure(status)
        if isFailure {
            judge(.failed)
        } else if permit?.isProbe ?? false {
            // A probe asks whether the service answers, and it has; its place is not held while a body streams.
            judge(.succeeded)
        }
        let retryAfter = head.headers.first(name: "retry-after").flatMap(RetryAfter.parse)
        if let failure = StatusMeaning.failureWorthRetrying(status, retryAfter: retryAfter),
            retryIfAllowed(after: failure)
        {
            connection?.drain()
            connection = nil
            return
        }
        responseHead = head
        if claim != nil {
            phase = .collecting
            armAttemptTimer()
        } else {
            relay(head)
        }
    }

    func relay(_ head: HTTPResponseHead) {
        phase = .relaying
        guard let client else { return }
        let (head, keepsAlive) = HeaderRules.toClient(
            head, for: request, keepAlive: request.isKeepAlive && isRequestComplete)
        keepsClientAlive = keepsAlive
        client.write(.head(head))
        armAttemptTimer()
    }

    func received(_ body: ByteBuffer) {
        switch phase {
        case .relaying:
            client?.write(.body(.byteBuffer(body)))
            armAttemptTimer()
            if let client, !client.isWritable { connection?.holdReads(true) }
        case .collecting:
            collect(body)
            if phase == .collecting { armAttemptTimer() }
        case .recording:
            // Came with what made the response too large to keep; it goes out after it.
            collected.append(body)
        case .gathering, .claiming, .waiting, .connecting, .awaitingHead, .finished:
            break
        }
    }

    func flush() {
        if phase == .relaying { client?.flush() }
    }

    func receivedEnd() {
        connection = nil
        judge(.succeeded)
        switch phase {
        case .relaying:
            end(keepAlive: keepsClientAlive && isRequestComplete)
        case .collecting:
            record()
        case .recording:
            responseEnd = .whole
        case .gathering, .claiming, .waiting, .connecting, .awaitingHead, .finished:
            break
        }
    }
}
#endif
