#if Gateway && (FUZZ || DEBUG)
import Foundation
import Holdfast
import HoldfastIdempotency

/// Feeds every parser with what nobody would send. `Verification/fuzzer` builds and calls it.
///
///     Fuzz CORPUS CURRENT [--inputs N] [--seed S] [NAME …]     fuzzes; CURRENT is the file for the current input
///     Fuzz --last CURRENT                                      tells what was being parsed when a run ended
///     Fuzz --once NAME HEX                                     parses one input
///     Fuzz --names                                             lists the parsers
///     Fuzz --shares N [NAME …]                                 how many of N inputs are each parser's, a line each
///     Fuzz --unpack CORPUS NAME FOLDER                         a parser's seeds and words, for libFuzzer
///     Fuzz --pack FOLDER FILE …                                keeps files as seeds in a folder of the corpus
@main
struct Fuzz {
    private struct Arguments {
        var places: [String] = []
        var inputs = 500_000
        var seed: UInt64 = 1
    }

    static func main() {
        do {
            if Guided.isAsked { try Guided.run() }
            try run(Array(CommandLine.arguments.dropFirst()))
        } catch {
            FileHandle.standardError.write(Data("fuzz: \(error)\n".utf8))
            exit(1)
        }
    }

    private static func run(_ words: [String]) throws {
        switch words.first {
        case "--names": print(FuzzTarget.all.map(\.name).joined(separator: "\n"))
        case "--last": print(CurrentInput.describe(path: words.last ?? ""))
        case "--once": try once(words)
        case "--shares": try shares(words)
        case "--unpack":
            guard words.count == 4, let target = FuzzTarget.all.first(where: { $0.name == words[2] }) else {
                throw Violation("--unpack CORPUS NAME FOLDER")
            }
            try Guided.unpack(target, Corpus(folder: "\(words[1])/\(target.name)"), into: words[3])
        case "--pack": for file in words.dropFirst(2) { try Corpus.keep(file, in: words[1]) }
        default: try fuzz(try read(words))
        }
    }

    private static func once(_ words: [String]) throws {
        guard words.count == 3, let target = FuzzTarget.all.first(where: { $0.name == words[1] }),
            let input = bytes(hex: words[2])
        else { throw Violation("--once NAME HEX") }
        print("outcome \(try target.run(input).mark)")
    }

    /// Most of them evenly, so that none goes short, and the rest by the parsers' own shares.
    private static func shares(_ words: [String]) throws {
        guard let inputs = words.dropFirst().first.flatMap({ Double($0) }), inputs >= 1 else {
            throw Violation("--shares N [NAME …]")
        }
        let targets = try targets(words.dropFirst(2))
        let shares = targets.reduce(0) { $0 + $1.share }
        for target in targets {
            let count = inputs * (0.75 / Double(targets.count) + 0.25 * target.share / shares)
            print("\(target.name) \(Int(count.rounded(.up)))")
        }
    }

    private static func targets(_ names: ArraySlice<String>) throws -> [FuzzTarget] {
        for name in names where !FuzzTarget.all.contains(where: { $0.name == name }) {
            throw Violation("there is no parser '\(name)': --names lists them")
        }
        return FuzzTarget.all.filter { names.isEmpty || names.contains($0.name) }
    }

    private static func read(_ words: [String]) throws -> Arguments {
        var arguments = Arguments()
        var rest = words[...]
        while let word = rest.popFirst() {
            switch word {
            case "--inputs":
                guard let number = rest.popFirst().flatMap({ Int($0) }), number > 0 else {
                    throw Violation("--inputs needs a number")
                }
                arguments.inputs = number
            case "--seed":
                guard let seed = rest.popFirst().flatMap({ UInt64($0) }) else {
                    throw Violation("--seed needs a number")
                }
                arguments.seed = seed
            default: arguments.places.append(word)
            }
        }
        guard arguments.places.count >= 2 else { throw Violation("the corpus and the file for the current input") }
        return arguments
    }

    private static func fuzz(_ arguments: Arguments) throws {
        let targets = try targets(arguments.places.dropFirst(2))
        let current = try CurrentInput(path: arguments.places[1])
        current.watch()
        let shares = targets.reduce(0) { $0 + $1.share }
        var all = (inputs: 0, seconds: 0.0, outcomes: 0)
        for target in targets {
            let corpus = try Corpus(folder: "\(arguments.places[0])/\(target.name)")
            let campaign = Campaign(target, corpus, seed: arguments.seed, current: current)
            // Rounded up, so that all together are at least as many as were asked for.
            let report = try campaign.run(inputs: Int((Double(arguments.inputs) * target.share / shares).rounded(.up)))
            print(report)
            fflush(nil)
            all = (all.inputs + report.inputs, all.seconds + report.seconds, all.outcomes + report.outcomes)
        }
        let rate = Int(Double(all.inputs) / max(all.seconds, 1e-6))
        print("all: \(all.inputs) inputs, \(rate)/s, \(all.outcomes) outcomes, no crash; seed \(arguments.seed)")
    }
}
#else
@main
struct Fuzz {
    static func main() { fatalError("built without what is fuzzed: Verification/fuzzer builds it") }
}
#endif
