#if Gateway
import NIOCore

/// One field, in bytes as they came.
struct HPACKField: Equatable {
    /// The name, and behind it the value.
    private let bytes: [UInt8]
    private let nameCount: Int
    /// Whether a `String` keeps both as they are.
    let isPlain: Bool

    init(_ bytes: [UInt8], nameCount: Int) {
        (self.bytes, self.nameCount) = (bytes, nameCount)
        isPlain = bytes.withUnsafeBytes { all in
            if FieldBytes.areASCII(all) { return true }
            let (name, value) = (all[..<nameCount], all[nameCount...])
            return [name, value].allSatisfy { text in
                FieldBytes.escaped(UnsafeRawBufferPointer(rebasing: text)).elementsEqual(text)
            }
        }
    }

    /// RFC 7541, section 4.1.
    var size: Int { bytes.count + 32 }
    var name: ArraySlice<UInt8> { bytes[..<nameCount] }
    var value: ArraySlice<UInt8> { bytes[nameCount...] }

    /// Name and value as ``FieldBytes`` keeps them.
    var kept: (name: ArraySlice<UInt8>, value: ArraySlice<UInt8>) {
        isPlain ? (name, value) : (Self.kept(name), Self.kept(value))
    }

    private static func kept(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        text.withUnsafeBytes { FieldBytes.escaped($0) }[...]
    }

    /// Whether it is `:method`.
    var isMethod: Bool {
        nameCount == 7 && bytes[0] == UInt8(ascii: ":") && bytes[1] == UInt8(ascii: "m")
    }
}

/// The fields that have numbers: those that everybody has, and the latest that the client has sent (RFC 7541, section 2.3).
struct HPACKTable {
    /// What the client may have us keep: SETTINGS_HEADER_TABLE_SIZE where nobody says another.
    static let maximumSize = 4_096

    /// The latest first.
    private var fields = CircularBuffer<HPACKField>(initialCapacity: 0)
    private(set) var size = 0
    /// What the client wants of ``maximumSize``.
    private var limit = maximumSize

    /// - Returns: Nil for a number that no field has.
    subscript(index: Int) -> HPACKField? {
        let fixed = Self.fixed
        if index <= fixed.count { return index > 0 ? fixed[index - 1] : nil }
        let place = index - fixed.count - 1
        return place < fields.count ? fields[fields.index(fields.startIndex, offsetBy: place)] : nil
    }

    /// One that is larger than the table leaves it empty (RFC 7541, section 4.4).
    mutating func add(_ field: HPACKField) {
        shrink(to: limit - field.size)
        guard field.size <= limit else { return }
        fields.prepend(field)
        size += field.size
    }

    /// - Returns: Whether it may be as large.
    mutating func resize(to limit: Int) -> Bool {
        guard limit <= Self.maximumSize else { return false }
        self.limit = limit
        shrink(to: limit)
        return true
    }

    private mutating func shrink(to size: Int) {
        while self.size > size, let last = fields.popLast() { self.size -= last.size }
    }

    /// RFC 7541, appendix A.
    private static let fixed: [HPACKField] = [
        (":authority", ""), (":method", "GET"), (":method", "POST"), (":path", "/"), (":path", "/index.html"),
        (":scheme", "http"), (":scheme", "https"), (":status", "200"), (":status", "204"), (":status", "206"),
        (":status", "304"), (":status", "400"), (":status", "404"), (":status", "500"), ("accept-charset", ""),
        ("accept-encoding", "gzip, deflate"), ("accept-language", ""), ("accept-ranges", ""), ("accept", ""),
        ("access-control-allow-origin", ""), ("age", ""), ("allow", ""), ("authorization", ""), ("cache-control", ""),
        ("content-disposition", ""), ("content-encoding", ""), ("content-language", ""), ("content-length", ""),
        ("content-location", ""), ("content-range", ""), ("content-type", ""), ("cookie", ""), ("date", ""),
        ("etag", ""), ("expect", ""), ("expires", ""), ("from", ""), ("host", ""), ("if-match", ""),
        ("if-modified-since", ""), ("if-none-match", ""), ("if-range", ""), ("if-unmodified-since", ""),
        ("last-modified", ""), ("link", ""), ("location", ""), ("max-forwards", ""), ("proxy-authenticate", ""),
        ("proxy-authorization", ""), ("range", ""), ("referer", ""), ("refresh", ""), ("retry-after", ""),
        ("server", ""), ("set-cookie", ""), ("strict-transport-security", ""), ("transfer-encoding", ""),
        ("user-agent", ""), ("vary", ""), ("via", ""), ("www-authenticate", ""),
    ].map { name, value in HPACKField(Array((name + value).utf8), nameCount: name.utf8.count) }
}
#endif
