#if Gateway
import HoldfastHTTP
import NIOHTTP1

/// Fields by which frameworks take a request for one with another method than it has. What was decided on by its method,
/// which route takes it and whether it may be made again, would hold for another request.
///
/// A client chooses them, and no proxy sets or removes them: nobody in front is trusted with them. They cross where an
/// operator says that the service honours them, or where a route names the field.
enum MethodOverride {
    /// What their names are made of, the longer first: `X-HTTP-Method-Override`, `X-HTTP-Method`, `X-Method-Override`,
    /// `X-REST-Method`, `X-HTTP-Verb`, `X-HttpMethodOverride`, `Method-Override`, `X.HTTP.Method.Override`, and what else
    /// frameworks have thought of. No other field that is in use is made of these words alone.
    private static func words(_ first: UInt8) -> [StaticString] {
        switch String.lower(first) {
        case UInt8(ascii: "x"): only
        case UInt8(ascii: "m"): methods
        case UInt8(ascii: "h"): protocols
        case UInt8(ascii: "o"): overrides
        case UInt8(ascii: "r"): requests
        case UInt8(ascii: "t"): tunnels
        case UInt8(ascii: "v"): verbs
        default: []
        }
    }

    private static let only: [StaticString] = ["x"]
    private static let methods: [StaticString] = ["method"]
    private static let verbs: [StaticString] = ["verb"]
    private static let protocols: [StaticString] = ["http"]
    private static let overrides: [StaticString] = ["overridden", "override", "overide"]
    private static let requests: [StaticString] = ["requested", "request", "real", "rest"]
    private static let tunnels: [StaticString] = ["tunneled", "tunnel"]

    /// Whether it is such a field, whatever stands between the words.
    static func isName(_ name: String) -> Bool {
        // Nearly all fields begin with another letter.
        switch name.utf8.first.map(String.lower) {
        case UInt8(ascii: "x"), UInt8(ascii: "h"), UInt8(ascii: "m"), UInt8(ascii: "v"), UInt8(ascii: "r"),
            UInt8(ascii: "o"), UInt8(ascii: "t"):
            break
        default: return false
        }
        let found = name.utf8.withContiguousStorageIfAvailable { isName($0) }
        return found ?? Array(name.utf8).withUnsafeBufferPointer { isName($0) }
    }

    private static func isName(_ name: UnsafeBufferPointer<UInt8>) -> Bool {
        guard (6...48).contains(name.count) else { return false }
        // Of `x-…`, nearly all are told by what follows.
        if String.lower(name[0]) == UInt8(ascii: "x"), FieldNameTable.isAlphanumeric(name[2]), words(name[2]).isEmpty {
            return false
        }
        var (place, count, saysMethod) = (0, 0, false)
        while place < name.count {
            guard FieldNameTable.isAlphanumeric(name[place]) else {
                place += 1
                continue
            }
            guard let word = words(name[place]).first(where: { stands($0, in: name, at: place) }) else { return false }
            saysMethod = saysMethod || word.utf8Start[0] == UInt8(ascii: "m") || word.utf8Start[0] == UInt8(ascii: "v")
            place += word.utf8CodeUnitCount
            count += 1
        }
        return saysMethod && count > 1
    }

    private static func stands(_ word: StaticString, in name: UnsafeBufferPointer<UInt8>, at place: Int) -> Bool {
        guard name.count - place >= word.utf8CodeUnitCount else { return false }
        var count = 0
        while count < word.utf8CodeUnitCount, String.lower(name[place + count]) == word.utf8Start[count] { count += 1 }
        return count == word.utf8CodeUnitCount
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
