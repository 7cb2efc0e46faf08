#if Gateway
import NIOHTTP1

/// What a client sent of its next requests before it was answered: whole requests up to a bound, and nothing of what
/// comes after them. Reads are held meanwhile, so only what one read brought along gets here.
struct PipelinedParts {
    /// Enough for what one read brings of requests that anybody would send; a flood of tiny ones is cut off here.
    static let bound = 256

    private var parts: ArraySlice<HTTPServerRequestPart> = []
    private var heads = 0
    /// Whether something was dropped: what is kept is answered, and then the connection ends.
    private(set) var isCut = false

    var isEmpty: Bool { parts.isEmpty }
    /// Whether the request that is being answered is the last one that will be.
    var endsHere: Bool { isCut && heads == 0 }

    mutating func append(_ part: HTTPServerRequestPart) {
        guard !isCut else { return }
        guard parts.count < Self.bound else { return cut(before: part) }
        if case .head = part { heads += 1 }
        parts.append(part)
    }

    mutating func popFirst() -> HTTPServerRequestPart? {
        guard let part = parts.popFirst() else { return nil }
        if case .head = part { heads -= 1 }
        // A slice keeps the room of what was taken from it.
        if parts.isEmpty { parts = [] }
        return part
    }

    mutating func removeAll() {
        parts = []
        heads = 0
    }

    /// A request that is not kept whole cannot be answered.
    private mutating func cut(before part: HTTPServerRequestPart) {
        isCut = true
        if case .head = part { return }
        while let last = parts.popLast() {
            if case .head = last {
                heads -= 1
                return
            }
        }
    }
}
#endif
