#if Gateway
import HoldfastIdempotency

/// What stands with a claim, so that an operator who meets a record that is unknown learns which request it was, and whose.
/// It is read by people alone: nothing is decided by it.
///
/// It holds no query, no body, no key, and no field that somebody could be let in by. Whatever a client chose is cut to a
/// bound, so that all of it fits into what a store takes.
struct ClaimCause: Sendable, Hashable {
    /// When the request came: milliseconds since 1970.
    var startedAt: Int64
    var route: String
    var method: String
    /// As the client named it, without a port.
    var host: String
    /// Without its query: queries hold secrets.
    var path: Substring
    /// Who called, as far as that is known and no secret.
    var caller: String?
    /// The address that the request came from.
    var client: String?
    /// What the gateway calls the request in its access log and in explanations.
    var request: String
    /// What the service is told that the request is called, where it is told.
    var serviceRequest: String?
    /// The trace that it belongs to.
    var trace: String?

    /// Each part, with the most bytes that are kept of it: together with their heads, less than
    /// ``IdempotencyEngine/contextBytesBound``. The raw values are stored.
    fileprivate enum Part: UInt8, CaseIterable {
        case startedAt = 1
        case route = 2
        case method = 3
        case host = 4
        case path = 5
        case caller = 6
        case client = 7
        case request = 8
        case serviceRequest = 9
        case trace = 10

        var bound: Int {
            switch self {
            case .startedAt: 8
            case .route: 64
            case .method: 32
            case .host: 128
            case .path: 288
            case .caller: 192
            case .client: 48
            case .request: RequestID.bound
            case .trace: 32
            case .serviceRequest: 64
            }
        }
    }

    /// No seal begins with it, so what lies there in clear is told from what is sealed.
    private static let version: UInt8 = 0x81
    /// A part's number, and how long it is.
    private static let headBytes = 3

    /// version: 1 byte | for each part that is there: its number: 1 byte, how many bytes it has: 2, these
    ///
    /// Made for each request with a key, so it is written in one piece.
    var encoded: [UInt8] {
        let texts: [(Part, Substring)] = [
            (.route, route[...]), (.method, method[...]), (.host, host[...]), (.path, path),
            (.caller, (caller ?? "")[...]), (.client, (client ?? "")[...]), (.request, request[...]),
            (.serviceRequest, (serviceRequest ?? "")[...]),
            (.trace, (trace ?? "")[...]),
        ]
        let capacity = texts.reduce(1 + Self.headBytes + 8) { $0 + Self.headBytes + min($1.0.bound, $1.1.utf8.count) }
        return [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
            var output = PartWriter(buffer)
            output.put(Self.version)
            output.put(.startedAt, length: 8)
            for shift in stride(from: 56, through: 0, by: -8) {
                output.put(UInt8(truncatingIfNeeded: startedAt >> shift))
            }
            for (part, text) in texts where !text.isEmpty { output.put(part, text) }
            count = output.count
        }
    }

    /// Reads what ``encoded`` wrote, of this version or a later one that adds parts.
    ///
    /// - Returns: Nil for anything else.
    init?(encoded bytes: [UInt8]) {
        guard bytes.first == Self.version else { return nil }
        var parts: [UInt8: ArraySlice<UInt8>] = [:]
        var rest = bytes.dropFirst()
        while !rest.isEmpty {
            guard rest.count >= Self.headBytes else { return nil }
            let (number, high, low) = (rest[rest.startIndex], rest[rest.startIndex + 1], rest[rest.startIndex + 2])
            let length = Int(high) << 8 | Int(low)
            rest = rest.dropFirst(Self.headBytes)
            guard rest.count >= length else { return nil }
            parts[number] = rest.prefix(length)
            rest = rest.dropFirst(length)
        }
        func text(_ part: Part) -> String? {
            // It may be shown on a terminal.
            parts[part.rawValue].map { ClaimHistory.word(String(decoding: $0, as: UTF8.self), bound: part.bound) }
        }
        guard let time = parts[Part.startedAt.rawValue], time.count == 8 else { return nil }
        startedAt = time.reduce(0) { $0 << 8 | Int64($1) }
        (route, method, host) = (text(.route) ?? "", text(.method) ?? "", text(.host) ?? "")
        path = (text(.path) ?? "")[...]
        (caller, client, request) = (text(.caller), text(.client), text(.request) ?? "")
        (serviceRequest, trace) = (text(.serviceRequest), text(.trace))
    }

    init(
        startedAt: Int64, route: String, method: String, host: String, path: Substring, caller: String? = nil,
        client: String? = nil, request: String, serviceRequest: String? = nil, trace: String? = nil
    ) {
        self.startedAt = startedAt
        (self.route, self.method, self.host, self.path) = (route, method, host, path)
        (self.caller, self.client) = (caller, client)
        (self.request, self.serviceRequest, self.trace) = (request, serviceRequest, trace)
    }

    /// What was asked for, in a few words.
    var operation: String { "\(method) \(host)\(path)" }
}

/// Writes parts into memory that is large enough for them.
private struct PartWriter {
    private let buffer: UnsafeMutableBufferPointer<UInt8>
    private(set) var count = 0
    private static let ellipsis: StaticString = "…"

    init(_ buffer: UnsafeMutableBufferPointer<UInt8>) { self.buffer = buffer }

    mutating func put(_ byte: UInt8) {
        buffer[count] = byte
        count += 1
    }

    mutating func put(_ part: ClaimCause.Part, length: Int) {
        put(part.rawValue)
        put(UInt8(truncatingIfNeeded: length >> 8))
        put(UInt8(truncatingIfNeeded: length))
    }

    /// Cuts what is too long, between two characters, and says so.
    mutating func put(_ part: ClaimCause.Part, _ text: Substring) {
        var text = text
        text.withUTF8 { bytes in
            guard bytes.count > part.bound else {
                put(part, length: bytes.count)
                return put(bytes[...])
            }
            var end = part.bound - Self.ellipsis.utf8CodeUnitCount
            while end > 0, bytes[end] & 0xC0 == 0x80 { end -= 1 }
            put(part, length: end + Self.ellipsis.utf8CodeUnitCount)
            put(bytes[..<end])
            Self.ellipsis.withUTF8Buffer { put($0[...]) }
        }
    }

    private mutating func put(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) {
        _ = UnsafeMutableBufferPointer(rebasing: buffer[count..<count + bytes.count]).update(fromContentsOf: bytes)
        count += bytes.count
    }
}
#endif
