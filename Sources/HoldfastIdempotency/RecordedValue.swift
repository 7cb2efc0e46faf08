/// How an outcome of ``IdempotencyEngine/run(_:in:saying:coding:policy:_:)`` is written: a value as its coding has it, and
/// an error under a mark that tells it from every value.
package enum RecordedValue {
    private static let mark = Array("\u{0}holdfast\u{0}".utf8)
    private static let isError = UInt8(ascii: "e")
    private static let isValue = UInt8(ascii: "v")

    /// A value that begins with the mark gets one of its own.
    package static func value(_ encoded: [UInt8]) -> [UInt8] {
        encoded.starts(with: mark) ? mark + [isValue] + encoded : encoded
    }

    static func error(_ description: String) -> [UInt8] { mark + [isError] + Array(description.utf8) }

    /// - Throws: ``IdempotencyError``: `failed` with a recorded error, or `unreadable`.
    package static func read<Value>(_ payload: [UInt8], _ coding: OutcomeCoding<Value>) throws(IdempotencyError)
        -> Value
    {
        var encoded = payload
        if payload.starts(with: mark), payload.count > mark.count {
            encoded = Array(payload.dropFirst(mark.count + 1))
            if payload[mark.count] == isError { throw .failed(String(decoding: encoded, as: UTF8.self)) }
        }
        do { return try coding.decode(encoded) } catch { throw .unreadable("\(error)") }
    }
}
