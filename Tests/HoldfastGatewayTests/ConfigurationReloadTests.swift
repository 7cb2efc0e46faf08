#if Gateway
import Foundation
import Logging
import Synchronization
import Testing

@testable import HoldfastGateway

@Suite struct ConfigurationReloadTests {
    /// What was handed on, and what was logged, in order.
    private final class Heard: Sendable {
        enum Event: Sendable, Equatable {
            case applied(deadline: Duration)
            case logged(Logger.Level, String)
        }

        let events: AsyncStream<Event>
        private let said: AsyncStream<Event>.Continuation

        init() { (events, said) = AsyncStream.makeStream() }

        func say(_ event: Event) { said.yield(event) }

        var logger: Logger { Logger(label: "test") { _ in Handler(heard: self) } }

        /// Each event from now on.
        func first(_ count: Int) async -> [Event] {
            var found: [Event] = []
            for await event in events {
                found.append(event)
                if found.count == count { break }
            }
            return found
        }
    }

    private struct Handler: LogHandler {
        let heard: Heard
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.info

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) { heard.say(.logged(event.level, "\(event.message)")) }
    }

    private static func text(deadline: String) -> String {
        ConfigurationFolder.least + "    deadline: \(deadline)\n"
    }

    private func reloader(
        of path: String, _ heard: Heard, apply: @escaping @Sendable (GatewayConfiguration) throws -> Void = { _ in }
    ) throws -> ConfigurationReloader {
        ConfigurationReloader(try ConfigurationFile(path: path), logger: heard.logger) { configuration in
            try apply(configuration)
            heard.say(.applied(deadline: configuration.routes[0].deadline))
        }
    }

    /// Runs the reloader beside the body.
    private func running(_ reloader: ConfigurationReloader, _ body: () async throws -> Void) async throws {
        let run = Task { try await reloader.run() }
        defer { run.cancel() }
        try await body()
        run.cancel()
        try await run.value
    }

    @Test func `a good file is handed on and a bad one is told whole and kept off`() async throws {
        let folder = try ConfigurationFolder()
        defer { folder.remove() }
        let path = try folder.write(Self.text(deadline: "1s"))
        let heard = Heard()
        let reloader = try reloader(of: path, heard)

        try folder.write("threads: 0\n" + Self.text(deadline: "soon"))
        _ = await reloader.read(unless: nil)
        let told = await heard.first(3)
        #expect(
            told == [
                .logged(.error, "\(path):1:10: threads is 0, but must be a whole number from 1 to 1024"),
                .logged(
                    .error,
                    "\(path):8:15: routes[0].deadline is soon, but must be a duration such as 250ms, 5s, 2m, 24h or 7d, from 1ms to 1h"
                ),
                .logged(.error, "the configuration is kept as it was"),
            ])

        try folder.write(Self.text(deadline: "2s"))
        let reading = await reloader.read(unless: nil)
        #expect(reading.isGood && reading.files == [path])
        let applied = await heard.first(2)
        #expect(applied == [.applied(deadline: .seconds(2)), .logged(.notice, "the configuration was read again")])
    }

    @Test func `what needs a restart is told and kept off`() async throws {
        struct Refusal: Error {}
        let folder = try ConfigurationFolder()
        defer { folder.remove() }
        let heard = Heard()
        let reloader = try reloader(of: folder.write(Self.text(deadline: "1s")), heard) { _ in throw Refusal() }
        _ = await reloader.read(unless: nil)
        let told = await heard.first(1)
        #expect(told == [.logged(.error, "the configuration is kept as it was")])
    }

    @Test func `every option that needs a restart is told with its line, each on a line of its own`() async throws {
        let folder = try ConfigurationFolder()
        defer { folder.remove() }
        let first = try ConfigurationFile(path: folder.write(Self.text(deadline: "1s") + "threads: 3\n"))
        let heard = Heard()
        let reloader = ConfigurationReloader(first, logger: heard.logger) { configuration in
            let options = first.configuration.restartOptions(changedTo: configuration)
            if !options.isEmpty { throw RestartRequired(options: options) }
        }
        let path = try folder.write(
            Self.text(deadline: "2s") + """
                admin:
                  address: 127.0.0.1:9191
                listeners:
                  - address: 127.0.0.1:8080
                    http2: false
                    streams: 5
                log: {level: warning, format: json}
                store: {location: memory, maximumKeys: 10}
                accessLog: {}
                limits:
                  keysPerCaller: 4
                  bytesPerAddress: 1MiB

                """)
        _ = await reloader.read(unless: nil)
        let told = await heard.first(12)
        let places = [
            "12:12: listeners[0].http2", "13:14: listeners[0].streams", "9:12: admin.address", "15:19: store.location",
            "15:40: store.maximumKeys", "14:14: log.level", "14:31: log.format", "16:12: accessLog", nil,
            "18:18: limits.keysPerCaller", "19:20: limits.bytesPerAddress",
        ]
        let lines = places.map { place in
            let words = "\(place ?? " threads") has another value, which needs a restart"
            return Heard.Event.logged(.error, "\(path):\(words)")
        }
        #expect(told == lines + [.logged(.error, "the configuration is kept as it was")])
    }

    @Test func `a file that is not watched is read when somebody asks for it, and not when it changes`() async throws {
        let folder = try ConfigurationFolder()
        defer { folder.remove() }
        let path = try folder.write(Self.text(deadline: "1s"))
        let heard = Heard()
        let reloader = ConfigurationReloader(try ConfigurationFile(path: path), logger: heard.logger, watches: false) {
            heard.say(.applied(deadline: $0.routes[0].deadline))
        }
        try folder.write(Self.text(deadline: "2s"))
        try await running(reloader) {
            try folder.write(Self.text(deadline: "3s"))
            try folder.write(Self.text(deadline: "4s"))
            reloader.readAgain()
            // The first that is heard of is the one that was asked for.
            await expect(heard, .seconds(4))
        }
    }

    @Test func `a file that is written again or replaced is read again`() async throws {
        let folder = try ConfigurationFolder()
        defer { folder.remove() }
        let path = try folder.write(Self.text(deadline: "1s"))
        let heard = Heard()
        let reloader = try reloader(of: path, heard)
        // What changes before the watch began is noticed as well, and tells that it has begun.
        try folder.write(Self.text(deadline: "2s"))
        try await running(reloader) {
            await expect(heard, .seconds(2))
            try folder.write(Self.text(deadline: "3s"))
            await expect(heard, .seconds(3))
            try folder.write(Self.text(deadline: "4s"), to: "other.yaml")
            #expect(rename(folder.path("other.yaml"), path) == 0)
            await expect(heard, .seconds(4))
            reloader.readAgain()
            await expect(heard, .seconds(4))
        }
    }

    private func expect(
        _ heard: Heard, _ deadline: Duration, mayRepeat former: Duration? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async {
        func applied(_ deadline: Duration) -> [Heard.Event] {
            [.applied(deadline: deadline), .logged(.notice, "the configuration was read again")]
        }
        var events = await heard.first(2)
        // A folder and a file in it are two that are watched: one change may be noticed twice.
        while let former, events == applied(former) { events = await heard.first(2) }
        #expect(
            events == applied(deadline),
            sourceLocation: sourceLocation)
    }

    @Test func `a folder that is swapped by its link as Kubernetes does is noticed`() async throws {
        let folder = try ConfigurationFolder()
        defer { folder.remove() }
        try folder.write(Self.text(deadline: "1s"), to: "..first/holdfast.yaml")
        func link(_ name: String, to target: String) { #expect(symlink(target, folder.path(name)) == 0) }
        link("..data", to: "..first")
        link("holdfast.yaml", to: "..data/holdfast.yaml")
        let heard = Heard()
        let reloader = try reloader(of: folder.path("holdfast.yaml"), heard)
        try folder.write(Self.text(deadline: "2s"), to: "..first/holdfast.yaml")
        try await running(reloader) {
            await expect(heard, .seconds(2))
            for number in 3...5 {
                try folder.write(Self.text(deadline: "\(number)s"), to: "..\(number)/holdfast.yaml")
                link("..data_tmp", to: "..\(number)")
                #expect(rename(folder.path("..data_tmp"), folder.path("..data")) == 0)
                await expect(heard, .seconds(number), mayRepeat: .seconds(number - 1))
            }
            // The folder that the link points to now is watched, and the one before is not.
            try folder.write(Self.text(deadline: "9s"), to: "..4/holdfast.yaml")
            try folder.write(Self.text(deadline: "6s"), to: "..5/holdfast.yaml")
            await expect(heard, .seconds(6), mayRepeat: .seconds(5))
        }
    }

    @Test func `files that it names are watched from when it names them`() async throws {
        let folder = try ConfigurationFolder()
        defer { folder.remove() }
        try folder.write("a-token-of-twenty-eight-bytes", to: "secrets/token")
        let path = try folder.write(Self.text(deadline: "1s"))
        let heard = Heard()
        let reloader = try reloader(of: path, heard)
        try folder.write("admin: {tokenFile: secrets/token}\n" + Self.text(deadline: "2s"))
        try await running(reloader) {
            await expect(heard, .seconds(2))
            // What it names is read once more when it is watched.
            await expect(heard, .seconds(2))
            try folder.write("another-token-of-some-bytes", to: "secrets/token")
            await expect(heard, .seconds(2))
        }
    }

    @Test func `a bad file is put right by a file that it names`() async throws {
        let folder = try ConfigurationFolder()
        defer { folder.remove() }
        let path = try folder.write(Self.text(deadline: "1s"))
        let heard = Heard()
        let reloader = try reloader(of: path, heard)
        try folder.write("admin: {tokenFile: secrets/token}\n" + Self.text(deadline: "2s"))
        try await running(reloader) {
            let told = await heard.first(2)
            #expect(told.last == .logged(.error, "the configuration is kept as it was"))
            // What it names is read once more when it is watched.
            _ = await heard.first(2)
            try FileManager.default.createDirectory(atPath: folder.path("secrets"), withIntermediateDirectories: true)
            try folder.write("a-token-of-twenty-eight-bytes", to: "fresh")
            #expect(rename(folder.path("fresh"), folder.path("secrets/token")) == 0)
            // The folder alone may have been noticed, and the token not have been there.
            var event = await heard.first(1).first
            while event != .applied(deadline: .seconds(2)), event != nil { event = await heard.first(1).first }
        }
    }

    @Test func `a burst of changes is told at least once after its last and never for other files`() async throws {
        let folder = try ConfigurationFolder()
        defer { folder.remove() }
        let path = try folder.write("0")
        let (changes, said) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let count = Mutex(0)
        let watch = try FileWatch([path]) {
            count.withLock { $0 += 1 }
            said.yield()
        }
        for number in 1...200 {
            try folder.write("\(number)")
            try folder.write("\(number)", to: "beside")
        }
        for await _ in changes where try String(contentsOfFile: path, encoding: .utf8) == "200" { break }
        #expect(count.withLock { $0 } <= 200)
        watch.end()
    }

    @Test func `steps lead through every link to the file`() throws {
        let folder = try ConfigurationFolder()
        defer { folder.remove() }
        try folder.write("x", to: "real/deep/file")
        #expect(symlink("../real", folder.path("real/up")) == 0)
        #expect(symlink(folder.path("real/up/deep"), folder.path("short")) == 0)
        #expect(symlink("loop", folder.path("loop")) == 0)
        var names: [String] = []
        FileSteps.walk(folder.path("short/file")) { _, name in names.append(name) }
        // The link, the way that it names, the link on that way, and where it leads.
        #expect(names.suffix(5) == ["real", "up", "real", "deep", "file"])
        #expect(names.contains("short"))
        var steps = 0
        FileSteps.walk(folder.path("loop")) { _, _ in steps += 1 }
        #expect(steps < 100)
    }
}
#endif
