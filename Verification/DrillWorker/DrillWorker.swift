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
///     DrillWorker STORE LOG
///
/// It reads `run KEY`, `resolve KEY completed VALUE` and `resolve KEY released`, a line each, and answers a line each:
/// `done KEY VALUE fresh|replay`, `unknown KEY`, `in-flight KEY`, `not-kept KEY`, `unavailable KEY`, `resolved KEY`,
/// `lost KEY`. The effect of a key is a line in the log, synced.
@main
struct DrillWorker {
    let engine: IdempotencyEngine
    let store: any ClaimStore
    let log: Int32
    private static let scope = Scope(caller: "drill", operation: "effect")

    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 3 else { throw ClaimStoreError(.invalid, "DrillWorker STORE LOG") }
        let store = try await open(arguments[1])
        var configuration = IdempotencyConfiguration()
        // The shortest, so that a stop outlasts it soon.
        configuration.lease = .seconds(1)
        // The drill asks the store, not this process.
        configuration.replayCacheBytes = 0
        let log = Foundation.open(arguments[2], O_WRONLY | O_CREAT | O_APPEND, 0o644)
        guard log >= 0 else { throw ClaimStoreError(.invalid, "cannot open \(arguments[2])") }
        let worker = DrillWorker(
            engine: try IdempotencyEngine(store: store, configuration: configuration), store: store, log: log)
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
        case "run": Self.say(await run(key))
        case "resolve": Self.say(await resolve(key, Array(words.dropFirst(2))))
        default: Self.say("nonsense")
        }
    }

    private func run(_ key: IdempotencyKey) async -> String {
        var policy = IdempotencyPolicy<String>()
        policy.wait = .zero
        do {
            let executed = try await engine.run(key, in: Self.scope, saying: [], policy: policy) { execution in
                try await pause()
                let value = "\(key)-\(execution.fence)-\(UInt32.random(in: 0 ... .max))"
                try append("\(key) \(value)\n")
                try await pause()
                return value
            }
            return "done \(key) \(executed.value) \(executed.isReplay ? "replay" : "fresh")"
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
