/// What became of one record, by the store's clock. It is text, a line for each event, so that whoever looks into the
/// store itself can read it too: milliseconds, event, fence, who and why, with tabs between.
public struct ClaimHistory: Sendable, Hashable {
    /// What can happen to a record.
    public enum Event: String, Sendable, CaseIterable {
        case claimed
        case completed
        case released
        case abandoned
        /// Its owner had gone silent for the whole lease when somebody asked.
        case leaseEnded = "lease-ended"
        case resolvedCompleted = "resolved-completed"
        case resolvedReleased = "resolved-released"
    }

    /// One line.
    public struct Entry: Sendable, Hashable {
        public let at: StoreInstant
        public let event: Event
        public let fence: Int64
        /// The owner of the claim, or the person who resolved it.
        public let by: String
        /// The reason; of a claim, its nonce.
        public let why: String
    }

    /// The most bytes that a history may take: about 30 events. Beyond it, the oldest are left out, but never the first.
    public static let bound = 2_048
    /// The most bytes of a name; longer ones are cut.
    public static let nameBound = 64
    /// The most bytes of a reason; longer ones are cut.
    public static let reasonBound = 256

    /// The lines, as a store keeps them.
    public private(set) var text: String

    /// - Parameter text: What a store kept.
    public init(text: String = "") {
        self.text = text
    }

    /// The events, the oldest first. Lines of a later version are left out.
    public var entries: [Entry] {
        text.split(separator: "\n").compactMap { line in
            let words = line.split(separator: "\t", omittingEmptySubsequences: false)
            guard words.count == 5, let at = Int64(words[0]), let event = Event(rawValue: String(words[1])),
                let fence = Int64(words[2])
            else { return nil }
            return Entry(
                at: StoreInstant(milliseconds: at), event: event, fence: fence, by: String(words[3]),
                why: String(words[4]))
        }
    }

    /// Whether more than one thing happened.
    var isLong: Bool {
        guard let first = text.utf8.firstIndex(of: UInt8(ascii: "\n")) else { return false }
        return text.utf8.index(after: first) < text.utf8.endIndex
    }

    /// Whether the last that happened was this claim.
    func ends(withClaim fence: Int64, by owner: String, nonce: String) -> Bool {
        var last = ClaimHistory()
        last.add(.claimed, at: StoreInstant(milliseconds: 0), fence: fence, by: owner, why: nonce)
        return text.hasSuffix(last.text.dropFirst())
    }

    mutating func add(_ event: Event, at now: StoreInstant, fence: Int64, by: String = "", why: String = "") {
        let (by, why) = (Self.word(by, bound: Self.nameBound), Self.word(why, bound: Self.reasonBound))
        // In one piece, because a history is written twice for each key: by interpolation, it was a tenth of a cycle.
        let former = text
        let capacity = former.utf8.count + event.rawValue.utf8.count + by.utf8.count + why.utf8.count + 45
        text = String(unsafeUninitializedCapacity: capacity) { buffer in
            var line = OutputBuffer(buffer)
            line.write(former)
            line.write(now.milliseconds)
            for word in [event.rawValue, nil, by, why] {
                line.write("\t")
                if let word { line.write(word) } else { line.write(fence) }
            }
            line.write("\n")
            return line.count
        }
        while text.utf8.count > Self.bound, let first = text.utf8.firstIndex(of: UInt8(ascii: "\n")) {
            let second = text.utf8.index(after: first)
            guard let end = text.utf8[second...].firstIndex(of: UInt8(ascii: "\n")) else { return }
            text.removeSubrange(second...end)
        }
    }

    /// A name or a reason as it stands in a line: without control characters, and no longer than the bound.
    public static func word(_ text: String, bound: Int) -> String {
        // 0xC2 begins, among others, the control characters beyond ASCII, which terminals obey as well.
        if text.utf8.count <= bound, text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F && $0 != 0xC2 }) { return text }
        var word = ""
        for scalar in text.unicodeScalars where word.utf8.count + scalar.utf8.count <= bound {
            word.unicodeScalars.append(scalar.properties.generalCategory == .control ? " " : scalar)
        }
        return word
    }
}

/// Writes text into memory that is large enough for it.
private struct OutputBuffer {
    private let buffer: UnsafeMutableBufferPointer<UInt8>
    private(set) var count = 0

    init(_ buffer: UnsafeMutableBufferPointer<UInt8>) {
        self.buffer = buffer
    }

    mutating func write(_ text: String) {
        for byte in text.utf8 { put(byte) }
    }

    mutating func write(_ number: Int64) {
        if number < 0 { put(UInt8(ascii: "-")) }
        var rest = number.magnitude
        let start = count
        repeat {
            put(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        } while rest > 0
        buffer[start..<count].reverse()
    }

    private mutating func put(_ byte: UInt8) {
        buffer[count] = byte
        count += 1
    }
}
