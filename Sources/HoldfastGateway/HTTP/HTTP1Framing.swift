#if Gateway
import HoldfastHTTP

/// What a head's fields say about where its message ends (RFC 9112, section 6.3), and whether they could be read in two
/// ways.
struct HTTP1Framing: Hashable {
    enum Length: Hashable {
        /// Nothing is said.
        case none
        case bytes(Int)
        case chunked
        /// More than one thing is said, or something that has no one meaning.
        case contradictory(String)
    }

    private var lengths = 0
    private var codings = 0
    private var count: Int?
    private var isChunked = false
    private(set) var hasUpgrade = false
    private(set) var closes = false
    private(set) var keepsAlive = false

    /// Takes a field.
    mutating func note(_ name: UnsafeRawBufferPointer, _ value: String) {
        switch name.count {
        case 7 where Self.equal(name, "upgrade"):
            hasUpgrade = true
        case 10 where Self.equal(name, "connection"):
            (closes, keepsAlive) = value.connectionOptions(closes, keepsAlive)
        case 14 where Self.equal(name, "content-length"):
            lengths += 1
            count = Self.number(value)
        case 17 where Self.equal(name, "transfer-encoding"):
            codings += 1
            isChunked = value.is("chunked")
        default: break
        }
    }

    /// - Parameter name: In lower case, as long as the field's.
    private static func equal(_ field: UnsafeRawBufferPointer, _ name: StaticString) -> Bool {
        for place in 0..<field.count where field[place] | 0x20 != name.utf8Start[place] { return false }
        return true
    }

    /// Digits, and nothing else (RFC 9110, section 8.6): no sign, no list of equal numbers.
    private static func number(_ value: String) -> Int? {
        guard !value.isEmpty, value.utf8.allSatisfy(HTTP1Lines.isDigit) else { return nil }
        return Int(value)
    }

    var length: Length {
        if codings > 0 {
            // Whichever is believed, somebody else may believe the other (section 6.1).
            guard lengths == 0 else { return .contradictory("it has both a transfer coding and a length") }
            guard codings == 1, isChunked else { return .contradictory("its transfer coding is not chunked, once") }
            return .chunked
        }
        guard lengths > 0 else { return .none }
        guard lengths == 1 else { return .contradictory("it has more than one length") }
        guard let count else { return .contradictory("its length is not a number") }
        return .bytes(count)
    }

    /// Whether the connection stays open after the message (section 9.3).
    ///
    /// - Parameter minor: The version's second digit.
    func persists(minor: Int) -> Bool {
        // A message of HTTP/1.0 with a transfer coding was framed by somebody who does not know them (section 6.1).
        !closes && (minor >= 1 || (keepsAlive && codings == 0))
    }
}
extension String {
    /// Whether a `Connection` field says `close`, or `keep-alive` (RFC 9112, section 9.3), beside what is known already.
    /// Nearly all say just one of these, which is told without a list.
    func connectionOptions(_ closes: Bool, _ keepsAlive: Bool) -> (closes: Bool, keepsAlive: Bool) {
        if self.is("close") { return (true, keepsAlive) }
        if self.is("keep-alive") { return (closes, true) }
        var (closes, keepsAlive) = (closes, keepsAlive)
        eachOption { option in
            // Whoever has thousands of them has them read without a text for each.
            switch option.count {
            case 5 where option.spells("close"): closes = true
            case 10 where option.spells("keep-alive"): keepsAlive = true
            default: break
            }
        }
        return (closes, keepsAlive)
    }

    /// How many members a list has, the empty ones as well (RFC 9110, section 5.6.1).
    var listCount: Int { 1 + utf8.count { $0 == UInt8(ascii: ",") } }

    private func eachOption(_ body: (Slice<UnsafeBufferPointer<UInt8>>) -> Void) {
        var text = self
        text.withUTF8 { bytes in
            for option in bytes.split(separator: UInt8(ascii: ",")) {
                let isBlank: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 }
                let begun = option.drop(while: isBlank)
                let end = begun.lastIndex { !isBlank($0) }.map { $0 + 1 } ?? begun.startIndex
                body(begun[begun.startIndex..<end])
            }
        }
    }
}

extension Slice<UnsafeBufferPointer<UInt8>> {
    /// - Parameter name: In lower case, and as long as this.
    fileprivate func spells(_ name: StaticString) -> Bool {
        zip(self, 0..<name.utf8CodeUnitCount).allSatisfy { byte, place in
            ((UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte) == name.utf8Start[place]
        }
    }
}
#endif
