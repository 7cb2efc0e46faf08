#if Gateway
/// Reads lines of HTTP/1: field lines with what they say of the message's end (RFC 9112, section 5).
///
/// Every line ends with CR LF. A line that ends with LF alone may be read as one (section 2.2), and need not: here it is
/// refused, because a reader that takes it and one that does not find two messages in the same bytes.
struct HTTP1Lines {
    static let cr = UInt8(ascii: "\r")
    static let lf = UInt8(ascii: "\n")
    static let space = UInt8(ascii: " ")
    static let tab = UInt8(ascii: "\t")
    static let colon = UInt8(ascii: ":")

    /// The most fields of a response, as with NIO's reader before: Envoy takes 100. Of a request, ``RequestRules`` counts
    /// them, so that its client can be told.
    static let responseFields = 256

    let bytes: UnsafeRawBufferPointer
    var position = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    // MARK: Bytes

    /// `tchar` (RFC 9110, section 5.6.2), as bits: of 0 to 63, and of 64 to 127.
    private static let lowTokens: UInt64 = 0x03FF_6CFA_0000_0000
    private static let highTokens: UInt64 = 0x57FF_FFFF_C7FF_FFFE

    @inline(__always)
    static func isToken(_ byte: UInt8) -> Bool {
        if byte < 64 { return lowTokens >> UInt64(byte) & 1 == 1 }
        return byte < 128 && highTokens >> UInt64(byte - 64) & 1 == 1
    }

    /// Visible ASCII, and what is beyond ASCII and opaque.
    @inline(__always)
    static func isVisible(_ byte: UInt8) -> Bool { byte > 0x20 && byte != 0x7F }

    @inline(__always)
    static func isBlank(_ byte: UInt8) -> Bool { byte == space || byte == tab }

    @inline(__always)
    static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

    // MARK: Lines

    /// The byte that is read next.
    @inline(__always)
    func peek() throws(HTTP1Stop) -> UInt8 {
        guard position < bytes.count else { throw .incomplete }
        return bytes[position]
    }

    /// - Parameter line: What ends here, for whoever sent it.
    mutating func endOfLine(of line: StaticString) throws(HTTP1Stop) {
        guard try peek() == Self.cr else {
            throw .malformed("\(line) has a control character, or an end that is not CR LF")
        }
        guard position + 1 < bytes.count else { throw .incomplete }
        guard bytes[position + 1] == Self.lf else { throw .malformed("\(line) has a CR without LF") }
        position += 2
    }

    mutating func skipToken() throws(HTTP1Stop) -> Range<Int> {
        let start = position
        while position < bytes.count, Self.isToken(bytes[position]) { position += 1 }
        guard position < bytes.count else { throw .incomplete }
        return start..<position
    }

    /// `HTTP/1.` and a digit, which it returns. HTTP's other major versions are no text.
    mutating func version(of line: StaticString) throws(HTTP1Stop) -> Int {
        for (place, byte) in "HTTP/1.".utf8.enumerated() {
            guard position + place < bytes.count else { throw .incomplete }
            guard bytes[position + place] == byte else { throw .malformed("\(line) has no version HTTP/1.x") }
        }
        position += 7
        let digit = try peek()
        guard Self.isDigit(digit) else { throw .malformed("\(line) has no version HTTP/1.x") }
        position += 1
        return Int(digit - 0x30)
    }

    func text(_ range: Range<Int>) -> String {
        String(decoding: UnsafeRawBufferPointer(rebasing: bytes[range]), as: UTF8.self)
    }

    func value(_ range: Range<Int>) -> String {
        String(fieldBytes: UnsafeRawBufferPointer(rebasing: bytes[range]))
    }

    // MARK: Fields

    /// Reads field lines up to the empty one.
    ///
    /// - Parameter isResponse: What a gateway must put right in a response is put right: blanks in front of a colon
    ///   (section 5.1), and lines that go on in the next one (section 5.2). In a request both are refused.
    mutating func fields(
        isResponse: Bool, into fields: inout [(String, String)], _ framing: inout HTTP1Framing
    ) throws(HTTP1Stop) {
        while true {
            if try peek() == Self.cr { return try endOfLine(of: "the empty line") }
            let name = try skipToken()
            if name.isEmpty || bytes[position] != Self.colon {
                try skipBlanksBeforeColon(name, isResponse: isResponse)
            }
            position += 1
            var range = try skipValue()
            var joined: String?
            while isResponse, Self.isBlank(try peek()) {
                let more = try skipValue()
                joined = [joined ?? value(range), value(more)].filter { !$0.isEmpty }.joined(separator: " ")
                range = more
            }
            let text = joined ?? value(range)
            guard !isResponse || fields.count < Self.responseFields else {
                throw .malformed("there are more than \(Self.responseFields) fields")
            }
            framing.note(UnsafeRawBufferPointer(rebasing: bytes[name]), text)
            fields.append((self.text(name), text))
        }
    }

    private mutating func skipBlanksBeforeColon(_ name: Range<Int>, isResponse: Bool) throws(HTTP1Stop) {
        let isBlank = Self.isBlank(bytes[position])
        guard !name.isEmpty else {
            throw .malformed(isBlank ? "a field's line begins with a blank" : "a field's name is not a token")
        }
        guard isBlank, isResponse else {
            throw .malformed(isBlank ? "there is a blank behind a field's name" : "a field's name is not a token")
        }
        while Self.isBlank(try peek()) { position += 1 }
        guard try peek() == Self.colon else { throw .malformed("a field's name is not a token") }
    }

    /// Blanks around a value are no part of it (section 5.1).
    private mutating func skipValue() throws(HTTP1Stop) -> Range<Int> {
        while position < bytes.count, Self.isBlank(bytes[position]) { position += 1 }
        let start = position
        var end = position
        while position < bytes.count {
            let byte = bytes[position]
            if Self.isVisible(byte) {
                position += 1
                end = position
            } else if Self.isBlank(byte) {
                position += 1
            } else {
                break
            }
        }
        try endOfLine(of: "a field's value")
        return start..<end
    }
}
#endif
