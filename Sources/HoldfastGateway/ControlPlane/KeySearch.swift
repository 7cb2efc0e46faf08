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
    /// What was said of the caller.
    enum Caller: Hashable {
        case nobody
        /// As the gateway names callers.
        case name
        /// These fields, in lower case.
        case fields([String])
        /// These claims of a token.
        case claims([String])
        case certificate
    }

    private let key: IdempotencyKey
    private let caller: String
    private let asked: Caller
    private let callerWords: String
    let target: RequestTarget
    private let fields: String
    private let operations: [String]

    /// - Parameters:
    ///   - key: As the client sends it, in quotes or not.
    ///   - operation: `METHOD HOST/PATH`, and a line for each field in the scope.
    ///   - caller: The gateway's name of the caller.
    ///   - asked: What was said of it.
    /// - Throws: An error for an operation that no record can have, or a key that is none.
    init(_ key: String, of caller: String, _ asked: Caller, _ operation: String) throws {
        self.key = try IdempotencyKey(fieldValue: key)
        (self.caller, self.asked, callerWords) = (caller, asked, asked.words)
        let line = operation.prefix { $0 != "\n" }
        // Lines after the first are fields in the scope, which have one spelling.
        fields = String(operation[line.endIndex...])
        let parts = line.split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 2 else { throw Self.refusal(line, "one blank stands between method and host") }
        target = try Self.read(parts[0], parts[1], line)
        operations = Operation.scopes(of: String(line))
    }

    private static func read(
        _ method: Substring, _ place: Substring, _ line: Substring
    ) throws -> RequestTarget {
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
            return try RequestTarget(HTTPMethod(rawValue: String(method)), path, host: host, mayBeAbsolute: false)
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

    /// What was looked for. The key is not repeated: it may be logged.
    var words: String {
        let scope = fieldNames.isEmpty ? "without fields in the scope" : "with \(listed(fieldNames)) in the scope"
        return
            "this key of \(callerWords), method \(target.method.rawValue), host \(target.host), path \(target.path), \(scope)"
    }

    /// Those in the scope, each once.
    private var fieldNames: [String] {
        Set(fields.split(separator: "\n").map { String($0.prefix { $0 != ":" }) }).sorted()
    }

    /// What to say when there is none: what was looked for, and how the gateway would look.
    ///
    /// - Parameter route: The one that takes such a request here and now; nil if none does.
    func failure(at route: RouteConfiguration?) -> HTTPError {
        HTTPError(
            .notFound,
            message:
                "there is no record for \(words). That is no proof that nothing was executed: the record may have expired, or stand under another caller, host, path or field. \(advice(route))"
        )
    }

    private func advice(_ route: RouteConfiguration?) -> String {
        guard let route else {
            return
                "No route of this gateway takes that without fields: give the method, the host and the path that clients send, and ask the gateway that they are sent to"
        }
        let start = "Here it would be route \(shown(route.name))'s"
        guard route.idempotency.keys != .off, route.idempotency.hasKeys(target.method.rawValue) else {
            return "\(start), which has no keys for \(target.method.rawValue)"
        }
        let scope = route.idempotency.scopeFields.sorted()
        var differences: [String] = []
        if let difference = asked.difference(from: route.caller) { differences.append(difference) }
        if scope != fieldNames {
            differences.append(
                scope.isEmpty
                    ? "it has no scopeFields: leave out --scope-field"
                    : "its scopeFields are \(listed(scope)): give --scope-field for each, also for one that was not sent"
            )
        }
        guard !differences.isEmpty else {
            return
                "\(start), whose callers and scopeFields are of this form: look for another spelling of the values, and for what the route was before it was changed"
        }
        return "\(start): " + differences.joined(separator: "; ")
    }
}

extension KeySearch.Caller {
    fileprivate var words: String {
        switch self {
        case .nobody: "somebody without credentials"
        case .name: "this caller"
        case .fields(let names): "the caller by the fields \(listed(names)), whatever a token in them says"
        case .claims(let names):
            "the token's owner by \(listed(names.sorted()))"
                + (names.contains("iss") ? "" : ", issued by nobody (no iss was given)")
        case .certificate: "the certificate's owner"
        }
    }

    /// Why a route would name the caller in another way; nil if it might be this one.
    fileprivate func difference(from caller: RouteConfiguration.Caller) -> String? {
        switch (caller, self) {
        case (_, .name): return nil
        case (.fields(let names), .fields(let given)):
            return Set(given).isSubset(of: names)
                ? nil : "it names callers by \(listed(names)) alone: give those of them that are sent"
        case (.fields(let names), _):
            return
                "it names callers by \(listed(names)): give --caller-fields with what is sent of them, unless none is"
        case (.jwt(let token), .claims(let given)):
            let needed = token.claims + (given.contains("iss") ? ["iss"] : [])
            return Set(given) == Set(needed)
                ? nil
                : "it names callers by \(listed(token.claims)), and iss where a token has it: give --caller-claim for each"
        case (.jwt(let token), .nobody) where token.without == .anonymous: return nil
        case (.jwt(let token), .fields) where token.without == .anonymous: return nil
        case (.jwt(let token), _):
            return
                "it names callers by what their tokens say: give --caller-claim for \(listed(token.claims)), and for iss where a token has it"
        case (.certificate, .certificate): return nil
        case (.certificate, _):
            return
                "it names callers by their certificates: give --caller-fields with what one says, unless none was shown"
        case (.address, _):
            return "it names callers by their address: give --caller 'address 192.0.2.7'"
        }
    }
}

extension FindOrder {
    /// Who is meant, as the gateway names callers, and what was said of it.
    func caller(_ secret: StoreSecret) -> (name: String, asked: KeySearch.Caller) {
        if let callerCertificate {
            return (secret.caller(CallerFields(certificate: callerCertificate)), .certificate)
        }
        if let claims = callerClaims {
            let name = secret.caller(issuedBy: claims["iss"], claims: claims.filter { $0.key != "iss" })
            return (name, .claims(claims.keys.sorted()))
        }
        let name = secret.caller(CallerFields(callerFields.map { ($0.name, $0.value) }))
        guard !callerFields.isEmpty else { return (name, .nobody) }
        return (name, .fields(Set(callerFields.map { $0.name.lowercased() }).sorted()))
    }
}
#endif
