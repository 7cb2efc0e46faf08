#if Gateway
import NIOCore

/// Makes of what a client sends, in whatever pieces it comes, what NIOHTTP2 can be given: whole frames, and of DATA as
/// much as there is.
///
/// NIOHTTP2 keeps all that it has read for as long as each read ends within a frame, so no read that it sees does, but
/// within DATA, whose bytes it hands on at once. What is kept here is bounded: the beginning of one frame, and the field
/// block that is not whole yet. What has no place is refused when its first nine bytes are there, and what nobody knows
/// is skipped and not kept (RFC 9113, sections 4.1 and 5.5).
///
/// Field blocks are read by ``HPACKReader``, and go on as they are, or written anew.
struct HTTP2FrameReader {
    /// The longest frame: what HTTP/2 has where nobody agreed on more (RFC 9113, section 4.2).
    static let maximumLength = 16_384
    /// The longest piece that NIOHTTP2 is given. It keeps a buffer of the size of the largest for as long as the
    /// connection is open.
    static let pieceBytes = maximumLength + HTTP2FrameHeader.size
    /// After so many frames NIOHTTP2 hands on what it has read: it holds frames until then, in lists that never shrink.
    static let turnFrames = 64
    /// More settings than anybody has; as in nghttp2 (CVE-2020-11080).
    static let maximumSettings = 32

    private enum Place {
        case preface
        /// At a frame's first byte, or within its first nine.
        case frame
        /// The frame is kept until it is whole.
        case gathering(HTTP2FrameHeader)
        /// So many bytes of DATA are still to come.
        case data(Int)
        /// So many bytes that nobody asks for are still to come.
        case skipping(Int)
    }

    private enum Rule { case data, whole, fields, farewell, skipped }

    private let headerLimit: Int
    private var place = Place.preface
    private var kept = ByteBuffer()
    private var block: HTTP2FieldBlock?
    private var fields = HPACKReader()
    private var ignored: FrameRate
    /// How many WINDOW_UPDATE may still come.
    private var windowUpdates = HTTP2Limits.windowUpdates
    /// What goes to NIOHTTP2 next.
    private var pending: ByteBuffer?
    /// Whether the client has agreed to our settings. Until then NIOHTTP2 takes heads of its own limit.
    private var isAgreed = false
    /// The last stream that the client has begun.
    private(set) var lastStream: UInt32 = 0
    /// How many frames NIOHTTP2 was given in this turn.
    private(set) var frames = 0

    /// - Parameter headerLimit: The most bytes of one head's fields, as SETTINGS_MAX_HEADER_LIST_SIZE counts them.
    init(headerLimit: Int) {
        self.headerLimit = headerLimit
        // As many as NIOHTTP2 takes of those that it counts.
        ignored = FrameRate(most: HTTP2Limits.controlFrames, within: HTTP2Limits.controlFramesTime)
    }

    /// What is kept, in bytes of memory.
    var keptBytes: Int {
        kept.capacity + (block?.fragments.capacity ?? 0) + (pending?.storageCapacity ?? 0) + fields.keptBytes
    }

    mutating func beginTurn() { frames = 0 }

    /// Takes from what has come.
    ///
    /// - Returns: The next piece for NIOHTTP2; nil when more must come first, and then nothing is left of the input.
    mutating func next(_ input: inout ByteBuffer, at now: () -> NIODeadline) throws(HTTP2Refusal) -> ByteBuffer? {
        if let pending = pending.take() { return pending }
        while input.readableBytes > 0 {
            switch place {
            case .preface:
                guard fill(to: Self.prefaceBytes, from: &input) else { return nil }
                place = .frame
                return takeKept()
            case .data(let left):
                return data(left, &input)
            case .skipping(let left):
                let count = min(left, input.readableBytes)
                input.moveReaderIndex(forwardBy: count)
                place = left == count ? .frame : .skipping(left - count)
            case .gathering(let header):
                guard fill(to: HTTP2FrameHeader.size + header.length, from: &input) else { return nil }
                place = .frame
                if let piece = try whole(header, takeKept(), now) { return piece }
            case .frame:
                let piece = kept.readableBytes > 0 ? try begun(&input, now) : try untouched(&input, now)
                if let piece { return piece }
            }
        }
        return pending.take()
    }

    // MARK: Pieces

    private static let prefaceBytes = 24

    private mutating func takeKept() -> ByteBuffer {
        var taken = ByteBuffer()
        swap(&taken, &kept)
        return taken
    }

    /// - Returns: Whether so much is kept now.
    private mutating func fill(to count: Int, from input: inout ByteBuffer) -> Bool {
        let missing = min(count - kept.readableBytes, input.readableBytes)
        if var slice = input.readSlice(length: missing) { kept.writeBuffer(&slice) }
        return kept.readableBytes == count
    }

