#if Gateway && (FUZZ || DEBUG)
import Foundation
import Holdfast
import HoldfastIdempotency

/// Fuzzes one parser: its seeds as they are, then what becomes of them. An input that leads where none has led before is
/// taken among the seeds, for this run.
struct Campaign {
    /// The most inputs that are mutated. Beyond it, a new one takes the place of an old one that is no seed.
    private static let poolBound = 4_096
    /// The longest of them, in bytes: what is long is slow, and leads where something shorter leads too.
    private static let sizeBound = 2 << 10
    /// The most outcomes that are told apart.
    private static let outcomeBound = 1 << 20

    struct Report: CustomStringConvertible {
        let name: String
        var inputs = 0
        var seconds = 0.0
        var outcomes = 0
        /// What one input took of the processor at the most, in seconds.
        var slowest = 0.0

        var description: String {
            let rate = Int(Double(inputs) / max(seconds, 1e-6))
            let milliseconds = (slowest * 10_000).rounded() / 10
            return "\(name): \(inputs) inputs, \(rate)/s, \(outcomes) outcomes, the slowest \(milliseconds) ms, "
                + "\(peakMegabytes()) MB at the most"
        }
    }

    private let target: FuzzTarget
    private let corpus: Corpus
    private let seed: UInt64
    private let current: CurrentInput

    init(_ target: FuzzTarget, _ corpus: Corpus, seed: UInt64, current: CurrentInput) {
        self.target = target
        self.corpus = corpus
        self.seed = seed
        self.current = current
    }

    /// - Throws: ``Violation`` with the input that broke it.
    func run(inputs: Int) throws -> Report {
        var mutator = Mutator(seed: seed ^ Outcome(target.name).mark, words: target.words)
        var pool = corpus.seeds
        var seen: Set<Outcome> = []
        var report = Report(name: target.name)
        var replaced = 0
        let start = seconds(CLOCK_MONOTONIC)
        var before = seconds(CLOCK_THREAD_CPUTIME_ID)
        for number in 0..<max(inputs, pool.count) {
            let input = number < corpus.seeds.count ? corpus.seeds[number] : mutator.next(from: pool)
            current.set(input, of: target.name, seed: seed)
            let outcome: Outcome
            do {
                outcome = try target.run(input)
            } catch {
                throw Violation("\(target.name): \(error)\nseed \(seed), input:\n\(hex(input))")
            }
            let now = seconds(CLOCK_THREAD_CPUTIME_ID)
            report.slowest = max(report.slowest, now - before)
            before = now
            guard seen.count < Self.outcomeBound, seen.insert(outcome).inserted else { continue }
            guard number >= corpus.seeds.count, input.count <= Self.sizeBound else { continue }
            if pool.count < Self.poolBound {
                pool.append(input)
            } else if corpus.seeds.count < Self.poolBound {
                pool[corpus.seeds.count + replaced % (Self.poolBound - corpus.seeds.count)] = input
                replaced += 1
            }
        }
        report.inputs = max(inputs, corpus.seeds.count)
        report.seconds = seconds(CLOCK_MONOTONIC) - start
        report.outcomes = seen.count
        return report
    }
}

private func seconds(_ clock: clockid_t) -> Double {
    var time = timespec()
    clock_gettime(clock, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

/// What the process has taken of memory at the most, so far.
private func peakMegabytes() -> Int {
    var usage = rusage()
    #if canImport(Glibc)
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_maxrss >> 10
    #else
    getrusage(RUSAGE_SELF, &usage)
    return usage.ru_maxrss >> 20
    #endif
}
#endif
