/// Where a request stands in a distributed trace: the value of `traceparent`, as W3C's Trace Context has it.
///
/// A value that is valid is passed on as it is; one that is not is dropped, with its `tracestate`, because whoever comes
/// next would otherwise read it in another way than we do.
public struct TraceParent: Sendable, Hashable, CustomStringConvertible {
    /// What the longest value may be, in bytes. Only versions that are yet to come are longer than 55.
    public static let maximumLength = 256

    /// The trace's first and last eight bytes. Never both zero.
    public let trace: (high: UInt64, low: UInt64)
    /// The span of whoever sent the request. Never zero.
    public let parent: UInt64
    /// The flags; the lowest bit says that the sender records the trace.
    public let flags: UInt8

    /// Reads a value. Nil when it is not valid: upper-case digits, zeros alone, version `ff`, or another length than the
    /// version has. A version above `00` is read as far as `00` goes, as the recommendation asks.
    public init?(_ text: some StringProtocol) {
        guard text.utf8.count <= Self.maximumLength else { return nil }
        let fields = text.utf8.split(separator: UInt8(ascii: "-"), maxSplits: 4, omittingEmptySubsequences: false)
        guard fields.count >= 4, let version = Self.number(fields[0], digits: 2), version != 0xFF,
            version > 0 || fields.count == 4,
            fields[1].count == 32, let high = Self.number(fields[1].prefix(16), digits: 16),
            let low = Self.number(fields[1].dropFirst(16), digits: 16), high | low != 0,
            let parent = Self.number(fields[2], digits: 16), parent != 0,
            let flags = Self.number(fields[3], digits: 2)
        else { return nil }
        trace = (high, low)
        self.parent = parent
        self.flags = UInt8(flags)
    }

    /// The trace's name: 32 hexadecimal digits.
    public var traceID: String { Self.hex(trace.high, digits: 16) + Self.hex(trace.low, digits: 16) }

    /// Whether the sender records the trace.
    public var isSampled: Bool { flags & 1 == 1 }

    /// As in version `00`.
    public var description: String {
        "00-\(traceID)-\(Self.hex(parent, digits: 16))-\(Self.hex(UInt64(flags), digits: 2))"
    }

    public static func == (left: TraceParent, right: TraceParent) -> Bool {
        left.trace == right.trace && left.parent == right.parent && left.flags == right.flags
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(trace.high)
        hasher.combine(trace.low)
        hasher.combine(parent)
        hasher.combine(flags)
    }

    private static func number(_ text: some Collection<UInt8>, digits: Int) -> UInt64? {
        guard text.count == digits else { return nil }
        var number: UInt64 = 0
        for byte in text {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): number = number << 4 | UInt64(byte - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): number = number << 4 | UInt64(byte - UInt8(ascii: "a") + 10)
            default: return nil
            }
        }
        return number
    }

    private static func hex(_ number: UInt64, digits: Int) -> String {
        let text = String(number, radix: 16)
        return String(repeating: "0", count: digits - text.utf8.count) + text
    }
}
