#if Gateway
/// What one request is called, in its response's `holdfast-request-id`, in the access log and in explanations: 64 random
/// bits, told as 16 hexadecimal digits. It says nothing of the request, and nobody can guess another's.
struct RequestID: Sendable, Hashable, CustomStringConvertible {
    /// The response's field that carries it.
    static let field = "holdfast-request-id"

    let bits: UInt64

    init(bits: UInt64) { self.bits = bits }

    init(using generator: inout some RandomNumberGenerator) { bits = generator.next() }

    /// Reads 16 hexadecimal digits, of either case.
    init?(_ text: String) {
        guard text.utf8.count == 16, text.utf8.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }),
            let bits = UInt64(text, radix: 16)
        else { return nil }
        self.bits = bits
    }

    var description: String {
        let digits = String(bits, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}
#endif
