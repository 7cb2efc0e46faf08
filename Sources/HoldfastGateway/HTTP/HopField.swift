#if Gateway
/// A field by which services take a request to come from somebody else than its connection does: from another client or
/// user, to another host, path or scheme, with another certificate, or through a part of the service that only a proxy
/// speaks to. From whom this is not to be believed, none of them passes.
///
/// Which they are stands in ``HopFieldNames``. `X-Forwarded-For`, `-Proto`, `-Host` and `Forwarded`, which the gateway
/// writes itself, are ``FieldName``'s, and fields that name another method, which nobody is believed about,
/// ``MethodOverride``'s.
enum HopField {
    case asItIs
    /// With another mark than the one that whoever sets it writes. Services that make variables of fields (CGI, WSGI, Rack)
    /// take `_`, and some any mark, for `-`, and no proxy that sets or removes the field knows that spelling.
    case misspelt

    /// Whether a field stays in a request.
    ///
    /// Of the fields in which a proxy says how a request came, one kind alone counts: a proxy that writes the one passes the
    /// other on as its clients sent it. All else of this kind is the proxy's to set or to remove.
    ///
    /// - Parameter field: What the proxy writes that the request comes from; nil: it comes from nobody who is trusted.
    static func isKept(_ name: String, of field: ListenerConfiguration.TrustedFields?) -> Bool {
        switch FieldName(name) {
        case .forwardedFor, .forwardedProto, .forwardedHost: field == .xForwarded
        case .forwarded: field == .forwarded
        case .other: HopField(name).map { $0 == .asItIs && field != nil } ?? true
        default: true
        }
    }

    /// Nil for any other field.
    init?(_ name: String) {
        guard let first = name.utf8.first, FieldNameTable.mayBegin(first),
            let found = HopFieldNames.table.find(name)
        else { return nil }
        // What follows the beginning of a variable's name is whatever the claim is called.
        let length = found.mark == UInt8(ascii: "_") ? found.length : name.utf8.count
        let isUsual = name.utf8.prefix(length).allSatisfy {
            $0 == found.mark || $0 == UInt8(ascii: "$") || FieldNameTable.isAlphanumeric($0)
        }
        self = isUsual ? .asItIs : .misspelt
    }
}

/// Names of fields, and beginnings of names, found by their letters in any case and with any marks between them. A name
/// that is none of them costs a look at its first letter, and at most a few comparisons.
struct FieldNameTable: Sendable {
    private struct Entry: Sendable {
        let name: StaticString
        let isWhole: Bool
        let mark: UInt8
    }

    /// By the first letter and the third.
    private let buckets: [[Entry]]
    /// Of each first letter the third ones that there are, a bit for each: most fields begin with others.
    private let thirds: [UInt32]

    /// - Parameters:
    ///   - names: In lower case, with `-` for each mark.
    ///   - beginnings: The same, of at least three letters.
    ///   - variables: Names, and with `-` at their ends beginnings, that are written with `_`.
    init(names: [StaticString], beginnings: [StaticString], variables: [StaticString]) {
        var buckets = [[Entry]](repeating: [], count: 1 << 10)
        func add(_ name: StaticString, isWhole: Bool, mark: UInt8) {
            let bytes = UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
            assert(Self.mayBegin(bytes[0]), "\(name) is not found")
            buckets[Self.bucket(bytes)].append(Entry(name: name, isWhole: isWhole, mark: mark))
        }
        for name in names { add(name, isWhole: true, mark: UInt8(ascii: "-")) }
        for name in beginnings { add(name, isWhole: false, mark: UInt8(ascii: "-")) }
        for name in variables {
            let isBeginning = name.utf8Start[name.utf8CodeUnitCount - 1] == UInt8(ascii: "-")
            add(name, isWhole: !isBeginning, mark: UInt8(ascii: "_"))
        }
        self.buckets = buckets
        thirds = (0..<32).map { first in
            (0..<32).reduce(0) { buckets[first << 5 | $1].isEmpty ? $0 : $0 | 1 << UInt32($1) }
        }
    }

    /// - Returns: Of the first that it is: its usual mark, and how many bytes of the name it is.
    func find(_ name: String) -> (mark: UInt8, length: Int)? {
        let found = name.utf8.withContiguousStorageIfAvailable { find($0) }
        return found ?? Array(name.utf8).withUnsafeBufferPointer { find($0) }
    }

    private func find(_ name: UnsafeBufferPointer<UInt8>) -> (mark: UInt8, length: Int)? {
        guard name.count >= 3, thirds[Self.letter(name[0])] >> UInt32(Self.letter(name[2])) & 1 == 1 else { return nil }
        for entry in buckets[Self.bucket(name)] {
            let length = entry.name.utf8CodeUnitCount
            guard entry.isWhole ? name.count == length : name.count >= length else { continue }
            var place = 0
            while place < length, Self.folded(name[place]) == entry.name.utf8Start[place] { place += 1 }
            if place == length { return (entry.mark, length) }
        }
        return nil
    }

    /// Whether some name may begin so. It is said here, and not looked up: `Accept…`, `Authorization`, `User-Agent`, `If-…`
    /// and most others are passed over with this.
    @inline(__always)
    static func mayBegin(_ byte: UInt8) -> Bool {
        switch byte | 0x20 {
        case UInt8(ascii: "a"), UInt8(ascii: "b"), UInt8(ascii: "e"), UInt8(ascii: "g"), UInt8(ascii: "h"),
            UInt8(ascii: "j"), UInt8(ascii: "q"), UInt8(ascii: "u"), UInt8(ascii: "v"), UInt8(ascii: "y"):
            false
        default: true
        }
    }

    /// - Parameter name: Of at least three bytes.
    private static func bucket(_ name: UnsafeBufferPointer<UInt8>) -> Int {
        letter(name[0]) << 5 | letter(name[2])
    }

    /// 1 to 26, in any case; 0 for what is none.
    @inline(__always)
    private static func letter(_ byte: UInt8) -> Int {
        let lower = byte | 0x20
        return lower >= 0x61 && lower <= 0x7A ? Int(lower - 0x60) : 0
    }

    /// In lower case; `-` for whatever is neither a letter nor a digit.
    static func folded(_ byte: UInt8) -> UInt8 {
        isAlphanumeric(byte) ? String.lower(byte) : UInt8(ascii: "-")
    }

    static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20)
    }
}

extension String {
    /// Whether it is this name, in any case, and with `-` or `_`.
    ///
    /// - Parameter name: In lower case, with `-`.
    func means(_ name: StaticString) -> Bool {
        let count = name.utf8CodeUnitCount
        guard utf8.count == count else { return false }
        func isSame(_ byte: UInt8, _ place: Int) -> Bool { FieldNameTable.folded(byte) == name.utf8Start[place] }
        let same = utf8.withContiguousStorageIfAvailable { bytes in (0..<count).allSatisfy { isSame(bytes[$0], $0) } }
        return same ?? zip(utf8, 0..<count).allSatisfy(isSame)
    }
}
#endif
