#if Gateway
import NIOHTTP1

/// What a key is unique within, besides its caller: the method, the host and the path, `POST api.example.com/charges`.
///
/// Where a service may read a path more freely than it is spelled, all spellings that one service takes for the same are one
/// operation. So a key never runs twice because its request is spelled in two ways: the fingerprint, which has the path as it
/// is spelled, tells whether the repeat says the same.
struct Operation: CustomStringConvertible {
    let description: String

    private init(_ target: RequestTarget, _ host: String?, _ path: Substring) {
        description = "\(target.method.rawValue) \(host ?? target.host)\(path)"
    }

    /// Where the service tells paths apart byte by byte.
    ///
    /// - Parameter host: What a trusted hop was asked for, where it says so: the service is told that, and may have tenants by
    ///   it.
    init(spelled target: RequestTarget, for host: String? = nil) { self.init(target, host, target.path) }

    /// Where it may not.
    ///
    /// - Returns: Nil where the path has no reading in common with all its other spellings.
    init?(read target: RequestTarget, for host: String? = nil) {
        guard let path = target.isPlain ? target.path : target.readings.common?[...] else { return nil }
        self.init(target, host, path)
    }

    /// How scopes may have an operation that a person spells as a client does: as a service may read it, and as it is.
    static func scopes(of text: String) -> [String] {
        let words = text.split(separator: " ", maxSplits: 1)
        guard words.count == 2, let slash = words[1].utf8.firstIndex(of: UInt8(ascii: "/")) else { return [text] }
        let (host, path) = (String(words[1][..<slash]), String(words[1][slash...]))
        let method = HTTPMethod(rawValue: String(words[0]))
        guard
            let target = try? RequestTarget(method, path, host: host.isEmpty ? nil : host, mayBeAbsolute: false)
        else { return [text] }
        let spelled = Operation(spelled: target).description
        guard let read = Operation(read: target)?.description, read != spelled else { return [spelled] }
        return [read, spelled]
    }
}
#endif
