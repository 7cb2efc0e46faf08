#if Gateway
import NIOHTTP1

/// Finds the first route that matches a request. Routes are sorted by the first segment of their paths, so that a table
/// of thousands costs a look-up, and not a walk.
struct RouteTable: Sendable {
    private let routes: [Route]
    /// For each first segment that some route names: which routes can match, in order.
    private let bySegment: [Substring: [Int]]
    /// Those that can match whatever the first segment is.
    private let others: [Int]
    /// The first route, if it takes everything.
    private let everything: Route?

    init(_ routes: [Route]) {
        self.routes = routes
        let segments = routes.map(\.configuration.match.path.firstSegment)
        others = segments.indices.filter { segments[$0] == nil }
        var bySegment: [Substring: [Int]] = [:]
        for case let segment? in segments where bySegment[segment] == nil {
            bySegment[segment] = segments.indices.filter { segments[$0] == nil || segments[$0] == segment }
        }
        self.bySegment = bySegment
        everything = routes.first.flatMap { $0.configuration.match == RouteConfiguration.Match() ? $0 : nil }
    }

    func route(for head: HTTPRequestHead) -> Route? {
        if let everything { return everything }
        let (path, host) = (head.path, head.hostName)
        let segment = path.dropFirst().prefix { $0 != "/" }
        for place in bySegment[segment] ?? others where routes[place].configuration.match.holds(head, path, host) {
            return routes[place]
        }
        return nil
    }
}

extension RouteConfiguration.Match {
    fileprivate func holds(_ head: HTTPRequestHead, _ path: Substring, _ host: Substring) -> Bool {
        guard path.utf8.first == UInt8(ascii: "/") ? self.path.matches(path.utf8) : self.path == .any else {
            return false
        }
        if !methods.isEmpty, !methods.contains(head.method.rawValue) { return false }
        if let expected = self.host, !Self.host(host, is: expected) { return false }
        return fields.allSatisfy { name, value in
            let values = head.headers[name]
            return value.map { values.contains($0) } ?? !values.isEmpty
        }
    }

    /// - Parameter expected: A name in lower case, or `*.` and what a name must end with.
    private static func host(_ host: Substring, is expected: String) -> Bool {
        let name = host.lowercased()
        guard expected.hasPrefix("*.") else { return name == expected }
        return name.hasSuffix(expected.dropFirst()) && name.utf8.count > expected.utf8.count - 1
    }
}
#endif
