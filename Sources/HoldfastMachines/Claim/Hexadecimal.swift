/// Bytes as lower-case hexadecimal digits.
package func hex(_ bytes: [UInt8]) -> String {
    func digit(_ nibble: UInt8) -> UInt8 { nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") - 10 + nibble }
    return String(unsafeUninitializedCapacity: bytes.count * 2) { buffer in
        for (index, byte) in bytes.enumerated() {
            buffer[index * 2] = digit(byte >> 4)
            buffer[index * 2 + 1] = digit(byte & 15)
        }
        return bytes.count * 2
    }
}

/// Reads what ``hex(_:)`` wrote; nil for anything else.
package func bytes(hex: String) -> [UInt8]? {
    func digit(_ character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
        default: nil
        }
    }
    let text = Array(hex.utf8)
    guard text.count.isMultiple(of: 2) else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count / 2)
    for index in stride(from: 0, to: text.count, by: 2) {
        guard let high = digit(text[index]), let low = digit(text[index + 1]) else { return nil }
        bytes.append(high << 4 | low)
    }
    return bytes
}
