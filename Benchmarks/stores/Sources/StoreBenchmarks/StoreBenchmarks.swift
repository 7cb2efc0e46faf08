import Foundation
import Holdfast
import HoldfastIdempotency
import HoldfastPostgres
import HoldfastSQLite
import HoldfastValkey
import Synchronization

/// Measures cycles, a claim and its completion, through the engine and its group commit; and the same store without it,
/// one command a commit, as the baseline.
///
///     StoreBenchmarks [--only WORD] [postgres://… [valkey://…]]
///     StoreBenchmarks --script
///
/// With a word, only what has it in its name is measured.
@main
struct StoreBenchmarks {
    static let rounds = 3
    nonisolated(unsafe) private static var only = ""

    nonisolated static func isWanted(_ name: String) -> Bool { only.isEmpty || name.lowercased().contains(only) }

    static func main() async throws {
        var urls = Array(CommandLine.arguments.dropFirst())
        if urls == ["--script"] { return print(ValkeyStore.script, terminator: "") }
        if urls.count >= 2, urls[0] == "--only" {
            only = urls[1].lowercased()
            urls.removeFirst(2)
        }
        let folder = FileManager.default.temporaryDirectory.appending(path: "holdfast-bench-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let sqlite: @Sendable () throws -> SQLiteStore = {
            try SQLiteStore(path: folder.appending(path: "\(UUID()).db").path)
        }

        print("| store | callers | cycles/s | p50, ms | p99, ms |\n|---|---|---|---|---|")
        try await report("memory", cycles: 400_000) { MemoryStore(bound: 10_000_000) }
        try await report("SQLite, fsync before each answer", cycles: 40_000) { try sqlite() }
        try await reportBaseline("SQLite, one commit a command", cycles: 3_000) { try sqlite() }
        if let url = urls.first {
            try await report("PostgreSQL, synchronous commit", cycles: 40_000) { try await PostgresStore(url: url) }
            try await reportBaseline("PostgreSQL, one transaction a command", cycles: 2_000) {
                try await PostgresStore(url: url)
            }
        }
        if let url = urls.dropFirst().first {
            try await report("Valkey", cycles: 100_000) { try await ValkeyStore(url: url) }
            try await reportBaseline("Valkey, one script a command", cycles: 5_000) { try await ValkeyStore(url: url) }
        }

        print("\n| replay of a completed key | µs |\n|---|---|")
        try await reportReplay("the process's cache", try sqlite())
        try await reportReplay("SQLite", try sqlite(), cacheBytes: 0)

        if isWanted("memory of a million") { try await reportMemory(records: 1_000_000) }
        try await reportReaping("memory", MemoryStore(bound: 2_000_000), records: 1_000_000)
        try await reportReaping("SQLite", try sqlite(), records: 1_000_000)
    }

    nonisolated static func report(
        _ name: String, cycles: Int, _ make: @Sendable () async throws -> any ClaimStore
    ) async throws {
        guard isWanted(name) else { return }
        for callers in [64, 256] { try await report(name, callers, cycles: cycles, make) }
    }

    nonisolated static func report(
        _ name: String, _ callers: Int, cycles: Int, _ make: @Sendable () async throws -> any ClaimStore
    ) async throws {
        var results: [(rate: Double, latencies: [Double])] = []
        for _ in 0..<rounds {
            var configuration = IdempotencyConfiguration()
            configuration.keysInFlight = 100_000
            let engine = try IdempotencyEngine(store: try await make(), configuration: configuration)
            results.append(await run(engine, callers: callers, cycles: cycles))
        }
        let median = results.sorted { $0.rate < $1.rate }[rounds / 2]
        let sorted = median.latencies.sorted()
        let (half, tail) = (sorted[sorted.count / 2], sorted[sorted.count * 99 / 100])
        print("| \(name) | \(callers) | \(Int(median.rate)) | \(rounded(half)) | \(rounded(tail)) |")
    }

    nonisolated static func run(
        _ engine: IdempotencyEngine, callers: Int, cycles: Int
    ) async -> (rate: Double, latencies: [Double]) {
        let start = ContinuousClock.now
        let latencies = await withTaskGroup(of: [Double].self) { group in
            for _ in 0..<callers {
                group.addTask {
                    var latencies: [Double] = []
                    for _ in 0..<(cycles / callers) {
                        let began = ContinuousClock.now
                        await cycle(engine, id())
                        latencies.append((ContinuousClock.now - began) / .milliseconds(1))
                    }
                    return latencies
                }
            }
            return await group.reduce(into: []) { $0 += $1 }
        }
        return (Double(latencies.count) / ((ContinuousClock.now - start) / .seconds(1)), latencies)
    }

