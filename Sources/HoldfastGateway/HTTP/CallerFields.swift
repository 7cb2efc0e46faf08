#if Gateway
import HoldfastIdempotency
import HoldfastTLS
import NIOHTTP1

/// What a request says of its caller: of the fields that name callers, those that it has, each with all its values in their
/// order. A field that is missing is another caller than an empty one, and the same value in another field is another caller.
/// Of ``Credentials`` counts what they say, and not how they are spelled.
struct CallerFields {
    private let fields: [(name: String, values: [String])]

    /// - Parameter names: In lower case.
    init(_ names: [String], of headers: HTTPHeaders) {
        let names = names.count > 1 ? Set(names).sorted() : names
        fields = names.map { ($0, Self.spelledOnce(headers[$0], of: $0)) }.filter { !$0.values.isEmpty }
    }

    /// - Parameter lines: Names and values, as a client sends them.
    init(_ lines: [(name: String, value: String)]) {
        var values: [String: [String]] = [:]
        for (name, value) in lines { values[name.lowercased(), default: []].append(value) }
        fields = values.sorted { $0.key < $1.key }.map { ($0.key, Self.spelledOnce($0.value, of: $0.key)) }
    }

    /// - Parameter certificate: A client's; nil for one that has shown none.
    init(shownBy certificate: CertificateIdentity?) {
        // A field's name has no space.
        fields = certificate.map { [("TLS certificate", $0.values)] } ?? []
    }

    /// - Parameter values: What a certificate says, as `CertificateIdentity.values` has it.
    init(certificate values: [String]) { fields = values.isEmpty ? [] : [("TLS certificate", values)] }

    private static func spelledOnce(_ values: [String], of name: String) -> [String] {
        guard name == "authorization" else { return values }
        return values.map { (try? Credentials($0))?.text ?? $0 }
    }

    /// - Parameters:
    ///   - names: In lower case.
    ///   - does: What the fields do.
    /// - Returns: Why a request cannot be said to come from one caller, in words for whoever sends it; nil if it can.
    ///
    /// Of a field that is there twice, services take the first value, the last, or both, and what they do not take is a
    /// name that a client chooses. So is white space beyond ASCII around it, which many services strip.
    static func fault(
        in headers: HTTPHeaders, of names: [String], does: StaticString = "says who calls"
    ) -> String? {
        for name in names {
            let values = headers[name]
            guard values.count <= 1 else { return "the field '\(name)' is there more than once, and \(does)" }
            guard let value = values.first else { continue }
            if name == "authorization" {
                do throws(Credentials.Fault) {
                    _ = try Credentials(value)
                } catch {
                    return error.words
                }
            } else if StrippedSpace.surrounds(value) {
                return "the field '\(name)' begins or ends with white space beyond ASCII, and \(does)"
            }
        }
        return nil
    }

    /// What tells callers apart: of each field its name, how many values there are, and these.
    fileprivate var parts: [[UInt8]] {
        fields.flatMap { field in
            [Array(field.name.utf8), Array("\(field.values.count)".utf8)] + field.values.map { Array($0.utf8) }
        }
    }

    fileprivate var isEmpty: Bool { fields.isEmpty }
}

extension StoreSecret {
    /// How the gateway names whoever sends these fields: by a hash of them.
    func caller(_ fields: CallerFields) -> String { fields.isEmpty ? caller(of: nil) : caller(of: fields.parts) }
}
#endif
