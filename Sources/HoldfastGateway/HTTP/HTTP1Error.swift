#if Gateway
/// Why what a connection of HTTP/1 says is not read any further.
enum HTTP1Error: Error, Hashable, CustomStringConvertible {
    /// A head, or a body's trailers, is longer than is read.
    case tooLarge
    /// The request's line alone is longer than a head may be.
    case lineTooLong
    /// It breaks a rule, so that two readers could read it in two ways.
    case malformed(String)

    var description: String {
        switch self {
        case .tooLarge: "its head is longer than is read"
        case .lineTooLong: "its first line is longer than is read"
        case .malformed(let words): words
        }
    }
}

/// Why a head could not be read from the bytes that are there.
enum HTTP1Stop: Error {
    /// Its end is not among them.
    case incomplete
    case invalid(HTTP1Error)

    static func malformed(_ words: String) -> HTTP1Stop { .invalid(.malformed(words)) }
}
#endif
