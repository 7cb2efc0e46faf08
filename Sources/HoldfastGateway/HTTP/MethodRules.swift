#if Gateway
import HoldfastHTTP
import NIOHTTP1

/// What a method may be: any token (RFC 9110, section 9.1), however the request came.
enum MethodRules {
    /// Those that RFC 9110, section 9.3, and RFC 5789 define.
    static let standard: Set<String> = [
        "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
    ]

    /// - Parameter known: The methods that something is decided by.
    /// - Throws: A `Problem` for what is no token, or differs from a method that means something in case alone: a service
    ///   that puts methods into upper case would do what was decided on as something else.
    static func check(_ method: HTTPMethod, known: Set<String>) throws(Problem) {
        guard case .RAW(let name) = method else { return }
        guard name.isFieldName else { throw Problem(.badRequest, "the request's method is not a token") }
        guard name.utf8.contains(where: { (0x61...0x7A).contains($0) }) else { return }
        let upper = name.uppercased()
        guard !standard.contains(upper), !known.contains(upper) else {
            throw Problem(
                .badRequest, "methods are told apart by case: the request's is '\(name)', and must be '\(upper)'")
        }
    }
}
#endif
