#if Gateway
import NIOHTTP1

/// How often a TRACE or an OPTIONS may still be forwarded (RFC 9110, section 7.6.2). For other methods the field means
/// nothing, and passes.
enum MaxForwards: Hashable {
    /// It is passed on with this.
    case passes(Int)
    /// Whoever has it is the one that is asked.
    case ends
    case malformed

    /// "The recipient's maximum supported value": nothing has more hops.
    private static let most = 255

    /// - Parameters:
    ///   - value: As it was sent.
    ///   - isOnly: Whether there is one.
    init(_ value: String, isOnly: Bool) {
        guard isOnly, !value.isEmpty, value.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            self = .malformed
            return
        }
        // Zeros in front are allowed, and a number of any length.
        let digits = value.utf8.drop { $0 == 0x30 }
        guard !digits.isEmpty else {
            self = .ends
            return
        }
        let number = digits.count > 3 ? Int.max : digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        self = .passes(min(number - 1, Self.most))
    }

    static func counts(for method: HTTPMethod) -> Bool { method == .TRACE || method == .OPTIONS }
}
#endif
