import Holdfast

/// Counts whoever has no place of its own, in fixed memory: a count-min sketch (Cormode and Muthukrishnan, 2005). A name leads
/// to one cell in each of three rows, which it shares with others, and its count is the least of the three: never too low,
/// and too high only where strangers fill all three cells.
///
/// Cells are kept for four thirds of a retention, so what was counted counts for at least one.
struct CallerSketch: Sendable {
    static let rowCount = 3
    static let partCount: Int64 = 4
    /// A power of two. In a sixteenth of all names, so 65,536 cells a row in all, and 3 MB for the keys.
    static let width = 4_096
    private static let cellCount = rowCount * width

    private let partWidth: Int64
    /// One after the other, for each part. Bytes only where there is a bound on them.
    private var keys = [Int32](repeating: 0, count: cellCount * Int(partCount))
    private var bytes: [Int64]
    private var newest: Int64 = .min

    init(retention: Int64, countsBytes: Bool) {
        partWidth = max(1, retention / (Self.partCount - 1))
        bytes = countsBytes ? [Int64](repeating: 0, count: Self.cellCount * Int(Self.partCount)) : []
    }

    mutating func usage(of name: UInt64, at nanoseconds: Int64) -> CallerQuota.Usage {
        turn(to: nanoseconds / partWidth)
        var least = CallerQuota.Usage(keys: .max, bytes: .max)
        for cell in Self.cells(of: name) {
            var found = CallerQuota.Usage()
            for part in 0..<Int(Self.partCount) {
                found.keys += Int(keys[part * Self.cellCount + cell])
                if !bytes.isEmpty { found.bytes += Int(bytes[part * Self.cellCount + cell]) }
            }
            least.keys = min(least.keys, found.keys)
            least.bytes = min(least.bytes, found.bytes)
        }
        return least
    }

    mutating func count(_ change: CallerQuota.Usage, of name: UInt64, at nanoseconds: Int64) {
        turn(to: nanoseconds / partWidth)
        let part = ringPlace(of: newest, count: Int(Self.partCount)) * Self.cellCount
        for cell in Self.cells(of: name) {
            keys[part + cell] = Int32(clamping: Int(keys[part + cell]) + change.keys)
            if !bytes.isEmpty { bytes[part + cell] += Int64(change.bytes) }
        }
    }

    /// Forgets the parts that are over.
    private mutating func turn(to number: Int64) {
        guard number > newest else { return }
        let first = newest == .min ? number : max(newest + 1, number - Self.partCount + 1)
        for part in first...number {
            let start = ringPlace(of: part, count: Int(Self.partCount)) * Self.cellCount
            for cell in start..<start + Self.cellCount {
                keys[cell] = 0
                if !bytes.isEmpty { bytes[cell] = 0 }
            }
        }
        newest = number
    }

    /// Some bits of the name, mixed (by the last steps of splitmix64), for each row.
    private static func cells(of name: UInt64) -> [Int] {
        var mixed = (name ^ (name >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        mixed ^= mixed >> 31
        return (0..<rowCount).map { row in
            row * width + Int((mixed >> UInt64(row * 16)) % UInt64(width))
        }
    }
}
