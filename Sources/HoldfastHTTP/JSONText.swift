import Holdfast

/// Writes JSON, one value after another, without a line break anywhere: fast enough for a line of every request.
package struct JSONText {
    package private(set) var bytes: [UInt8] = []

    package init() {
        bytes.reserveCapacity(512)
    }

    package mutating func object(_ body: (inout JSONText) -> Void) { enclosed("{", "}", body) }

    package mutating func array(_ body: (inout JSONText) -> Void) { enclosed("[", "]", body) }

    /// Begins a member of an object; its value follows.
    package mutating func name(_ name: StaticString) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        name.withUTF8Buffer { bytes.append(contentsOf: $0) }
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
    }

    /// Begins a member whose name is known when the program runs only.
    package mutating func name(text name: String) {
        string(name)
        bytes.append(UInt8(ascii: ":"))
    }

    package mutating func member(_ name: StaticString, _ value: String) {
        self.name(name)
        string(value)
    }

    package mutating func member(_ name: StaticString, _ value: Int) {
        self.name(name)
        integer(value)
    }

    package mutating func member(_ name: StaticString, _ value: Bool) {
        self.name(name)
        bytes.append(contentsOf: (value ? "true" : "false").utf8)
    }

    /// A share or a count; what JSON cannot say is 0.
    package mutating func member(_ name: StaticString, _ value: Double) {
        self.name(name)
        if let whole = Int(exactly: value) {
            integer(whole)
        } else {
            bytes.append(contentsOf: (value.isFinite ? "\(value)" : "0").utf8)
        }
    }

    /// Seconds, to the microsecond.
    package mutating func member(_ name: StaticString, _ value: Duration) {
        self.name(name)
        let microseconds = max(0, value.saturatingNanoseconds / 1_000)
        integer(Int(microseconds / 1_000_000))
        bytes.append(UInt8(ascii: "."))
        digits(Int(microseconds % 1_000_000), count: 6)
    }

    /// A string, whatever it holds. Besides what JSON demands, everything is escaped that a terminal obeys, that some tool
    /// takes for the end of a line, or that has a reader see something else than there is.
    package mutating func string(_ value: String) {
        separate()
        quoted(value)
    }

    /// The same, whatever stands before it.
    package mutating func quoted(_ value: String) {
        bytes.append(UInt8(ascii: "\""))
        var value = value
        value.withUTF8 { text in
            if text.allSatisfy({ $0 >= 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }) {
                bytes.append(contentsOf: text)
            } else {
                escape(text)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// A number or a truth value, as JSON writes it.
    package mutating func literal(_ text: String) {
        separate()
        bytes.append(contentsOf: text.utf8)
    }

    package mutating func lineBreak() { bytes.append(UInt8(ascii: "\n")) }

    private mutating func escape(_ text: UnsafeBufferPointer<UInt8>) {
        for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
            switch scalar.value {
            case 0x22, 0x5C:
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(UInt8(scalar.value))
            case _ where Self.isUnseen(scalar):
                // Beyond the first plane, a pair of surrogates (RFC 8259, section 7).
                if let units = UTF16.encode(scalar) { for unit in units { escape(unit) } }
            default:
                // Every scalar has an encoding.
                if let encoded = UTF8.encode(scalar) { bytes.append(contentsOf: encoded) }
            }
        }
    }

    private mutating func escape(_ unit: UInt16) {
        bytes.append(contentsOf: "\\u".utf8)
        let hex = String(unit, radix: 16)
        bytes.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: 4 - hex.utf8.count))
        bytes.append(contentsOf: hex.utf8)
    }

    /// Whether a scalar is none that a reader sees: control characters, separators of lines, what turns the direction of
    /// writing or has no width, what means nothing.
    private static func isUnseen(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned: true
        default: false
        }
    }

    private mutating func enclosed(_ open: Unicode.Scalar, _ close: Unicode.Scalar, _ body: (inout JSONText) -> Void) {
        separate()
        bytes.append(UInt8(ascii: open))
        body(&self)
        bytes.append(UInt8(ascii: close))
    }

    /// A comma, unless this is the first of its kind.
    private mutating func separate() {
        switch bytes.last {
        case nil, UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: ":"), UInt8(ascii: "\n"): break
        default: bytes.append(UInt8(ascii: ","))
        }
    }

    /// Bytes that are JSON already.
    package mutating func raw(_ text: String) { bytes.append(contentsOf: text.utf8) }

    private mutating func integer(_ value: Int) { bytes.append(contentsOf: "\(value)".utf8) }

    /// A number with leading zeros.
    package mutating func digits(_ value: Int, count: Int) {
        var divisor = 1
        for _ in 1..<count { divisor *= 10 }
        var rest = value
        for _ in 0..<count {
            bytes.append(UInt8(ascii: "0") + UInt8(rest / divisor % 10))
            rest %= divisor
            divisor /= 10
        }
    }
}
