#if Gateway
/// Keeps the bytes of a field's value in a `String`, whatever they are.
///
/// Values are opaque beyond ASCII (RFC 9110, section 5.5): a file name in Latin-1 is as good as one in UTF-8. A `String`
/// is UTF-8, and would put U+FFFD in the place of every other byte, so that two values became one. So a byte that is no
/// part of well-formed UTF-8 is kept as a scalar of its own, U+10FF00 + byte, the last of a plane for private use, as
/// Python's `surrogateescape` keeps it as half of a surrogate pair. Bytes that spell one of these scalars are kept one by
/// one, too: so no two values have the same `String`, and each has its own bytes back.
enum FieldBytes {
    /// The first two bytes of each scalar that stands for a byte.
    private static let mark: (UInt8, UInt8) = (0xF4, 0x8F)

    /// Whether all are ASCII, which nothing has to be done about.
    static func areASCII(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var position = 0
        while position + 8 <= bytes.count {
            let word = bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)
            if word & 0x8080_8080_8080_8080 != 0 { return false }
            position += 8
        }
        while position < bytes.count {
            if bytes[position] >= 0x80 { return false }
            position += 1
        }
        return true
    }

    /// The UTF-8 that stands for these bytes: at most four times as many.
    static func escaped(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        var escaped: [UInt8] = []
        escaped.reserveCapacity(bytes.count + 16)
        var parser = Unicode.UTF8.ForwardParser()
        var rest = bytes.makeIterator()
        var position = 0
        reading: while true {
            switch parser.parseScalar(from: &rest) {
            case .valid(let scalar):
                let isMark = scalar.count == 4 && standsForByte(bytes[position + 1], bytes[position + 2], scalar.first)
                if isMark {
                    for byte in scalar { append(byte, to: &escaped) }
                } else {
                    escaped.append(contentsOf: scalar)
                }
                position += scalar.count
            case .error(let length):
                for byte in bytes[position..<position + length] { append(byte, to: &escaped) }
                position += length
            case .emptyInput:
                break reading
            }
        }
        return escaped
    }

    private static func append(_ byte: UInt8, to escaped: inout [UInt8]) {
        escaped.append(mark.0)
        escaped.append(mark.1)
        escaped.append(byte < 0xC0 ? 0xBE : 0xBF)
        escaped.append(byte < 0xC0 ? byte : byte - 0x40)
    }

    private static func standsForByte(_ second: UInt8, _ third: UInt8, _ first: UInt8?) -> Bool {
        first == mark.0 && second == mark.1 && third >= 0xBE
    }

    /// Makes of a `String`'s UTF-8 what goes out on a line: bytes that stand for others are those again, and what would end
    /// the line is a space (RFC 9110, section 5.5).
    ///
    /// - Returns: How many bytes there are now, from the start.
    static func settle(_ utf8: UnsafeMutableRawBufferPointer) -> Int {
        guard !arePlain(UnsafeRawBufferPointer(utf8)) else { return utf8.count }
        let count = restore(utf8)
        for place in 0..<count where utf8[place] < 0x20 && utf8[place] != 0x09 || utf8[place] == 0x7F {
            utf8[place] = 0x20
        }
        return count
    }

    /// Whether all are ASCII from the space on: DEL is found here, too, and nothing else that goes out as it is.
    private static func arePlain(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var position = 0
        while position + 8 <= bytes.count {
            let word = bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)
            // Each byte's highest bit: of the byte, of the byte less 0x20, and of the byte and 1, which 0x7F alone sets.
            let low = word &- 0x2020_2020_2020_2020
            if (word | low) & 0x8080_8080_8080_8080 != 0 { return false }
            if (word &+ 0x0101_0101_0101_0101) & 0x8080_8080_8080_8080 != 0 { return false }
            position += 8
        }
        while position < bytes.count {
            if bytes[position] < 0x20 || bytes[position] >= 0x7F { return false }
            position += 1
        }
        return true
    }

    /// Puts the bytes that stand for others back in their place.
    ///
    /// - Parameter utf8: A `String`'s UTF-8, which is overwritten.
    /// - Returns: How many bytes there are now, from the start.
    static func restore(_ utf8: UnsafeMutableRawBufferPointer) -> Int {
        guard !areASCII(UnsafeRawBufferPointer(utf8)) else { return utf8.count }
        var (from, to) = (0, 0)
        while from < utf8.count {
            if from + 4 <= utf8.count, standsForByte(utf8[from + 1], utf8[from + 2], utf8[from]) {
                let last = utf8[from + 3]
                utf8[to] = utf8[from + 2] == 0xBE ? last : last + 0x40
                from += 4
            } else {
                utf8[to] = utf8[from]
                from += 1
            }
            to += 1
        }
        return to
    }
}

extension String {
    /// Keeps a value's bytes, which ``fieldBytes`` gives back.
    init(fieldBytes bytes: UnsafeRawBufferPointer) {
        if FieldBytes.areASCII(bytes) {
            self.init(decoding: bytes, as: UTF8.self)
        } else {
            self.init(decoding: FieldBytes.escaped(bytes), as: UTF8.self)
        }
    }

    /// Keeps a value's bytes, which ``fieldBytes`` gives back.
    init(fieldBytes bytes: [UInt8]) {
        self = bytes.withUnsafeBytes { String(fieldBytes: $0) }
    }

    /// Whether it can be a field's name, or a method: a token (RFC 9110, sections 5.1 and 9.1).
    var isFieldName: Bool {
        let isToken = utf8.withContiguousStorageIfAvailable { bytes in
            for byte in bytes where !HTTP1Lines.isToken(byte) { return false }
            return !bytes.isEmpty
        }
        return isToken ?? (!isEmpty && utf8.allSatisfy(HTTP1Lines.isToken))
    }

    /// The bytes that a value goes out with.
    var fieldBytes: [UInt8] {
        var bytes = Array(utf8)
        let count = bytes.withUnsafeMutableBytes { FieldBytes.restore($0) }
        bytes.removeLast(bytes.count - count)
        return bytes
    }
}
#endif
