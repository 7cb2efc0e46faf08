#if Gateway
import HoldfastHTTP
import NIOHTTP1

/// What a request asks for: its method, whom it names, its path and its query, read once, on bytes.
///
/// Whatever decides on a request (route, limits, scope, fingerprint) or reports on it reads this value, and the service is
/// sent what it says. So nothing is forwarded but what was decided on. The path is normalized (RFC 3986, section 6.2.2), and
/// what one reader resolves and another does not is refused. Where services differ in more, ``PathReadings`` says how.
struct RequestTarget: Sendable {
    enum Form: Sendable {
        /// A path, and perhaps a query (RFC 9112, section 3.2.1).
        case origin
        /// A whole URI, which takes the place of `Host` (section 3.2.2).
        case absolute
        /// `*`: the server itself, which OPTIONS may ask (section 3.2.4).
        case asterisk
    }

    let method: HTTPMethod
    let form: Form
    /// Nil where a client of HTTP/1.0 names none.
    let authority: Authority?
    /// The path and the query, as the service is asked for them.
    let text: String
    private let pathLength: Int
    /// Whether all who read the path read the same.
    let isPlain: Bool

    /// - Parameters:
    ///   - target: As it stands in the request line, or in `:path`.
    ///   - host: The field, or `:authority`.
    ///   - mayBeAbsolute: Whether the target may be a whole URI: in HTTP/1 only.
    /// - Throws: A `Problem` that says which rule was broken.
    init(
        _ method: HTTPMethod, _ target: String, host: String?, mayBeAbsolute: Bool
    ) throws(Problem) {
        self.method = method
        var authority: Authority?
        if let host {
            guard let named = Authority(host) else {
                throw Problem(.badRequest, "the Host must be \(Authority.allowed)")
            }
            authority = named
        }
        var target = target
        if target.utf8.first != UInt8(ascii: "/"), mayBeAbsolute, let absolute = Self.absolute(target) {
            guard let named = Authority(String(absolute.authority)) else {
                throw Problem(.badRequest, "the request's target must name \(Authority.allowed)")
            }
            // Whatever Host says (RFC9112-3.2.2-5).
            form = .absolute
            authority = named
            // OPTIONS of no path asks the server itself (RFC 9112, section 3.2.4).
            if absolute.rest.isEmpty, method == .OPTIONS {
                target = "*"
            } else {
                target = absolute.rest.utf8.first == UInt8(ascii: "/") ? String(absolute.rest) : "/\(absolute.rest)"
            }
        } else {
            form = target == "*" ? .asterisk : .origin
        }
        self.authority = authority
        if target == "*", method == .OPTIONS {
            (text, pathLength, isPlain) = (target, 1, true)
            return
        }
        do throws(TargetScan.Fault) {
            (text, pathLength, isPlain) = try Self.read(target)
        } catch {
            throw Problem(.badRequest, error.words)
        }
    }

    /// Without the query.
    var path: Substring { text.utf8.count == pathLength ? text[...] : Substring(text.utf8.prefix(pathLength)) }

    /// The host's name in one spelling, without its port.
    var host: String { authority?.host ?? "" }

    /// How services may read the path.
    var readings: PathReadings { PathReadings(text.utf8.prefix(pathLength)) }

    // MARK: Reading

    /// - Returns: What follows the scheme of an `http` or `https` URI, in two parts.
    private static func absolute(_ target: String) -> (authority: Substring, rest: Substring)? {
        let scheme = target.utf8.prefix(8)
        guard let colon = scheme.firstIndex(of: UInt8(ascii: ":")) else { return nil }
        let name = target[..<colon]
        guard String(name).is("http") || String(name).is("https") else { return nil }
        let rest = target[colon...].utf8.dropFirst()
        guard rest.starts(with: "//".utf8) else { return nil }
        let hierarchy = rest.dropFirst(2)
        let end = hierarchy.firstIndex { byte in "/?#\\".utf8.contains(byte) } ?? hierarchy.endIndex
        return (Substring(hierarchy[..<end]), Substring(hierarchy[end...]))
    }

    private static func read(
        _ target: String
    ) throws(TargetScan.Fault) -> (text: String, pathLength: Int, isPlain: Bool) {
        let scan = scan(target)
        if let fault = scan.fault { throw fault }
        guard scan.traits.contains(.encoded) else {
            if scan.traits.contains(.parameters) { try check(target.utf8.prefix(scan.pathLength)) }
            return (target, scan.pathLength, scan.isPlain)
        }
        guard let path = PercentEncoding.normalized(Array(target.utf8.prefix(scan.pathLength))) else {
            throw .badEncoding
        }
        try check(path)
        let normalized = path.withUnsafeBufferPointer { TargetScan($0) }
        if let fault = normalized.fault { throw fault }
        let isSame = target.utf8.starts(with: path)
        let query = target.utf8.dropFirst(scan.pathLength)
        let text = isSame ? target : String(decoding: path, as: UTF8.self) + String(Substring(query))
        return (text, path.count, normalized.isPlain)
    }

    private static func scan(_ target: String) -> TargetScan {
        target.utf8.withContiguousStorageIfAvailable { TargetScan($0) }
            ?? Array(target.utf8).withUnsafeBufferPointer { TargetScan($0) }
    }

    /// Refuses what some reader resolves, however it is spelled.
    private static func check(_ path: some Collection<UInt8>) throws(TargetScan.Fault) {
        let readings = PathReadings(path)
        if readings.hasControls { throw .encodedControl }
        if readings.hasDotSegments { throw .dotSegments }
        if readings.hasLongForms { throw .longForm }
    }

    /// A path as it is compared; nil for one that is refused.
    static func normalized(path: String) -> String? {
        do throws(TargetScan.Fault) {
            return try read(path).text
        } catch {
            return nil
        }
    }
}

extension TargetScan.Fault {
    var words: String {
        switch self {
        case .notAPath: "the request's target is not a path"
        case .forbiddenByte: "the request's target has characters that a target cannot have"
        case .notASCII: "the request's target has bytes beyond ASCII: percent-encode them"
        case .fragment: "the request's target has a fragment: it is not sent"
        case .backslash: "the request's path has a backslash: percent-encode it, or write '/'"
        case .dotSegments: "the request's path has '.' or '..' segments: resolve them first"
        case .badEncoding: "the request's path has a '%' that two hexadecimal digits do not follow: percent-encode it"
        case .longForm: "the request's path has a character of ASCII in more bytes than one"
        case .encodedControl: "the request's path has control characters, percent-encoded"
        }
    }
}
#endif
