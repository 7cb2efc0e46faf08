#if Gateway
import HoldfastIdempotency
import HoldfastTLS
import NIOHTTP1

/// What a request says of its caller: of the fields that name callers, those that it has, each with all its values in their
/// order. A field that is missing is another caller than an empty one, and the same value in another field is another caller.
struct CallerFields {
    private let fields: [(name: String, values: [String])]

    /// - Parameter names: In lower case.
    init(_ names: [String], of headers: HTTPHeaders) {
        let names = names.count > 1 ? Set(names).sorted() : names
        fields = names.map { ($0, headers[$0]) }.filter { !$0.values.isEmpty }
    }

    /// - Parameter lines: Names and values, as a client sends them.
    init(_ lines: [(name: String, value: String)]) {
        var values: [String: [String]] = [:]
        for (name, value) in lines { values[name.lowercased(), default: []].append(value) }
        fields = values.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// - Parameter certificate: A client's; nil for one that has shown none.
    init(shownBy certificate: CertificateIdentity?) {
        // A field's name has no space.
        fields = certificate.map { [("TLS certificate", $0.values)] } ?? []
    }

    /// - Parameter values: What a certificate says, as ``CertificateIdentity/values`` has it.
    init(certificate values: [String]) { fields = values.isEmpty ? [] : [("TLS certificate", values)] }

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
