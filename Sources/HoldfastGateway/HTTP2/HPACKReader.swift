#if Gateway
import NIOCore

/// Reads field blocks on bytes (RFC 7541), so that values which are no UTF-8 are not lost.
///
/// NIOHPACK makes a `String` of each name and value, with U+FFFD in the place of every byte that is no UTF-8: two values
/// become one, and in the table of what was sent before an entry becomes longer than the client takes it for, after which
/// the two no longer mean the same by an index. So this reader goes along from the first block on, with a table of its
/// own. As long as all values are what a `String` keeps, NIOHPACK is given the blocks as they are. From the first one that
/// is not, each field is written anew, as a literal that enters no table, with its bytes as ``FieldBytes`` keeps them.
struct HPACKReader {
    enum Reading: Equatable {
        /// NIOHPACK reads the same.
        case asItIs
        /// What it is to read instead.
        case rewritten(ByteBuffer)
        /// More than fits. What the method was, if it was said.
        case tooLarge(method: [UInt8]?)
    }

    private var table = HPACKTable()
    /// Whether NIOHPACK's table is not the client's any longer.
    private(set) var rewrites = false

    /// What it keeps, in bytes, as the client counts them.
    var keptBytes: Int { table.size }

    /// - Parameters:
    ///   - block: A field block, whole.
    ///   - fits: How many bytes of fields NIOHTTP2 takes, as SETTINGS_MAX_HEADER_LIST_SIZE counts them.
    ///   - most: How many are read.
    mutating func read(_ block: ByteBuffer, fits: Int, most: Int) throws(HTTP2Refusal) -> Reading {
        let reading = block.withUnsafeReadableBytes { bytes -> Result<Reading, HTTP2Refusal> in
            do throws(HTTP2Refusal) {
                return .success(try read(bytes, fits: fits, most: most))
            } catch {
                return .failure(error)
            }
        }
        return try reading.get()
    }

    private mutating func read(
        _ block: UnsafeRawBufferPointer, fits: Int, most: Int
    ) throws(HTTP2Refusal) -> Reading {
        var cursor = HPACKCursor(block)
        // NIOHTTP2 goes by the length before it reads, and a code may be four times as long as what it stands for.
        var written = Written(isNeeded: rewrites || block.count > fits)
        var (size, method, updates, isAtStart) = (0, [UInt8]?.none, 0, true)
        while let first = cursor.first {
            let start = cursor.position
            if first & 0xE0 == 0x20 {
                // RFC 7541, section 4.2: at the beginning, and twice at the most.
                updates += 1
                guard isAtStart, updates <= 2, table.resize(to: try cursor.integer(5)) else {
                    throw HTTP2Refusal(.compressionError, "a change of the table's size that is not allowed")
                }
                continue
            }
            isAtStart = false
            let field = try self.field(first, &cursor)
            size += field.size
            guard size <= most else {
                throw HTTP2Refusal(.enhanceYourCalm, "more than \(most) bytes of fields, \(most / 2) are allowed")
            }
            if field.isMethod { method = Array(field.value) }
            if !field.isPlain { written.begin(with: block[..<start]) }
            written.append(field, fits: fits)
        }
        guard written.size <= fits else {
            rewrites = true
            return .tooLarge(method: method)
        }
        guard let output = written.output else { return .asItIs }
        rewrites = true
        return .rewritten(output)
    }

    private mutating func field(_ first: UInt8, _ cursor: inout HPACKCursor) throws(HTTP2Refusal) -> HPACKField {
        if first & 0x80 != 0 { return try named(by: try cursor.integer(7)) }
        guard first & 0xC0 == 0x40 else { return try literal(try cursor.integer(4), &cursor) }
        let field = try literal(try cursor.integer(6), &cursor)
        table.add(field)
        return field
    }

    private func named(by index: Int) throws(HTTP2Refusal) -> HPACKField {
        guard let field = table[index] else {
            throw HTTP2Refusal(.compressionError, "a field by the number \(index), which no field has")
        }
        return field
    }

