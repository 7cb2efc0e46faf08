#if Gateway
import FoundationEssentials
import Holdfast
import Hummingbird
import NIOCore

/// What a page is told of as it happens, for as long as it is open: server-sent events.
struct EventStream: Sendable {
    /// When nothing else is said for so long, a word without meaning is: whoever has left without a word is found out.
    static let silence = Duration.seconds(15)

    let state: @Sendable () -> GatewayState
    let words: @Sendable () -> PlanWords
    let transitions: TransitionLog
    let clock: any TimeSource
    /// Whether whoever asked may still ask.
    let isAdmitted: @Sendable () -> Bool

    var body: ResponseBody {
        ResponseBody { writer in
            var (plan, latest) = (words(), state())
            var lastWord = clock.now
            try await writer.write(Self.event("plan", plan))
            try await writer.write(Self.event("state", latest))
            for await event in transitions.listen() {
                guard isAdmitted() else { break }
                if case .transition(let entry) = event { try await writer.write(Self.event("transition", entry)) }
                let reloaded = words()
                if reloaded != plan {
                    plan = reloaded
                    try await writer.write(Self.event("plan", plan))
                }
                let current = state()
                if current != latest {
                    latest = current
                    lastWord = clock.now
                    try await writer.write(Self.event("state", current))
                } else if lastWord.duration(to: clock.now) >= Self.silence {
                    lastWord = clock.now
                    try await writer.write(ByteBuffer(string: ":\n\n"))
                }
            }
            try await writer.finish(nil)
        }
    }

    private static func event(_ name: String, _ value: some Encodable) throws -> ByteBuffer {
        var buffer = ByteBuffer(string: "event: \(name)\ndata: ")
        buffer.writeBytes(try JSONEncoder().encode(value))
        buffer.writeString("\n\n")
        return buffer
    }
}
#endif
