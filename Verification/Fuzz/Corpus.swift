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
}

extension UInt8 {
    fileprivate var isSpace: Bool { self == 0x20 || self == 0x0A || self == 0x0D || self == 0x09 }
}
#endif
