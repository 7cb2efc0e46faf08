#if Gateway
import HoldfastHTTP
package import Logging

/// How a line of the gateway's own log is written.
public enum LogFormat: String, Sendable, Hashable, CaseIterable {
    /// logfmt: `time=… level=notice message="closed → open" service=payments`. For people, and for Loki and its kin.
    case text
    /// One JSON object a line (RFC 8259).
    case json
}

/// One line of the gateway's own log, in either form.
///
/// Whatever a value holds, it stays one value on one line. Both forms have one way to write what is not plain: a JSON string,
/// in which each character is escaped that ends a line for some tool, that a terminal obeys, or that has a reader see
/// something else than there is. In the text form a value that is plain ASCII without blanks, quotes, `=` and `\` stands as
/// it is. A byte that is no UTF-8 is shown as U+FFFD in both: a log is read by people, and a line that is no UTF-8 is
/// refused whole by what collects logs.
package enum LogLine {
    /// The line with its end.
    ///
    /// - Parameters:
    ///   - time: Milliseconds since 1970.
    ///   - metadata: Written in the order of the names, after the message.
    package static func bytes(
        _ format: LogFormat, time: Int64, level: Logger.Level, message: String, metadata: Logger.Metadata
    ) -> [UInt8] {
        switch format {
        case .text: text(time, level, message, metadata)
        case .json: json(time, level, message, metadata)
        }
    }

    /// What a line has itself. Metadata of such a name stands under another.
    private static let own: Set<String> = ["time", "level", "message"]

    /// A name as it stands in a line: letters, digits and `. _ -`.
    private static func name(_ key: String) -> String {
        let plain = String(decoding: key.utf8.map { isName($0) ? $0 : UInt8(ascii: "_") }, as: UTF8.self)
        return plain.isEmpty || own.contains(plain) ? "_\(plain)" : plain
    }

    private static func isName(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    // MARK: Text

    private static func text(
        _ time: Int64, _ level: Logger.Level, _ message: String, _ metadata: Logger.Metadata
    ) -> [UInt8] {
        var line = JSONText()
        line.raw("time=")
        line.raw(timestamp: time)
        line.raw(" level=\(level.rawValue) message=")
        add(message.readable, to: &line)
        add(metadata, under: "", to: &line)
        line.lineBreak()
        return line.bytes
    }

    private static func add(_ metadata: Logger.Metadata, under path: String, to line: inout JSONText) {
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            let name = path.isEmpty ? name(key) : "\(path).\(name(key))"
            switch value {
            case .dictionary(let inner): add(inner, under: name, to: &line)
            case .stringConvertible(let plain):
                line.raw(" \(name)=")
                add(number(plain) ?? "\(plain)".readable, to: &line)
            case .string, .array:
                line.raw(" \(name)=")
                add("\(value)".readable, to: &line)
            }
        }
    }

    private static func add(_ value: String, to line: inout JSONText) {
        let isPlain = value.utf8.allSatisfy { byte in
            (0x21...0x7E).contains(byte) && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "=")
                && byte != UInt8(ascii: "\\")
        }
        if isPlain, !value.isEmpty { line.raw(value) } else { line.quoted(value) }
    }

    // MARK: JSON

    private static func json(
        _ time: Int64, _ level: Logger.Level, _ message: String, _ metadata: Logger.Metadata
    ) -> [UInt8] {
        var line = JSONText()
        line.object { line in
            line.member("time", time: time)
            line.member("level", level.rawValue)
            line.member("message", message.readable)
            add(metadata, to: &line)
        }
        line.lineBreak()
        return line.bytes
    }

    private static func add(_ metadata: Logger.Metadata, to line: inout JSONText) {
        // Two names that become one would be one member twice, which readers take in different ways (RFC 8259, section 4).
        var seen: Set<String> = []
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            var name = name(key)
            while !seen.insert(name).inserted { name = "_\(name)" }
            line.name(text: name)
            add(value, to: &line)
        }
    }

    private static func add(_ value: Logger.MetadataValue, to line: inout JSONText) {
        switch value {
        case .dictionary(let inner): line.object { add(inner, to: &$0) }
        case .array(let values): line.array { line in for value in values { add(value, to: &line) } }
        case .stringConvertible(let value) where value is Bool: line.literal("\(value)")
        case .stringConvertible(let value):
            if let number = number(value) { line.literal(number) } else { line.string("\(value)".readable) }
        case .string(let text): line.string(text.readable)
        }
    }

    // MARK: Numbers

    /// A number as both forms write it; nil for what is none, or none that JSON has.
    private static func number(_ value: any CustomStringConvertible) -> String? {
        switch value {
        case let whole as any BinaryInteger: "\(whole)"
        case let share as Double where share.isFinite: Int(exactly: share).map { "\($0)" } ?? "\(share)"
        case let share as Float where share.isFinite: number(Double(share))
        default: nil
        }
    }
}

extension String {
    /// The same with U+FFFD for each byte that is no UTF-8, which the gateway keeps in values of fields (``FieldBytes``).
    var readable: String {
        guard utf8.contains(0xF4) else { return self }
        var text = UnicodeScalarView()
        for scalar in unicodeScalars { text.append(scalar.value >= 0x10_FF80 ? "\u{FFFD}" : scalar) }
        return String(text)
    }
}
#endif
