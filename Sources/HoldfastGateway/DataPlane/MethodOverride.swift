#if Gateway
import HoldfastHTTP
import NIOHTTP1

/// Fields by which frameworks take a request for one with another method than it has. What was decided on by its method,
/// which route takes it and whether it may be made again, would hold for another request.
///
/// A client chooses them, and no proxy sets or removes them: nobody in front is trusted with them. They cross where an
/// operator says that the service honours them, or where a route names the field.
enum MethodOverride {
    static let names = [
        "x-http-method-override", "x-http-method", "x-method-override", "x-override-method", "x-http-verb-override",
        "http-method-override", "x-requested-method",
    ]

    /// Whether it is such a field, with `-` or `_`.
    static func isName(_ name: String) -> Bool {
        switch name.utf8.count {
        case 13: name.means("x-http-method")
        case 17: name.means("x-method-override") || name.means("x-override-method")
        case 18: name.means("x-requested-method")
        case 20: name.means("http-method-override") || name.means("x-http-verb-override")
        case 22: name.means("x-http-method-override")
        default: false
        }
    }

    /// - Parameters:
    ///   - values: Of the field, as they are sent.
    ///   - isHonoured: Whether an operator says that the service does what they say.
    /// - Returns: Why the request is to be rejected; nil if it is not.
    static func problem(_ values: [String], of method: HTTPMethod, isHonoured: Bool) -> Problem? {
        // A value that says what is so says nothing else, however it is read.
        guard values.contains(where: { $0 != method.rawValue }) else { return nil }
        guard isHonoured else {
            return Problem(
                .badRequest,
                "the request's method is \(method.rawValue), and a field says another, by which services go: send the method itself; operators: services.NAME.methodOverride"
            )
        }
        // A request of another method may be made again, whatever the one would do that the field names.
        guard method == .POST else {
            return Problem(
                .badRequest, "a field may say another method of a POST alone, the request's is \(method.rawValue)")
        }
        guard values.count == 1, values[0].isFieldName else {
            return Problem(.badRequest, "one field may say another method, once, and a token")
        }
        return nil
    }
}

extension Exchange {
    /// What fields say that the request's method is.
    private var otherMethods: [(name: String, value: String)] {
        guard fields.overridesMethod else { return [] }
        return request.headers.filter {
            MethodOverride.isName($0.name) && !plan.table.deciding.names.contains($0.name.lowercased())
        }.map { ($0.name, $0.value) }
    }

    /// - Returns: Why the request is to be rejected for them; nil if it is not.
    func checkMethodOverride() -> Problem? {
        guard fields.overridesMethod else { return nil }
        return MethodOverride.problem(
            otherMethods.map(\.value), of: request.method,
            isHonoured: route.service.configuration.methodOverride)
    }

    /// What a repeat has to say the same besides: another method is another request.
    var saidMethods: [RequestFingerprint.Field] {
        otherMethods.map { .init(name: $0.name.lowercased(), values: [$0.value]) }
    }
}
#endif
