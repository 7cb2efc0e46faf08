#if SQLite && PostgreSQL && Valkey
import Foundation
import Holdfast
import HoldfastIdempotency
import HoldfastPostgres
import HoldfastSQLite
import HoldfastValkey
import Synchronization

/// Executes keys as it is told, on the store that is to be drilled. The drill kills it, stops it, and takes its store away.
///
///     DrillWorker STORE LOG [cached]
///
/// It reads `run KEY`, `wait KEY` (for one in progress elsewhere), `both KEY` (twice at once, so that one waits for the
/// other), `probe KEY` (looks into the log, and takes over if there is nothing), `resolve KEY completed VALUE` and
/// `resolve KEY released`, a line each, and answers a line each: `done KEY VALUE fresh|replay|shared|took-over`,
/// `unknown KEY`, `in-flight KEY`, `not-kept KEY`, `unavailable KEY`, `resolved KEY`, `lost KEY`, `wrong KEY`. The effect
/// of a key is a line in the log, synced.
@main
struct DrillWorker {
    let engine: IdempotencyEngine
    let store: any ClaimStore
    let log: Int32
    let path: String
    private static let scope = Scope(caller: "drill", operation: "effect")

    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 3 || arguments.count == 4 && arguments[3] == "cached" else {
            throw ClaimStoreError(.invalid, "DrillWorker STORE LOG [cached]")
        }
        let store = try await open(arguments[1])
        var configuration = IdempotencyConfiguration()
        // The shortest, so that a stop outlasts it soon.
        configuration.lease = .seconds(1)
        // Without a cache, the drill asks the store, not this process.
        if arguments.count == 3 { configuration.replayCacheBytes = 0 }
        let log = Foundation.open(arguments[2], O_WRONLY | O_CREAT | O_APPEND, 0o644)
        guard log >= 0 else { throw ClaimStoreError(.invalid, "cannot open \(arguments[2])") }
        let worker = DrillWorker(
            engine: try IdempotencyEngine(store: store, configuration: configuration), store: store, log: log,
            path: arguments[2])
        say("ready")
        await withTaskGroup(of: Void.self) { group in
            for await line in lines() {
                group.addTask { await worker.carryOut(line.split(separator: " ").map(String.init)) }
            }
        }
    }

    private static func open(_ store: String) async throws -> any ClaimStore {
        if store.hasPrefix("postgres") { return try await PostgresStore(url: store) }
        if store.hasPrefix("valkey") { return try await ValkeyStore(url: store) }
        return try SQLiteStore(path: store)
    }

    private static func lines() -> AsyncStream<String> {
        let (stream, continuation) = AsyncStream.makeStream(of: String.self)
        Thread.detachNewThread {
            while let line = readLine() { continuation.yield(line) }
            continuation.finish()
        }
        return stream
    }

    private static let output = Mutex(())

    private static func say(_ line: String) {
        output.withLock { _ in FileHandle.standardOutput.write(Data((line + "\n").utf8)) }
    }

    private func carryOut(_ words: [String]) async {
        guard words.count >= 2, let key = try? IdempotencyKey(words[1]) else { return Self.say("nonsense") }
        switch words[0] {
        case "run": Self.say(await run(key, waiting: .zero))
        case "wait": Self.say(await run(key, waiting: .seconds(2)))
        case "both": Self.say(await runTwice(key))
        case "probe": Self.say(await run(key, waiting: .zero, probing: true))
        case "resolve": Self.say(await resolve(key, Array(words.dropFirst(2))))
        default: Self.say("nonsense")
        }
    }

    /// Two at once: what the one has done, the other shares.
    private func runTwice(_ key: IdempotencyKey) async -> String {
        async let other = run(key, waiting: .seconds(2))
        let (mine, others) = (await run(key, waiting: .seconds(2)), await other)
        let (left, right) = (mine.split(separator: " "), others.split(separator: " "))
        guard left.first == "done", right.first == "done" else { return left.first == "done" ? mine : others }
        guard left[2] == right[2] else { return "wrong \(key) \(left[2]) \(right[2])" }
        return "done \(key) \(left[2]) shared"
    }

    private func run(_ key: IdempotencyKey, waiting wait: Duration, probing: Bool = false) async -> String {
        var policy = IdempotencyPolicy<String>()
        policy.wait = wait
        if probing {
            policy.unknown = .probe { [path] key in
                let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
                let effect = lines.last { $0.hasPrefix("\(key) ") }
                return effect.map { .completed(String($0.dropFirst(key.description.count + 1))) } ?? .nothing
            }
        }
        do {
            let executed = try await engine.run(key, in: Self.scope, saying: [], policy: policy) { execution in
                try await pause()
                let value = "\(key)-\(execution.fence)-\(UInt32.random(in: 0 ... .max))"
                try append("\(key) \(value)\n")
                try await pause()
                return value
            }
            let how = executed.isReplay ? wait > .zero ? "shared" : "replay" : probing ? "took-over" : "fresh"
            return "done \(key) \(executed.value) \(how)"
        } catch let error as IdempotencyError {
            switch error {
            case .inFlight: return "in-flight \(key)"
            case .unknown: return "unknown \(key)"
            case .notKept: return "not-kept \(key)"
            case .unavailable, .limited: return "unavailable \(key)"
            case .mismatched, .unreadable, .failed: return "wrong \(key)"
            }
        } catch {
            return "unknown \(key)"
        }
    }

    /// Time for somebody to pull the plug.
    private func pause() async throws {
        try await Task.sleep(for: .microseconds(Int.random(in: 0...4_000)))
    }

    private func append(_ line: String) throws {
        let bytes = Array(line.utf8)
        guard write(log, bytes, bytes.count) == bytes.count, fsync(log) == 0 else {
            throw ClaimStoreError(.failed, "the effect cannot be logged")
        }
    }

    /// What an operator does who has looked into the log.
    private func resolve(_ key: IdempotencyKey, _ words: [String]) async -> String {
        do {
            let id = try await store.secret().recordID(of: key, in: Self.scope)
            guard let summary = try await engine.explain(id), summary.state == .unknown else { return "lost \(key)" }
            let resolution: ClaimCommand.Resolution =
                words.first == "completed"
                ? .completed(payload: Array(try JSONEncoder().encode(words.last ?? ""))) : .released
            try await engine.resolve(
                id, fence: summary.fence, as: resolution, .init(by: "drill", why: "the log says so"))
            return "resolved \(key)"
        } catch let error as ClaimStoreError where error.code == .lost {
            return "lost \(key)"
        } catch {
            return "unavailable \(key)"
        }
    }
}
#else
@main
struct DrillWorker {
    static func main() { fatalError("built without the stores that are to be drilled: --traits Gateway") }
}
#endif
