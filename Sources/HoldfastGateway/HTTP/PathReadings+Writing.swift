#if Gateway
// How the bytes of a path become those of its readings: each in one pass, into room that was made for them.

extension PathReadings {
    /// Decodes until nothing is left to decode. What is written is never longer than what was read.
    struct Decoder {
        private let room: UnsafeMutableBufferPointer<UInt8>
        private(set) var count = 0
        private(set) var marks: Marks = []
        private(set) var isAmbiguous = false
        private(set) var hasControls = false
        private(set) var hasLongForms = false
        private var isInParameters = false

        init(_ room: UnsafeMutableBufferPointer<UInt8>) { self.room = room }

        mutating func decode(_ path: UnsafeBufferPointer<UInt8>) {
            var place = 0
            while place < path.count {
                let byte = path[place]
                if byte == UInt8(ascii: "%"), place + 2 < path.count,
                    let value = PercentEncoding.value(path[place + 1], path[place + 2])
                {
                    push(value, depth: 1)
                    place += 3
                } else {
                    push(byte, depth: 0)
                    place += 1
                }
            }
        }

        private mutating func push(_ byte: UInt8, depth: Int) {
            append(byte, depth: depth)
            // What was decoded may complete another encoding.
            while let byte = takeEncoding() { append(byte, depth: 2) }
        }

        private mutating func append(_ byte: UInt8, depth: Int) {
            switch byte {
            case UInt8(ascii: "/") where depth == 0:
                isInParameters = false
                write(byte)
            case UInt8(ascii: "/"): append(.slash, depth)
            case UInt8(ascii: "\\"): append(.backslash, depth)
            case UInt8(ascii: ";"): append(.parameters, depth)
            case UInt8(ascii: "?"), UInt8(ascii: "#"): append(.query, depth)
            case 0x41...0x5A: write(byte | 0x20)
            case 0..<0x20, 0x7F: hasControls = true
            default: write(byte)
            }
        }

        private mutating func append(_ mark: Mark, _ depth: Int) {
            if mark == .parameters { isInParameters = true } else if isInParameters { isAmbiguous = true }
            let tag = mark.tag(depth: depth)
            marks.insert(Marks(tag: tag))
            write(tag)
        }

        private mutating func write(_ byte: UInt8) {
            room.initializeElement(at: count, to: byte)
            count += 1
        }

        /// Takes away an encoding at the end of what was decoded, and returns what it stands for.
        private mutating func takeEncoding() -> UInt8? {
            guard count > 1 else { return nil }
            let last = room[count - 1]
            if last < 0x80 {
                guard count > 2, room[count - 3] == UInt8(ascii: "%"),
                    let value = PercentEncoding.value(room[count - 2], last)
                else { return nil }
                count -= 3
                return value
            }
            guard let (scalar, length) = ASCIITwins.lastScalar(of: UnsafeBufferPointer(rebasing: room[..<count])),
                let twin = ASCIITwins.twin(of: scalar)
            else { return nil }
            if scalar < 0x80 { hasLongForms = true }
            count -= length
            return twin
        }
    }

    /// Writes a path in one reading.
    struct Reading {
        private let room: UnsafeMutableBufferPointer<UInt8>
        private var count = 0
        /// Where the latest segment begins.
        private var start = 1
        private var skipsHost: Bool
        /// Whether what comes is no part of the segment's name.
        var isCut = false

        init(_ room: UnsafeMutableBufferPointer<UInt8>, skipsHost: Bool) {
            (self.room, self.skipsHost) = (room, skipsHost)
            write(UInt8(ascii: "/"))
        }

        mutating func append(_ byte: UInt8) {
            if !isCut { write(byte) }
        }

        private mutating func write(_ byte: UInt8) {
            room.initializeElement(at: count, to: byte)
            count += 1
        }

        /// A name that trimming would leave empty is left as it is: no segment comes or goes by that.
        mutating func endSegment() {
            isCut = false
            guard count > start else { return }
            guard !skipsHost else {
                skipsHost = false
                count = start
                return
            }
            var (first, end) = (start, count)
            while first < end, room[first] == UInt8(ascii: " ") { first += 1 }
            while end > first, room[end - 1] == UInt8(ascii: " ") || room[end - 1] == UInt8(ascii: ".") { end -= 1 }
            if end > first {
                if first > start { for place in first..<end { room[start + place - first] = room[place] } }
                count = start + end - first
            }
            write(UInt8(ascii: "/"))
            start = count
        }

        /// - Returns: How many bytes it has.
        mutating func end() -> Int {
            endSegment()
            return max(1, count - 1)
        }
    }
}
#endif
