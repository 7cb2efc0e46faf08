#if Gateway && (FUZZ || DEBUG)
import Foundation
import HoldfastIdempotency

/// Has libFuzzer choose the inputs of one parser: it sees which code each has reached, and goes on from those that reached
/// more. It owns the process from then on, and starts others of the same program to merge what it has found; they know by
/// the environment which parser it is.
///
/// It is looked for when it is called: every build has what calls it, whether libFuzzer is there or not.
enum Guided {
    private static let targetVariable = "HOLDFAST_FUZZ_TARGET"
    private static let currentVariable = "HOLDFAST_FUZZ_CURRENT"

    // One thread parses. Set before libFuzzer is called, whose callback holds nothing.
    nonisolated(unsafe) private static var target: FuzzTarget?
    nonisolated(unsafe) private static var current: CurrentInput?

    /// Whether the process was started to look after a parser.
    static var isAsked: Bool { getenv(targetVariable) != nil }

    /// Writes a parser's seeds and its words as libFuzzer reads them: `FOLDER/seeds/…` and `FOLDER/words`.
    static func unpack(_ target: FuzzTarget, _ corpus: Corpus, into folder: String) throws {
        let seeds = "\(folder)/seeds"
        try FileManager.default.createDirectory(atPath: seeds, withIntermediateDirectories: true)
        for (number, seed) in corpus.seeds.enumerated() {
            try Data(seed).write(to: URL(fileURLWithPath: "\(seeds)/\(number)"))
        }
        let words = target.words.map { word in
            "\"\(word.utf8.map { "\\x\(hex([$0]))" }.joined())\"\n"
        }
        try Data(words.joined().utf8).write(to: URL(fileURLWithPath: "\(folder)/words"))
    }

    /// Calls libFuzzer with the process's own arguments.
    static func run() throws -> Never {
        let environment = ProcessInfo.processInfo.environment
        guard let target = FuzzTarget.all.first(where: { $0.name == environment[targetVariable] }) else {
            throw Violation("there is no parser '\(environment[targetVariable] ?? "")'")
        }
        guard let found = dlsym(dlopen(nil, RTLD_NOW), "LLVMFuzzerRunDriver") else {
            throw Violation("libFuzzer is not here: call Verification/fuzzer --engine libfuzzer")
        }
        let runLibFuzzer = unsafeBitCast(found, to: LibFuzzer.self)
        Self.target = target
        current = try environment[currentVariable].map { try CurrentInput(path: $0) }
        var count = CommandLine.argc
        var arguments: CArguments = CommandLine.unsafeArgv
        exit(
            runLibFuzzer(&count, &arguments) { bytes, count in
                Guided.parse(Array(UnsafeBufferPointer(start: bytes, count: count)))
                return 0
            })
    }

    private static func parse(_ input: [UInt8]) {
        guard let target else { return }
        current?.set(input, of: target.name, seed: 0)
        do {
            _ = try target.run(input)
        } catch {
            FileHandle.standardError.write(Data("fuzz: \(target.name): \(error)\n".utf8))
            abort()
        }
    }
}

private typealias CArguments = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?

/// libFuzzer's entry, in C: the process's arguments, and what is called with each input.
private typealias LibFuzzer =
    @convention(c) (
        UnsafeMutablePointer<CInt>, UnsafeMutablePointer<CArguments>,
        @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
    ) -> CInt
#endif
