#if Gateway
import Testing

@testable import HoldfastGateway

@Suite("The bytes of fields")
struct FieldBytesTests {
    private static let values: [[UInt8]] = [
        [], Array("plain".utf8), Array("Jörg".utf8), [0x4A, 0xF6, 0x72, 0x67], [0x4A, 0xE4, 0x72, 0x67], [0x80], [0xFF],
        [0xC0, 0xAF], [0xC3], [0xE2, 0x82], [0xED, 0xA0, 0x80], [0xF0, 0x9F, 0x98], [0xF0, 0x9F, 0x98, 0x80],
        // Those that stand for bytes, and their neighbours.
        [0xF4, 0x8F, 0xBD, 0xBF], [0xF4, 0x8F, 0xBE, 0x80], [0xF4, 0x8F, 0xBE, 0xBF], [0xF4, 0x8F, 0xBF, 0x80],
        [0xF4, 0x8F, 0xBF, 0xBF], [0xF4, 0x8F, 0xBF], [0xF4, 0x90, 0x80, 0x80], [0xF4, 0x8F, 0xF4, 0x8F, 0xBE, 0xB6],
        [0xEF, 0xBF, 0xBD],
    ]

    @Test func `a value's bytes come back as they were`() {
        for value in Self.values {
            for padding in [[], Array("padding ".utf8), Array("longer than two words ".utf8)] {
                let bytes = padding + value + padding
                #expect(String(fieldBytes: bytes).fieldBytes == bytes)
            }
        }
    }

    @Test func `every two bytes and every byte between letters come back`() {
        for first in UInt8.min...UInt8.max {
            for second in UInt8.min...UInt8.max {
                let bytes = [first, second]
                #expect(String(fieldBytes: bytes).fieldBytes == bytes)
            }
            #expect(String(fieldBytes: [0x61, first, 0x62]).fieldBytes == [0x61, first, 0x62])
        }
    }

    @Test func `two values are never one`() {
        var seen: [[UInt8]: [UInt8]] = [:]
        for value in Self.values {
            let text = Array(String(fieldBytes: value).utf8)
            #expect(seen.updateValue(value, forKey: text) == nil)
        }
    }

    @Test func `well-formed text stays as it reads`() {
        #expect(String(fieldBytes: Array("Jörg 😀 \u{FFFD}".utf8)) == "Jörg 😀 \u{FFFD}")
    }

    @Test func `what is kept is no more than four times as long`() {
        for value in Self.values { #expect(String(fieldBytes: value).utf8.count <= 4 * value.count) }
    }
}
#endif
