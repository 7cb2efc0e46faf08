#if Gateway
/// The code in which HPACK writes texts (RFC 7541, section 5.2 and appendix B).
///
/// It is canonical: codes of one length follow each other in the order of what they stand for. So the lengths tell all.
enum HPACKHuffman {
    /// For each byte, and at last for the end of a text, which never stands in one.
    private static let lengths: [UInt8] = [
        13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
        28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
        6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
        5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
        13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
        7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
        15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
        6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
        20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
        24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
        22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
        21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
        26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
        19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
        20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
        26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
        30,
    ]

    private static let longest = 30
    private static let end: UInt16 = 256

    private struct Codes: Sendable {
        struct Short: Sendable {
            var symbol: UInt8 = 0
            /// 0: the code is longer than eight bits.
            var length: UInt8 = 0
        }

        /// By the next eight bits.
        var short = [Short](repeating: Short(), count: 256)
        /// All symbols, by length and then by value.
        var symbols: [UInt16] = []
        /// The first code of each length, how many there are, and where their symbols begin.
        var ranges: [(first: UInt32, count: UInt32, place: Int)] = [(0, 0, 0)]

        init() {
            var code: UInt32 = 0
            for length in 1...longest {
                code <<= 1
                let those = lengths.indices.filter { lengths[$0] == length }
                ranges.append((code, UInt32(those.count), symbols.count))
                for symbol in those {
                    if length <= 8 {
                        let all = Int(code) << (8 - length)..<Int(code + 1) << (8 - length)
                        for place in all { short[place] = Short(symbol: UInt8(symbol), length: UInt8(length)) }
                    }
                    symbols.append(UInt16(symbol))
                    code += 1
                }
            }
        }
    }

    private static let codes = Codes()

    static func decode(_ text: UnsafeRawBufferPointer, into output: inout [UInt8]) throws(HTTP2Refusal) {
        let codes = codes
        output.reserveCapacity(output.count + text.count * 8 / 5)
        // The last `count` bits are still to be read.
        var (bits, count, position) = (UInt64(0), 0, 0)
        while true {
            while count <= 56, position < text.count {
                bits = bits << 8 | UInt64(text[position])
                position += 1
                count += 8
            }
            if count < 8 { break }
            let short = codes.short[Int(truncatingIfNeeded: bits >> (count - 8) & 0xFF)]
            if short.length > 0 {
                output.append(short.symbol)
                count -= Int(short.length)
            } else {
                let (symbol, length) = try long(bits, count, codes)
                output.append(symbol)
                count -= length
            }
        }
        // What is left are codes of fewer than eight bits, and then the beginning of the end's, which is all ones.
        while count > 0 {
            let rest = bits << (8 - count) & 0xFF | (1 << (8 - count) - 1)
            let short = codes.short[Int(truncatingIfNeeded: rest)]
            guard short.length > 0 else { break }
            guard short.length <= count else { throw broken }
            output.append(short.symbol)
            count -= Int(short.length)
        }
        guard bits & (1 << count - 1) == 1 << count - 1 else { throw broken }
    }

    private static func long(
        _ bits: UInt64, _ count: Int, _ codes: Codes
    ) throws(HTTP2Refusal) -> (symbol: UInt8, length: Int) {
        guard count > 8 else { throw broken }
        for length in 9...min(count, longest) {
            let code = UInt32(truncatingIfNeeded: bits >> (count - length) & (1 << length - 1))
            let range = codes.ranges[length]
            guard code >= range.first, code - range.first < range.count else { continue }
            let symbol = codes.symbols[range.place + Int(code - range.first)]
            guard symbol != end else { break }
            return (UInt8(symbol), length)
        }
        throw broken
    }

    private static var broken: HTTP2Refusal { HTTP2Refusal(.compressionError, "a text in a broken code") }
}
#endif
