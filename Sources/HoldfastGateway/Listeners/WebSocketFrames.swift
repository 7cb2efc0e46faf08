#if Gateway
import NIOCore

/// Follows the frames of one direction of a WebSocket (RFC 6455, section 5.2), as far as it takes to know where one ends:
/// a close frame of the gateway's own may go between two frames, even of one message (section 5.4), and nowhere else.
struct WebSocketFrames {
    private enum Place: Equatable {
        /// Before a frame's first byte.
        case between
        case length
        /// So many bytes of a longer length are to come.
        case moreLength(Int, UInt64)
        /// So many bytes of the mask and of the payload are to come.
        case inside(UInt64)
    }

    /// The most frames of one piece that are followed. Whoever sends more, empty ones for instance, would have each of its
    /// bytes looked at, and is not followed any longer: then no close frame may go.
    static let bound = 256

    private var place = Place.between
    private var isLost = false
    private var isMasked = false
    /// Whether the frame is one that ends the WebSocket.
    private var isClose = false
    /// Whether no more frames may follow.
    private(set) var hasClosed = false

    /// Whether a close frame may go here.
    var mayClose: Bool { place == .between && !hasClosed && !isLost }

    /// Takes in what passes.
    mutating func passed(_ bytes: ByteBuffer) {
        guard !isLost else { return }
        let view = bytes.readableBytesView
        var next = view.startIndex
        var frames = 0
        while next < view.endIndex {
            if case .inside(let count) = place {
                let step = Int(min(count, UInt64(view.endIndex - next)))
                next += step
                enter(count - UInt64(step))
            } else {
                if place == .between { frames += 1 }
                guard frames <= Self.bound else {
                    isLost = true
                    return
                }
                passed(view[next])
                next += 1
            }
        }
    }

    private mutating func passed(_ byte: UInt8) {
        switch place {
        case .between:
            isClose = byte & 0x0F == 8
            place = .length
        case .length:
            isMasked = byte & 0x80 != 0
            switch byte & 0x7F {
            case 126: place = .moreLength(2, 0)
            case 127: place = .moreLength(8, 0)
            case let length: enter(UInt64(length), masked: true)
            }
        case .moreLength(let left, let high):
            let length = high << 8 | UInt64(byte)
            if left > 1 { place = .moreLength(left - 1, length) } else { enter(length, masked: true) }
        case .inside:
            break
        }
    }

    /// - Parameter masked: Whether a mask comes first, where there is one.
    private mutating func enter(_ length: UInt64, masked: Bool = false) {
        let (count, overflows) = length.addingReportingOverflow(masked && isMasked ? 4 : 0)
        // A length beyond 2⁶³ breaks the rules, and ends nowhere.
        let left = overflows ? .max : count
        place = left > 0 ? .inside(left) : .between
        if left == 0, isClose { hasClosed = true }
    }

    /// A frame that ends a WebSocket because the gateway does: 1001, "going away" (section 7.4.1).
    ///
    /// - Parameter mask: What a frame towards a service is masked with, which must not be foreseen (section 5.3).
    static func goingAway(_ reason: StaticString, mask: UInt32?) -> ByteBuffer {
        var payload: [UInt8] = [0x03, 0xE9]
        // All that a close frame's payload may take is 125 bytes (section 5.5).
        payload += reason.withUTF8Buffer { Array($0.prefix(123)) }
        var frame = ByteBuffer(bytes: [0x88, UInt8(payload.count) | (mask == nil ? 0 : 0x80)])
        if let mask {
            frame.writeInteger(mask)
            for (place, byte) in payload.enumerated() {
                frame.writeInteger(byte ^ UInt8(truncatingIfNeeded: mask >> UInt32(8 * (3 - place % 4))))
            }
        } else {
            frame.writeBytes(payload)
        }
        return frame
    }
}
#endif
