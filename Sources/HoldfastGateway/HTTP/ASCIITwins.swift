#if Gateway
/// Characters beyond ASCII, and bytes that are none, which some reader takes for one of ASCII's.
enum ASCIITwins {
    /// The scalar that the last bytes are, and how many. Longer forms than needed count: they are not UTF-8, and there are
    /// decoders that take `C0 AF` for a slash all the same (RFC 3629, section 10).
    static func lastScalar(of bytes: UnsafeBufferPointer<UInt8>) -> (scalar: UInt32, length: Int)? {
        var scalar: UInt32 = 0
        for place in 0..<min(bytes.count, 4) {
            let byte = bytes[bytes.count - 1 - place]
            let shift = UInt32(place) * 6
            if byte & 0xC0 == 0x80 {
                scalar |= UInt32(byte & 0x3F) << shift
                continue
            }
            switch (place, byte) {
            case (1, 0xC0...0xDF): return (scalar | UInt32(byte & 0x1F) << shift, 2)
            case (2, 0xE0...0xEF): return (scalar | UInt32(byte & 0x0F) << shift, 3)
            case (3, 0xF0...0xF7): return (scalar | UInt32(byte & 0x07) << shift, 4)
            default: return nil
            }
        }
        return nil
    }

    /// What a scalar is to those who change the case of Unicode, normalize it (NFC, NFKC), or put the nearest of a smaller set
    /// in its place, as Windows does.
    static func twin(of scalar: UInt32) -> UInt8? {
        switch scalar {
        case 0..<0x80: UInt8(scalar)
        // In another case they are i, s and k.
        case 0x0130, 0x0131: UInt8(ascii: "i")
        case 0x017F: UInt8(ascii: "s")
        case 0x212A: UInt8(ascii: "k")
        // NFC makes a semicolon of the Greek question mark, and a grave accent of a varia.
        case 0x037E: UInt8(ascii: ";")
        case 0x1FEF: UInt8(ascii: "`")
        // Spaces.
        case 0x0085, 0x00A0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000: UInt8(ascii: " ")
        // Slashes, backslashes and dots.
        case 0x2044, 0x2215, 0x29F8: UInt8(ascii: "/")
        case 0x2216, 0x29F5, 0xFE68, 0x00A5, 0x20A9: UInt8(ascii: "\\")
        case 0x2024, 0x2025, 0xFE52: UInt8(ascii: ".")
        case 0xFE54: UInt8(ascii: ";")
        case 0xFE56: UInt8(ascii: "?")
        case 0xFE5F: UInt8(ascii: "#")
        case 0xFE6A: UInt8(ascii: "%")
        // Of full width, in circles, and of mathematics.
        case 0xFF01...0xFF5E: UInt8(scalar - 0xFEE0)
        case 0x24B6...0x24CF: UInt8(ascii: "a") + UInt8(scalar - 0x24B6)
        case 0x24D0...0x24E9: UInt8(ascii: "a") + UInt8(scalar - 0x24D0)
        case 0x1D400...0x1D6A3: UInt8(ascii: "a") + UInt8((scalar - 0x1D400) % 26)
        case 0x1D7CE...0x1D7FF: UInt8(ascii: "0") + UInt8((scalar - 0x1D7CE) % 10)
        default: nil
        }
    }
}
#endif
