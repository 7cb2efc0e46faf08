/// A multipart body, taken apart at its delimiter lines (RFC 2046, section 5.1.1), so that the same parts are the same under
/// another boundary: a client draws a new one for every try.
///
/// It is taken apart only where all readers must do it alike: what follows every `--BOUNDARY` is a line's end, or `--` and
/// then the end; what precedes it is a line's end or nothing; and it occurs nowhere else. Anything else is a body like any
/// other, with the boundary a part of it. Nothing is lost: from the boundary and what is kept here, the body could be
/// written again to the byte, so two bodies of one boundary are never taken for the same.
struct MultipartBody {
    /// The most parts, of a body and of all that are in its parts, together. A body with more is like any other: each
    /// part takes some microseconds of the loop that others wait for. Django (`DATA_UPLOAD_MAX_NUMBER_FIELDS`), PHP
    /// (`max_input_vars`) and Werkzeug (`max_form_parts`) take 1,000.
    static let partBound = 1_000

    /// What precedes the first delimiter; nil if that begins the body.
    private(set) var preamble: Range<Int>?
    private(set) var parts: [Range<Int>] = []
    /// What is between each `--BOUNDARY`, or `--BOUNDARY--` at last, and its line's end: spaces and tabs.
    private(set) var paddings: [Range<Int>] = []
    /// What follows the last line's end; nil if the body ends before one.
    private(set) var epilogue: Range<Int>?

    /// - Parameters:
    ///   - range: Where in `bytes` the body is.
    ///   - boundary: As the media type says it.
    ///   - bound: The most parts.
    init?(_ bytes: [UInt8], in range: Range<Int>, boundary: String, atMost bound: Int) {
        let needle = Array("--\(boundary)".utf8)
        // Longer ones than RFC 2046 allows are in use.
        guard (3...202).contains(needle.count), needle.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }), needle.last != 0x20
        else { return nil }
        let search = LinearSearch(needle)
        var (from, partStart) = (range.lowerBound, range.lowerBound)
        var isClosed = false
        while let place = search.first(in: bytes, from: from, to: range.upperBound) {
            guard !isClosed, parts.count < bound,
                let line = Self.line(bytes, after: place + needle.count, in: range)
            else { return nil }
            let isFirst = paddings.isEmpty
            if place == range.lowerBound {
                // The delimiter begins the body.
            } else if place - 2 >= partStart, bytes[place - 2] == 0x0D, bytes[place - 1] == 0x0A {
                let before = partStart..<place - 2
                if isFirst { preamble = before } else { parts.append(before) }
            } else {
                return nil
            }
            paddings.append(line.padding)
            isClosed = line.isLast
            if isClosed { epilogue = line.end.map { $0..<range.upperBound } }
            guard isClosed || line.end != nil else { return nil }
            partStart = line.end ?? range.upperBound
            from = partStart
        }
        guard isClosed else { return nil }
    }

    /// The rest of a delimiter's line.
    ///
    /// - Returns: Its padding, whether it is the last, and where the next line begins; nil where something else follows.
    private static func line(
        _ bytes: [UInt8], after start: Int, in range: Range<Int>
    ) -> (padding: Range<Int>, isLast: Bool, end: Int?)? {
        var place = start
        let isLast = place + 1 < range.upperBound && bytes[place] == 0x2D && bytes[place + 1] == 0x2D
        if isLast { place += 2 }
        let padding = place
        while place < range.upperBound, bytes[place] == 0x20 || bytes[place] == 0x09 { place += 1 }
        if place == range.upperBound { return (padding..<place, isLast, nil) }
        guard place + 1 < range.upperBound, bytes[place] == 0x0D, bytes[place + 1] == 0x0A else { return nil }
        return (padding..<place, isLast, place + 2)
    }
}

/// Finds bytes among others in a time that is in proportion to how many those are, whatever both say (Knuth, Morris and
/// Pratt). A stranger chooses both the boundary and the body, so a search that begins anew at each place would cost their
/// product.
private struct LinearSearch {
    private let needle: [UInt8]
    /// For each count of bytes that match: how many still do when the next one does not.
    private let fallback: [Int]

    /// - Parameter needle: At least one byte.
    init(_ needle: [UInt8]) {
        self.needle = needle
        var fallback = [0, 0]
        fallback.reserveCapacity(needle.count + 1)
        var matched = 0
        for byte in needle.dropFirst() {
            while matched > 0, needle[matched] != byte { matched = fallback[matched] }
            if needle[matched] == byte { matched += 1 }
            fallback.append(matched)
        }
        self.fallback = fallback
    }

    func first(in bytes: [UInt8], from: Int, to end: Int) -> Int? {
        bytes.withUnsafeBufferPointer { bytes in
            needle.withUnsafeBufferPointer { needle in
                fallback.withUnsafeBufferPointer { fallback in
                    var matched = 0
                    for place in from..<max(from, end) {
                        let byte = bytes[place]
                        while matched > 0, needle[matched] != byte { matched = fallback[matched] }
                        if needle[matched] == byte { matched += 1 }
                        if matched == needle.count { return place + 1 - matched }
                    }
                    return nil
                }
            }
        }
    }
}
