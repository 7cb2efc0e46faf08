#if Gateway
/// What one request is called: towards the service and in its response (`x-request-id`), in the access log, in problems, in
/// explanations, and beside its key.
///
/// The gateway draws 128 random bits, told as 32 hexadecimal digits, which say nothing of the request. A hop that is
/// trusted may have given the request a name before; that is kept when it is ``isWellFormed(_:)``.
struct RequestID: Sendable, Hashable, CustomStringConvertible {
    /// The field that carries it, to the service and to the client.
    static let field = "x-request-id"
    /// The response's field that carries it where there is something to explain.
    static let explainedField = "holdfast-request-id"
    /// The most bytes that a hop's name may have. UUIDs, trace ids and what balancers draw have 32 to 64.
    static let bound = 128

    private enum Form: Hashable {
        case drawn(UInt64, UInt64)
        case given(String)
    }

    private let form: Form

    init(bits: UInt64) { form = .drawn(0, bits) }

    /// Draws one.
    init(using generator: inout some RandomNumberGenerator) { form = .drawn(generator.next(), generator.next()) }

    /// Reads one as it is told.
    ///
    /// - Returns: Nil for what is not well-formed.
    init?(_ text: String) {
        guard Self.isWellFormed(text) else { return nil }
        if let (high, low) = Self.bits(text) { form = .drawn(high, low) } else { form = .given(text) }
    }

    /// Whether it is 1 to 128 letters, digits and `- _ . : @ + / =` of ASCII: enough for UUIDs, Base64, and what HAProxy,
    /// nginx, Envoy and Amazon's balancers write, and nothing that a log, a field or a shell reads as more than a word.
    static func isWellFormed(_ text: String) -> Bool {
        (1...bound).contains(text.utf8.count) && text.utf8.allSatisfy(isAllowed)
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        // Digits and `:`, `@` and capitals, small letters.
        case 0x30...0x3A, 0x40...0x5A, 0x61...0x7A: true
        case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "+"), UInt8(ascii: "/"),
            UInt8(ascii: "="):
            true
        default: false
        }
    }

    /// What 32 digits say, in the one spelling that is told.
    private static func bits(_ text: String) -> (UInt64, UInt64)? {
        let digits = text.utf8
        guard digits.count == 32, digits.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }),
            let high = UInt64(text.prefix(16), radix: 16), let low = UInt64(text.suffix(16), radix: 16)
        else { return nil }
        return (high, low)
    }

    var description: String {
        switch form {
        case .drawn: withBytes { String(decoding: $0, as: UTF8.self) }
        case .given(let text): text
        }
    }

    /// Shows its bytes. No text is made for them, since each request has them written twice.
    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        switch form {
        case .drawn(let high, let low):
            withUnsafeTemporaryAllocation(byteCount: 32, alignment: 8) { room in
                func write(_ bits: UInt64, at place: Int) {
                    room.storeBytes(of: Self.digits(bits >> 32).bigEndian, toByteOffset: place, as: UInt64.self)
                    room.storeBytes(
                        of: Self.digits(bits & 0xFFFF_FFFF).bigEndian, toByteOffset: place + 8, as: UInt64.self)
                }
                write(high, at: 0)
                write(low, at: 16)
                return body(UnsafeRawBufferPointer(room))
            }
        case .given(var text): text.withUTF8 { body(UnsafeRawBufferPointer($0)) }
        }
    }

    /// The eight digits of 32 bits, the first in the highest byte.
    private static func digits(_ bits: UInt64) -> UInt64 {
        var spread = (bits & 0xFFFF_0000) << 16 | bits & 0xFFFF
        spread = (spread & 0x0000_FF00_0000_FF00) << 8 | spread & 0x0000_00FF_0000_00FF
        spread = (spread & 0x00F0_00F0_00F0_00F0) << 4 | spread & 0x000F_000F_000F_000F
        // 6 more than nine is sixteen, which shows in the next bit; from there on, letters begin.
        let letters = (spread + 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101
        return spread + 0x3030_3030_3030_3030 + letters * 0x27
    }
}
#endif