    private mutating func data(_ left: Int, _ input: inout ByteBuffer) -> ByteBuffer? {
        let count = min(left, input.readableBytes, Self.pieceBytes)
        place = left == count ? .frame : .data(left - count)
        frames += 1
        return input.readSlice(length: count)
    }

    /// Goes on with a frame of which fewer than nine bytes had come.
    private mutating func begun(_ input: inout ByteBuffer, _ now: () -> NIODeadline) throws(HTTP2Refusal) -> ByteBuffer?
    {
        guard fill(to: HTTP2FrameHeader.size, from: &input),
            let header = HTTP2FrameHeader(kept, at: kept.readerIndex)
        else { return nil }
        switch try rule(header) {
        case .skipped:
            kept = ByteBuffer()
            try skip(header.length, now)
            return nil
        case .data:
            place = header.length == 0 ? .frame : .data(header.length)
            frames += 1
            return takeKept()
        case .whole, .fields, .farewell:
            place = .gathering(header)
            // Nothing more may have to come.
            guard header.length == 0 else { return nil }
            place = .frame
            return try whole(header, takeKept(), now)
        }
    }

    /// Goes through what came in one piece, and copies nothing of it.
    private mutating func untouched(
        _ input: inout ByteBuffer, _ now: () -> NIODeadline
    ) throws(HTTP2Refusal) -> ByteBuffer? {
        var end = input.readerIndex
        var isAtStart: Bool { end == input.readerIndex }
        // At least one, whatever the turn: what is called again and again must come to an end.
        while isAtStart || frames < Self.turnFrames, let header = HTTP2FrameHeader(input, at: end) {
            let size = HTTP2FrameHeader.size + header.length
            guard isAtStart || end - input.readerIndex + size <= Self.pieceBytes else { break }
            let isWhole = input.writerIndex - end >= size
            switch try rule(header) {
            case .data where isWhole:
                break
            case .data:
                guard isAtStart else { return take(to: end, from: &input) }
                return data(size, &input)
            case .whole where isWhole:
                try noted(header, in: &input, at: end)
            case .fields where isWhole:
                // A slice of what is there.
                guard let frame = input.getSlice(at: end, length: size) else { break }
                let written = try read(header, frame)
                guard written != frame else { break }
                let before = isAtStart ? nil : take(to: end, from: &input)
                input.moveReaderIndex(forwardBy: size)
                if before != nil { pending = written }
                return before ?? written
            case .skipped:
                guard isAtStart else { return take(to: end, from: &input) }
                input.moveReaderIndex(forwardBy: HTTP2FrameHeader.size)
                try skip(header.length, now)
                return nil
            case .whole, .fields, .farewell:
                guard isAtStart else { return take(to: end, from: &input) }
                place = .gathering(header)
                return nil
            }
            end += size
            frames += 1
        }
        guard isAtStart else { return take(to: end, from: &input) }
        kept.writeBuffer(&input)
        return nil
    }

    private mutating func take(to end: Int, from input: inout ByteBuffer) -> ByteBuffer? {
        input.readSlice(length: end - input.readerIndex)
    }

    private mutating func skip(_ length: Int, _ now: () -> NIODeadline) throws(HTTP2Refusal) {
        try countIgnored(now)
        place = length == 0 ? .frame : .skipping(length)
    }

    private mutating func countIgnored(_ now: () -> NIODeadline) throws(HTTP2Refusal) {
        guard ignored.admit(at: now()) else {
            throw HTTP2Refusal(.enhanceYourCalm, "more than \(ignored.most) frames that mean nothing here")
        }
    }

    // MARK: Frames

    /// What becomes of a frame, by its first nine bytes.
    private func rule(_ header: HTTP2FrameHeader) throws(HTTP2Refusal) -> Rule {
        try require(
            header.length <= Self.maximumLength, .frameSizeError,
            "a frame of \(header.length) bytes, where \(Self.maximumLength) are allowed")
        if let block {
            // RFC 9113, sections 5.5 and 6.10: nothing stands between the frames of a field block.
            try require(
                header.kind == .continuation && header.stream == block.stream, .protocolError,
                "a field block that is not whole must go on")
        }
        switch header.kind {
        case .data: return .data
        case .headers: return .fields
        case .continuation:
            try require(block != nil, .protocolError, "CONTINUATION continues nothing")
            return .fields
        case .priority:
            try require(header.length == 5, .frameSizeError, "PRIORITY of \(header.length) bytes, it has 5")
        case .reset:
            try require(header.length == 4, .frameSizeError, "RST_STREAM of \(header.length) bytes, it has 4")
        case .windowUpdate:
            try require(header.length == 4, .frameSizeError, "WINDOW_UPDATE of \(header.length) bytes, it has 4")
        case .ping:
            try require(header.length == 8, .frameSizeError, "PING of \(header.length) bytes, it has 8")
        case .settings:
            let isSound = header.has(HTTP2FrameHeader.Flag.acknowledged) ? header.length == 0 : header.length % 6 == 0
            try require(isSound, .frameSizeError, "SETTINGS of \(header.length) bytes")
            try require(
                header.length <= Self.maximumSettings * 6, .enhanceYourCalm,
                "\(header.length / 6) settings in a frame, \(Self.maximumSettings) are allowed")
        case .goAway:
            try require(header.length >= 8, .frameSizeError, "GOAWAY of \(header.length) bytes, it has at least 8")
            return .farewell
        case .pushPromise:
            // RFC 9113, section 8.4: a client cannot push.
            throw HTTP2Refusal(.protocolError, "PUSH_PROMISE from a client")
        case nil:
            return .skipped
        }
        return .whole
    }

