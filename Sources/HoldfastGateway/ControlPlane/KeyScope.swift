#if Gateway
/// What a key's operation is called, where a route has fields in the scope: `POST api.example.com/charges`, and a line for
/// each value of each field. A field that is not there has a line without a value, so nobody who sends it empty is taken for
/// one who does not send it.
package enum KeyScope {
    /// - Parameter fields: In the order of their names, which are in lower case. No value has a line's end.
    package static func operation(_ name: String, with fields: [(name: String, values: [String])]) -> String {
        guard !fields.isEmpty else { return name }
        return fields.reduce(into: name) { text, field in
            if field.values.isEmpty { text += "\n\(field.name)" }
            for value in field.values { text += "\n\(field.name): \(value)" }
        }
    }
}
#endif
