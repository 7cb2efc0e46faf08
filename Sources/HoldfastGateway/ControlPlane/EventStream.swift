#if Gateway
import Holdfast
import Hummingbird
import NIOCore

/// What a page is told of as it happens, for as long as it is open: server-sent events. What is told, ``PageFeed`` decides.
struct EventStream: Sendable {
    /// When nothing else is said for so long, a word without meaning is: whoever has left without a word is found out.
    static let silence = Duration.seconds(15)

    let state: @Sendable () -> GatewayState
    let words: @Sendable () -> PlanWords
    let trends: TrendKeeper
    let transitions: TransitionLog
    let clock: any TimeSource
    /// Whether whoever asked may still ask.
    let isAdmitted: @Sendable () -> Bool

    private var sight: PageFeed.Sight { PageFeed.Sight(state: state(), plan: words(), trends: trends) }

    var body: ResponseBody {
        ResponseBody { writer in
            // From before the log is read on, so that none is missed; the page knows those that it has.
            let events = transitions.listen()
            var (feed, messages) = try PageFeed.begin(sight, transitions: transitions.entries)
            var lastWord = clock.now
            for message in messages { try await writer.write(ByteBuffer(bytes: message.bytes)) }
            for await event in events {
                guard isAdmitted() else { break }
                switch event {
                case .transition(let entry):
                    messages = feed.hear(entry) ? try feed.tell(sight, urgentOnly: true) : []
                case .sample:
                    feed.tick()
                    messages = try feed.tell(sight)
                    if messages.isEmpty, lastWord.duration(to: clock.now) >= Self.silence {
                        lastWord = clock.now
                        try await writer.write(ByteBuffer(string: ":\n\n"))
                    }
                }
                guard !messages.isEmpty else { continue }
                lastWord = clock.now
                try await writer.write(ByteBuffer(bytes: messages.flatMap(\.bytes)))
            }
            try await writer.finish(nil)
        }
    }
}
#endif