    nonisolated static func cycle(_ engine: IdempotencyEngine, _ id: RecordID) async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            engine.begin(id, fingerprint: Fingerprint(bytes: id.bytes)) { start in
                guard case .execute(let claim) = consume start else { fatalError("no claim for a fresh key") }
                claim.complete(id.bytes) { error in
                    if let error { fatalError("\(error)") }
                    continuation.resume()
                }
            }
        }
    }

    /// One caller, one key after the other.
    nonisolated static func reportReplay(
        _ name: String, _ store: any ClaimStore, cacheBytes: Int = 16 << 20
    ) async throws {
        guard isWanted("replay from \(name)") else { return }
        var configuration = IdempotencyConfiguration()
        configuration.replayCacheBytes = cacheBytes
        let engine = try IdempotencyEngine(store: store, configuration: configuration)
        let id = id()
        await cycle(engine, id)
        var rounds: [Double] = []
        for _ in 0..<9 {
            let count = 2_000
            let start = ContinuousClock.now
            for _ in 0..<count {
                await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                    engine.begin(id, fingerprint: Fingerprint(bytes: id.bytes)) { start in
                        guard case .replay = consume start else { fatalError("no replay of a completed key") }
                        continuation.resume()
                    }
                }
            }
            rounds.append((ContinuousClock.now - start) / .microseconds(count))
        }
        print("| \(name) | \(rounded(rounds.sorted()[4])) |")
    }

    /// What a million keys take, in memory.
    nonisolated static func reportMemory(records: Int) async throws {
        let before = residentBytes()
        let store = MemoryStore(bound: records)
        let engine = try IdempotencyEngine(store: store)
        for _ in 0..<records { await cycle(engine, id()) }
        let bytes = residentBytes() - before
        print(
            "\nmemory for \(records) completed keys with 32 bytes each: \(bytes >> 20) MiB, \(bytes / records) bytes a key"
        )
        _ = try await store.reap(atMost: 1)
    }

    /// How claims fare while a million expired keys are forgotten, as the gateway does it.
    nonisolated static func reportReaping(_ name: String, _ store: any ClaimStore, records: Int) async throws {
        guard isWanted("reaping from \(name)") else { return }
        for start in stride(from: 0, to: records, by: 256) {
            let batch = (start..<min(records, start + 256)).map { _ in
                let id = id()
                return ClaimCommand(
                    id: id,
                    action: .claim(
                        fingerprint: Fingerprint(bytes: id.bytes), lease: .milliseconds(1), retention: .milliseconds(1))
                )
            }
            _ = try await store.apply(batch)
        }
        let engine = try IdempotencyEngine(store: store)
        let calm = await run(engine, callers: 64, cycles: 20_000)
        let reaped = Reaped(of: store)
        let reaping = try IdempotencyEngine(store: reaped)
        let start = ContinuousClock.now
        let reaper = Task { await reaping.keepReaping() }
        let meanwhile = await run(engine, callers: 64, cycles: 20_000)
        for await _ in reaped.isDone {}
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        reaper.cancel()
        func tail(_ latencies: [Double]) -> Double { rounded(latencies.sorted()[latencies.count * 99 / 100]) }
        print(
            """
            reaping \(reaped.count.load(ordering: .relaxed)) expired keys, \(name): \(rounded(seconds)) s; cycles/s \(Int(calm.rate)) before and \
            \(Int(meanwhile.rate)) meanwhile, p99 \(tail(calm.latencies)) ms and \(tail(meanwhile.latencies)) ms
            """)
    }

    nonisolated static func residentBytes() -> Int {
        let fields = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))?.split(separator: " ") ?? []
        return (fields.count > 1 ? Int(fields[1]) ?? 0 : 0) * 4_096
    }

    nonisolated static func reportBaseline(
        _ name: String, cycles: Int, _ make: @Sendable () async throws -> any ClaimStore
    ) async throws {
        guard isWanted(name) else { return }
        var rates: [Double] = []
        for _ in 0..<rounds {
            let store = try await make()
            let start = ContinuousClock.now
            for _ in 0..<cycles {
                let id = id()
                let claim = ClaimCommand.Action.claim(
                    fingerprint: Fingerprint(bytes: id.bytes), lease: .seconds(60), retention: .seconds(86_400))
                guard case .claimed(let fence)? = try await store.apply([ClaimCommand(id: id, action: claim)]).first
                else { fatalError("no claim for a fresh key") }
                let complete = ClaimCommand.Action.complete(
                    fence: fence, payload: id.bytes, retention: .seconds(86_400))
                _ = try await store.apply([ClaimCommand(id: id, action: complete)])
            }
            rates.append(Double(cycles) / ((ContinuousClock.now - start) / .seconds(1)))
        }
        print("| \(name) | 1 | \(Int(rates.sorted()[rounds / 2])) | | |")
    }

    /// Begins somewhere else in each process, so that keys are fresh on a server that has seen others.
    static let drawn = Atomic<UInt64>(UInt64.random(in: 0 ... .max))

    /// A fresh one, scattered as hashes are.
    nonisolated static func id() -> RecordID {
        var state = drawn.wrappingAdd(0x9E37_79B9_7F4A_7C15, ordering: .relaxed).newValue
        var words: [UInt64] = []
        for _ in 0..<4 {
            state = (state ^ state >> 29) &* 0xBF58_476D_1CE4_E5B9
            words.append(state)
        }
        return RecordID(bytes: words.withUnsafeBytes { Array($0) })
    }

    nonisolated static func rounded(_ value: Double) -> Double { (value * 100).rounded() / 100 }
}
