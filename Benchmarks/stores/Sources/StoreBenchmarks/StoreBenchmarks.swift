import Foundation
import Holdfast
import HoldfastIdempotency
import HoldfastPostgres
import HoldfastSQLite

/// Measures cycles, a claim and its completion, through the engine and its group commit; and the same store without it,
/// one command a commit, as the baseline.
///
///     StoreBenchmarks [postgres://…]
@main
struct StoreBenchmarks {
    static let rounds = 3

    static func main() async throws {
        print("| store | callers | cycles/s | p50, ms | p99, ms |\n|---|---|---|---|---|")
        for callers in [64, 256] {
            try await report("memory", callers, cycles: 200_000) { MemoryStore() }
        }
        let folder = FileManager.default.temporaryDirectory.appending(path: "holdfast-bench-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path: @Sendable () -> String = { folder.appending(path: "\(UUID()).db").path }
        for callers in [64, 256] {
            try await report("SQLite, fsync before each answer", callers, cycles: 40_000) {
                try SQLiteStore(path: path())
            }
        }
        try await reportBaseline("SQLite, one commit a command", cycles: 3_000) { try SQLiteStore(path: path()) }
        guard let url = CommandLine.arguments.dropFirst().first else { return }
        for callers in [64, 256] {
            try await report("PostgreSQL, synchronous commit", callers, cycles: 20_000) {
                try await PostgresStore(url: url)
            }
        }
        try await reportBaseline("PostgreSQL, one transaction a command", cycles: 2_000) {
            try await PostgresStore(url: url)
        }
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
            for caller in 0..<callers {
                group.addTask {
                    var latencies: [Double] = []
                    for number in 0..<(cycles / callers) {
                        let began = ContinuousClock.now
                        await cycle(engine, id(caller, number))
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

    nonisolated static func reportBaseline(
        _ name: String, cycles: Int, _ make: @Sendable () async throws -> any ClaimStore
    ) async throws {
        var rates: [Double] = []
        for round in 0..<rounds {
            let store = try await make()
            let start = ContinuousClock.now
            for number in 0..<cycles {
                let id = id(1_000_000 + round, number)
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

    /// Fresh in every run: a part of it is drawn.
    nonisolated static func id(_ caller: Int, _ number: Int) -> RecordID {
        let words = [UInt64.random(in: 0 ... .max), UInt64(caller), UInt64(number), 0]
        return RecordID(bytes: words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } })
    }

    nonisolated static func rounded(_ value: Double) -> Double { (value * 100).rounded() / 100 }
}
