#if Gateway
import FoundationEssentials
import HTTPTypes
import Holdfast
import HoldfastHTTP
import HoldfastIdempotency
import Hummingbird
import NIOHTTP1

/// Looks for a key's record by what a person knows of the request. Records are named by a hash, so what is spelled in
/// another way is not found; what can be spelled in one way only is refused instead, since "there is no record" makes an
/// operator send the request again.
struct KeySearch {
    private let key: IdempotencyKey
    private let caller: String
    private let callerWords: String
    private let method: String
    private let host: String
    private let path: String
    private let fields: String
    private let operations: [String]

    /// - Parameters:
    ///   - key: As the client sends it, in quotes or not.
    ///   - operation: `METHOD HOST/PATH`, and a line for each field in the scope.
    ///   - caller: The gateway's name of the caller.
    ///   - words: What was said of the caller.
    /// - Throws: An error for an operation that no record can have, or a key that is none.
    init(_ key: String, of caller: String, _ words: String, _ operation: String) throws {
        self.key = try IdempotencyKey(fieldValue: key)
        (self.caller, callerWords) = (caller, words)
        let line = operation.prefix { $0 != "\n" }
        // Lines after the first are fields in the scope, which have one spelling.
        fields = String(operation[line.endIndex...])
        let parts = line.split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 2 else { throw Self.refusal(line, "one blank stands between method and host") }
        (method, host, path) = try Self.read(parts[0], parts[1], line)
        operations = Operation.scopes(of: String(line))
    }

    private static func read(
        _ method: Substring, _ place: Substring, _ line: Substring
    ) throws -> (method: String, host: String, path: String) {
        guard !method.isEmpty, String(method).isFieldName, method.uppercased() == method else {
            throw refusal(line, "the method is written as it is sent, in capital letters")
        }
        guard !place.contains("://") else { throw refusal(line, "no scheme stands before the host") }
        guard let slash = place.firstIndex(of: "/") else { throw refusal(line, "it has no path") }
        guard slash > place.startIndex else {
            throw refusal(line, "the host is missing: it is what clients send in Host, without the port")
        }
        let (host, path) = (String(place[..<slash]), String(place[slash...]))
        do throws(Problem) {
            let target = try RequestTarget(
                HTTPMethod(rawValue: String(method)), path, host: host, mayBeAbsolute: false)
            return (String(method), target.host, String(target.path))
        } catch {
            throw refusal(line, error.detail)
        }
    }

    private static func refusal(_ line: Substring, _ reason: String) -> HTTPError {
        HTTPError(
            .badRequest,
            message:
                "the operation is \(shown(String(line))), but must be METHOD HOST/PATH, such as 'POST api.example.com/charges': \(reason)"
        )
    }

    /// Where it may be: the scope may have the path as it is spelled, or as the service may read it.
    func records(_ secret: StoreSecret) -> [RecordID] {
        operations.map { secret.recordID(of: key, in: Scope(caller: caller, operation: $0 + fields)) }
    }

    /// What to say when there is none. The key is not repeated: it may be logged.
    var failure: HTTPError {
        let names = fields.split(separator: "\n").map { String($0.prefix { $0 != ":" }) }
        let scope = names.isEmpty ? "without fields in the scope" : "with \(listed(names)) in the scope"
        return HTTPError(
            .notFound,
            message:
                "there is no record for this key of \(callerWords), method \(method), host \(host), path \(path), \(scope): it was never made, has expired, or one of these is another at the gateway (see the route's caller and scopeFields). Do not take it for proof that nothing was executed"
        )
    }
}

extension FindOrder {
    /// Who is meant, as the gateway names callers, and in words.
    func caller(_ secret: StoreSecret) -> (name: String, words: String) {
        if let callerCertificate {
            return (secret.caller(CallerFields(certificate: callerCertificate)), "the certificate's owner")
        }
        if let claims = callerClaims {
            let name = secret.caller(issuedBy: claims["iss"], claims: claims.filter { $0.key != "iss" })
            let issuer = claims["iss"] == nil ? ", issued by nobody (no iss was given)" : ""
            return (name, "the token's owner by \(listed(claims.keys.sorted()))\(issuer)")
        }
        let name = secret.caller(CallerFields(callerFields.map { ($0.name, $0.value) }))
        guard !callerFields.isEmpty else { return (name, FindOrder.nobody) }
        let names = Set(callerFields.map { $0.name.lowercased() }).sorted()
        return (name, "the caller by the fields \(listed(names)), whatever a token in them says")
    }

    static let nobody = "somebody without credentials"
}
#endif
