#if Gateway && (FUZZ || DEBUG)
import Foundation
import HoldfastIdempotency

/// The seeds of one parser: inputs that somebody would send, and those that once broke it. `NAME.hex` holds bytes as
/// hexadecimal digits, in lines as they please; every other file is the input itself.
struct Corpus {
    let seeds: [[UInt8]]

    /// Reads a folder, in the order of its files' names.
    init(folder: String) throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        seeds = try names.filter { !$0.hasPrefix(".") }.map { name in
            let data = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)"))
            guard name.hasSuffix(".hex") else { return Array(data) }
            let digits = data.filter { !$0.isSpace }
            guard let bytes = HoldfastIdempotency.bytes(hex: String(decoding: digits, as: UTF8.self)) else {
                throw Violation("\(folder)/\(name) holds something else than lower-case hexadecimal digits")
            }
            return bytes
        }
        guard !seeds.isEmpty else { throw Violation("\(folder) has no seeds") }
    }

    /// Keeps what a file holds as a seed that was found, under a name of its own: as it is where that is plain text,
    /// otherwise as digits.
    static func keep(_ file: String, in folder: String) throws {
        let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: file)))
        var mark = Outcome("seed")
        mark.add(hex(bytes))
        let name = "\(folder)/found-\(String(UInt32(truncatingIfNeeded: mark.mark), radix: 16))"
        let isText = bytes.allSatisfy { (0x20...0x7E).contains($0) || $0 == 0x0A }
        let digits = Array(hex(bytes).utf8)
        let lines = stride(from: 0, to: digits.count, by: 96).map { digits[$0..<min(digits.count, $0 + 96)] + [0x0A] }
        let data = isText ? Data(bytes) : Data(lines.joined())
        try data.write(to: URL(fileURLWithPath: "\(name).\(isText ? "txt" : "hex")"))
    }
}

extension UInt8 {
    fileprivate var isSpace: Bool { self == 0x20 || self == 0x0A || self == 0x0D || self == 0x09 }
}
#endif
