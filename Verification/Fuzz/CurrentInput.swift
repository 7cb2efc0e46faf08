#if Gateway && (FUZZ || DEBUG)
import Foundation
import HoldfastIdempotency
import Synchronization

/// The input that is being parsed, in a file that is mapped into memory: it is there after whatever has ended the
/// process, and costs a copy.
final class CurrentInput: Sendable {
    /// How long one input may take. A parser that needs longer holds up everybody on its event loop.
    static let limit = 20
    private static let size = 1 << 20
    private static let headSize = 256

    // Only the thread that parses writes there.
    nonisolated(unsafe) private let memory: UnsafeMutableRawPointer
    private let number = Atomic<UInt64>(0)

    init(path: String) throws {
        let file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0o600)
        guard file >= 0, ftruncate(file, off_t(Self.size)) == 0,
            let memory = mmap(nil, Self.size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0), memory != MAP_FAILED
        else { throw Violation("\(path) cannot be mapped") }
        close(file)
        self.memory = memory
    }

    /// Notes the input. The head is a line: parser, seed, length.
    func set(_ input: [UInt8], of target: String, seed: UInt64) {
        number.add(1, ordering: .relaxed)
        let head = "\(target) \(seed) \(input.count)\n"
        copy(Array(head.utf8), to: 0, atMost: Self.headSize)
        copy(input, to: Self.headSize, atMost: Self.size - Self.headSize)
    }

    private func copy(_ bytes: [UInt8], to place: Int, atMost bound: Int) {
        bytes.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return }
            (memory + place).copyMemory(from: start, byteCount: min(bytes.count, bound))
        }
    }

    /// Ends the process when one input takes too long.
    func watch() {
        Thread.detachNewThread { [self] in
            var (last, since) = (UInt64.max, 0)
            while true {
                sleep(1)
                let now = number.load(ordering: .relaxed)
                since = now == last ? since + 1 : 0
                last = now
                if since > Self.limit, now > 0 {
                    FileHandle.standardError.write(Data("fuzz: one input takes more than \(Self.limit) s\n".utf8))
                    abort()
                }
            }
        }
    }

    /// What was being parsed when a process ended.
    static func describe(path: String) -> String {
        guard let data = FileManager.default.contents(atPath: path), data.count == size else { return "nothing" }
        let words = String(decoding: data.prefix(headSize).prefix { $0 != 0x0A }, as: UTF8.self).split(separator: " ")
        guard words.count == 3, let count = Int(words[2]) else { return "nothing" }
        let input = Array(data.dropFirst(headSize).prefix(count))
        return "parser \(words[0]), seed \(words[1]), input:\n\(hex(input))"
    }
}
#endif