    private func require(
        _ holds: Bool, _ code: HTTP2Refusal.Code, _ words: @autoclosure () -> String
    ) throws(HTTP2Refusal) {
        guard holds else { throw HTTP2Refusal(code, words()) }
    }

    /// A frame that was gathered.
    private mutating func whole(
        _ header: HTTP2FrameHeader, _ frame: ByteBuffer, _ now: () -> NIODeadline
    ) throws(HTTP2Refusal) -> ByteBuffer? {
        frames += 1
        switch header.kind {
        case .headers, .continuation:
            return try read(header, frame)
        case .goAway:
            // NIOHTTP2 counts none of them. Of what may stand behind the code, nothing is read.
            try countIgnored(now)
            var short = ByteBuffer()
            short.writeFrameHeader(HTTP2FrameHeader(.goAway, stream: header.stream, length: 8))
            short.writeImmutableBuffer(
                frame.getSlice(at: frame.readerIndex + HTTP2FrameHeader.size, length: 8) ?? ByteBuffer())
            return short
        default:
            var frame = frame
            try noted(header, in: &frame, at: frame.readerIndex)
            return frame
        }
    }

    /// The client was sent DATA, for which windows have to be opened.
    mutating func sentData() { windowUpdates += HTTP2Limits.windowUpdatesPerFrame }

    private mutating func noted(
        _ header: HTTP2FrameHeader, in bytes: inout ByteBuffer, at frame: Int
    ) throws(HTTP2Refusal) {
        if header.kind == .windowUpdate {
            try require(windowUpdates > 0, .enhanceYourCalm, "more WINDOW_UPDATE than there is DATA to take")
            windowUpdates -= 1
        }
        guard header.kind == .settings else { return }
        if header.has(HTTP2FrameHeader.Flag.acknowledged) { isAgreed = true }
        HTTP2Limits.settle(bytes: &bytes, settings: frame + HTTP2FrameHeader.size, header.length / 6)
    }

    // MARK: Field blocks

    /// - Returns: What goes to NIOHTTP2: the frame itself, or others in its place; nil while the block is not whole.
    private mutating func read(
        _ header: HTTP2FrameHeader, _ frame: ByteBuffer
    ) throws(HTTP2Refusal) -> ByteBuffer? {
        if header.kind == .headers {
            let begun = try HTTP2FieldBlock(header, frame)
            guard header.has(HTTP2FrameHeader.Flag.endHeaders) else {
                block = begun
                try checkLength()
                return nil
            }
            return try read(begun, frame)
        }
        guard let frames = block?.append(frame) else { return nil }
        try require(
            frames <= HTTP2Limits.continuationFrames(headerLimit), .enhanceYourCalm,
            "a field block in \(frames) pieces")
        try checkLength()
        guard header.has(HTTP2FrameHeader.Flag.endHeaders), let block = block.take() else { return nil }
        return try read(block, nil)
    }

    /// Twice of what a head may have is read, so that the client can be told.
    private func checkLength() throws(HTTP2Refusal) {
        let count = block?.fragments.readableBytes ?? 0
        try require(
            count <= 2 * headerLimit, .enhanceYourCalm, "a field block of \(count) bytes, \(headerLimit) are allowed")
    }

    /// - Parameter frame: What the block came in, where that is one frame.
    private mutating func read(_ block: HTTP2FieldBlock, _ frame: ByteBuffer?) throws(HTTP2Refusal) -> ByteBuffer? {
        let fits = isAgreed ? headerLimit : min(headerLimit, HTTP2Limits.headerLimitUntilAgreed)
        let reading = try fields.read(block.fragments, fits: fits, most: 2 * headerLimit)
        let isTrailers = block.stream <= lastStream
        lastStream = max(lastStream, block.stream)
        if !isTrailers { windowUpdates += HTTP2Limits.windowUpdatesPerFrame }
        switch reading {
        case .asItIs: return frame ?? block.frames(block.fragments)
        case .rewritten(let fields): return block.frames(fields)
        // Trailers do not cross. They only end the request.
        case .tooLarge(let method):
            return block.frames(isTrailers ? ByteBuffer() : HTTP2StandIn.block(method: method))
        }
    }
}
#endif
