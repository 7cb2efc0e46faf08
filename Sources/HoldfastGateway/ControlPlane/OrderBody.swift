#if Gateway
import Foundation
import Hummingbird

/// Reads the body of what an operator asks for.
enum OrderBody {
    /// - Returns: What is asked for. A member that it has no place for is refused, wherever it stands: whoever writes `For`
    ///   for `for` means something, and would not get it.
    /// - Throws: `HTTPError` with 400, which names the member.
    static func read<Order: Codable>(_ type: Order.Type, _ request: Request, atMost bound: Int) async throws -> Order {
        let data = Data(try await request.body.collect(upTo: bound).readableBytesView)
        do {
            let order = try JSONDecoder().decode(type, from: data)
            let kept = try JSONSerialization.jsonObject(with: JSONEncoder().encode(order))
            if let member = unknown(in: try JSONSerialization.jsonObject(with: data), besides: kept) {
                throw HTTPError(.badRequest, message: "the body is not as documented: it has no member '\(member)'")
            }
            return order
        } catch let error as HTTPError {
            throw error
        } catch {
            let reason = (error as? DecodingError).map { words(of: $0) } ?? "it cannot be read"
            throw HTTPError(.badRequest, message: "the body is not as documented: \(reason)")
        }
    }

    /// A member that was given, and is not there once the order was read.
    private static func unknown(in given: Any, besides kept: Any?) -> String? {
        switch (given, kept) {
        case (let given as [String: Any], let kept as [String: Any]):
            for (name, value) in given.sorted(by: { $0.key < $1.key }) where !(value is NSNull) {
                guard let other = kept[name] else { return String(name.prefix(64)) }
                if let member = unknown(in: value, besides: other) { return "\(name).\(member)" }
            }
            return nil
        case (let given as [Any], let kept as [Any]):
            return zip(given, kept).lazy.compactMap { unknown(in: $0, besides: $1) }.first
        default: return nil
        }
    }
}
#endif