    private func literal(_ name: Int, _ cursor: inout HPACKCursor) throws(HTTP2Refusal) -> HPACKField {
        var bytes: [UInt8]
        if name == 0 {
            bytes = []
            try cursor.string(into: &bytes)
            guard !bytes.isEmpty else { throw HTTP2Refusal(.compressionError, "a field without a name") }
        } else {
            bytes = Array(try named(by: name).name)
        }
        let nameCount = bytes.count
        try cursor.string(into: &bytes)
        return HPACKField(bytes, nameCount: nameCount)
    }

    /// What NIOHPACK is to read in a block's place.
    private struct Written {
        private(set) var output: ByteBuffer?
        /// As NIOHTTP2 counts it.
        private(set) var size = 0

        init(isNeeded: Bool) {
            if isNeeded { output = ByteBuffer() }
        }

        /// What came before was the same for both.
        mutating func begin(with same: Slice<UnsafeRawBufferPointer>) {
            if output == nil { output = ByteBuffer(bytes: same) }
        }

        mutating func append(_ field: HPACKField, fits: Int) {
            guard output != nil else { return size += field.size }
            let (name, value) = field.kept
            size += name.count + value.count + 32
            if size <= fits {
                output?.writeLiteral(name: name, value: value)
            } else {
                output = ByteBuffer()
            }
        }
    }
}

/// A place in a field block, and what begins there.
struct HPACKCursor {
    private let bytes: UnsafeRawBufferPointer
    private(set) var position = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// Nil at the end.
    var first: UInt8? { position < bytes.count ? bytes[position] : nil }

    /// RFC 7541, section 5.1. Longer than four bytes behind the prefix is taken by nobody.
    mutating func integer(_ prefix: Int) throws(HTTP2Refusal) -> Int {
        let mask = 1 << prefix - 1
        var value = Int(try next()) & mask
        guard value == mask else { return value }
        for shift in [0, 7, 14, 21] {
            let byte = try next()
            value += Int(byte & 0x7F) << shift
            if byte & 0x80 == 0 { return value }
        }
        throw HTTP2Refusal(.compressionError, "a number of more than five bytes")
    }

    /// RFC 7541, section 5.2.
    mutating func string(into output: inout [UInt8]) throws(HTTP2Refusal) {
        let isCoded = (first ?? 0) & 0x80 != 0
        let count = try integer(7)
        guard count <= bytes.count - position else {
            throw HTTP2Refusal(.compressionError, "a text of \(count) bytes that goes beyond its block")
        }
        let text = UnsafeRawBufferPointer(rebasing: bytes[position..<position + count])
        position += count
        if isCoded { try HPACKHuffman.decode(text, into: &output) } else { output.append(contentsOf: text) }
    }

    private mutating func next() throws(HTTP2Refusal) -> UInt8 {
        guard let byte = first else { throw HTTP2Refusal(.compressionError, "a field block that breaks off") }
        position += 1
        return byte
    }
}

extension ByteBuffer {
    /// A number, behind what its first byte begins with (RFC 7541, section 5.1).
    mutating func writePrefixed(_ value: Int, prefix: Int, first: UInt8 = 0) {
        let most = 1 << prefix - 1
        guard value >= most else { return _ = writeInteger(first | UInt8(value)) }
        writeInteger(first | UInt8(most))
        var rest = value - most
        while rest >= 0x80 {
            writeInteger(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        writeInteger(UInt8(rest))
    }

    /// A field that enters no table, and is not compressed (RFC 7541, section 6.2.2).
    mutating func writeLiteral(name: some Collection<UInt8>, value: some Collection<UInt8>) {
        writeInteger(UInt8(0))
        writePrefixed(name.count, prefix: 7)
        writeBytes(name)
        writePrefixed(value.count, prefix: 7)
        writeBytes(value)
    }
}
#endif
