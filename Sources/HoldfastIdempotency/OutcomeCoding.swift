import Foundation

/// How what an operation returns is kept.
public struct OutcomeCoding<Value: Sendable>: Sendable {
    package let encode: @Sendable (Value) throws -> [UInt8]
    package let decode: @Sendable ([UInt8]) throws -> Value

    public init(
        encode: @escaping @Sendable (Value) throws -> [UInt8], decode: @escaping @Sendable ([UInt8]) throws -> Value
    ) {
        self.encode = encode
        self.decode = decode
    }
}

extension OutcomeCoding where Value: Codable {
    /// As JSON, which survives a new field with a default.
    public static var json: OutcomeCoding {
        OutcomeCoding {
            Array(try JSONEncoder().encode($0))
        } decode: {
            try JSONDecoder().decode(Value.self, from: Data($0))
        }
    }
}

extension OutcomeCoding<[UInt8]> {
    /// As they are.
    public static var bytes: OutcomeCoding {
        OutcomeCoding {
            $0
        } decode: {
            $0
        }
    }
}
