#if Gateway
import HoldfastHTTP
import NIOHTTP1

/// Finds the first route that matches a request. Routes are sorted by the first segment of their paths, so that a table
/// of thousands costs a look-up, and not a walk.
///
/// A path is looked up as it is spelled, and as services may read it (``PathReadings``): who finds another way to spell a
/// path finds the same route, or none. Where the path, and all that routes have of paths, reads the same to everybody, that
/// is one look-up.
struct RouteTable: Sendable {
    /// What is decided by besides paths and hosts.
    let deciding: DecidingFields
    let methods: Set<String>

    private let routes: [Route]
    private let spelled: Index
    /// For each set of marks that the routes' own paths have and that may be taken together, the routes as services read
    /// them. Few routes have any mark.
    private let read: [PathReadings.Marks: Index]
    /// The marks of all routes.
    private let marks: PathReadings.Marks
    /// Whether all paths of routes are the same, however they are read.
    private let isPlain: Bool
    /// Whether no route is chosen by its path, or none enforces anything: no spelling of a path leads around a route.
    private let hasNothingToPass: Bool
    /// The first route, if it takes everything.
    private let everything: Route?

    init(_ routes: [Route]) {
        self.routes = routes
        let matches = routes.map(\.configuration.match)
        deciding = DecidingFields(
            matches.flatMap(\.fields.keys) + routes.flatMap(\.configuration.caller.fieldNames)
                + routes.flatMap { $0.fingerprintFields + $0.scopeFields })
        methods = Set(matches.flatMap(\.methods) + routes.flatMap { $0.configuration.idempotency.methods ?? [] })
        let patterns = matches.map(\.path)
        let marks = patterns.reduce(into: PathReadings.Marks()) { $0.formUnion($1.marks) }
        (spelled, self.marks) = (Index(patterns), marks)
        var read: [PathReadings.Marks: Index] = [:]
        for taken in marks.combinations(of: PathReadings.weighed) {
            read[taken] = Index(patterns.map { $0.read(taking: taken) })
        }
        self.read = read
        isPlain = marks.isEmpty && read[[]]?.patterns.elementsEqual(patterns, by: { $0.isSame(as: $1) }) ?? false
        hasNothingToPass =
            patterns.allSatisfy { $0 == .any } || routes.allSatisfy(\.configuration.isShadow)
        everything = routes.first.flatMap { $0.configuration.match == RouteConfiguration.Match() ? $0 : nil }
    }

    /// - Throws: A `Problem` where no route takes the request, or it depends on who reads it which does.
    func route(for target: RequestTarget, _ headers: HTTPHeaders) throws(Problem) -> Route {
        if let everything { return everything }
        guard let route = try first(in: spelled, target.path, target, headers) else {
            throw Problem(.noRoute, "\(target.method.rawValue) \(target.path) has no route here")
        }
        if isPlain && target.isPlain || hasNothingToPass { return route }
        if route.service.configuration.exactPaths || target.text == "*" { return route }
        try weigh(target, headers, against: route)
        return route
    }

    /// Refuses a request that would be another route's if its path were spelled as some service reads it.
    private func weigh(
        _ target: RequestTarget, _ headers: HTTPHeaders, against route: Route
    ) throws(Problem) {
        let readings = target.readings
        guard !readings.isAmbiguous else { throw AmbiguousPath.tooFree.problem }
        for taken in readings.marks.subsets {
            guard let index = read[taken.intersection(marks)] else { continue }
            let path = readings.path(taking: taken)
            let other = try first(in: index, path[...], target, headers)
            // A route that only watches has nothing that could be walked around.
            guard other !== route, other?.configuration.isShadow != true else { continue }
            throw AmbiguousPath.belongs(to: route.name, andTo: other?.name, as: path).problem
        }
    }

    private func first(
        in index: Index, _ path: Substring, _ target: RequestTarget, _ headers: HTTPHeaders
    ) throws(Problem) -> Route? {
        let segment = Substring(path.utf8.dropFirst().prefix { $0 != UInt8(ascii: "/") })
        for place in index.bySegment[segment] ?? index.others {
            let pattern = index.patterns[place]
            // `*` is everybody's and nobody's path.
            guard path.utf8.first == UInt8(ascii: "/") ? pattern.matches(path.utf8) : pattern == .any else { continue }
            if try routes[place].configuration.match.holds(target, headers) { return routes[place] }
        }
        return nil
    }

    /// Paths of routes, by the first segment.
    private struct Index: Sendable {
        let patterns: [PathPattern]
        /// For each first segment that some route names: which routes can match, in order.
        let bySegment: [Substring: [Int]]
        /// Those that can match whatever the first segment is.
        let others: [Int]

        init(_ patterns: [PathPattern]) {
            self.patterns = patterns
            let segments = patterns.map(\.firstSegment)
            others = segments.indices.filter { segments[$0] == nil }
            var named: [Substring: [Int]] = [:]
            for (place, segment) in segments.enumerated() {
                if let segment { named[segment, default: []].append(place) }
            }
            let others = others
            bySegment = named.mapValues { ($0 + others).sorted() }
        }
    }
}

extension PathReadings.Marks {
    /// All sets of at most so many of them.
    fileprivate func combinations(of count: Int) -> [PathReadings.Marks] {
        var sets: [PathReadings.Marks] = [[]]
        var rest = rawValue
        while rest != 0 {
            let lowest = PathReadings.Marks(rawValue: rest & (~rest &+ 1))
            sets += sets.filter { $0.count < count }.map { $0.union(lowest) }
            rest &= rest &- 1
        }
        return sets
    }
}

extension RouteConfiguration.Caller {
    /// The fields that callers are told apart by.
    var fieldNames: [String] {
        switch self {
        case .fields(let names): names
        case .jwt(let token): [token.field]
        case .address, .certificate: []
        }
    }
}

extension RouteConfiguration.Match {
    /// Whether everything but the path is as it must be.
    ///
    /// - Throws: A `Problem` where it depends on which value of a field counts.
    fileprivate func holds(_ target: RequestTarget, _ headers: HTTPHeaders) throws(Problem) -> Bool {
        if !methods.isEmpty, !methods.contains(target.method.rawValue) { return false }
        if let host, !Self.host(target.host, is: host) { return false }
        for (name, value) in fields {
            let values = headers[name]
            guard let value else {
                if values.isEmpty { return false }
                continue
            }
            guard values.contains(value) else {
                // A service that strips it may read what this route is chosen by.
                guard !values.contains(where: StrippedSpace.surrounds) else {
                    throw Problem(
                        .badRequest,
                        "the field '\(name)' begins or ends with white space beyond ASCII, and routes are chosen by it")
                }
                return false
            }
            guard values.allSatisfy({ $0 == value }) else {
                throw Problem(.badRequest, "the field '\(name)' is there more than once, and routes are chosen by it")
            }
        }
        return true
    }

    /// - Parameter expected: A name in lower case, or `*.` and what a name must end with.
    private static func host(_ host: String, is expected: String) -> Bool {
        guard expected.hasPrefix("*.") else { return host == expected }
        return host.hasSuffix(expected.dropFirst()) && host.utf8.count > expected.utf8.count - 1
    }
}
#endif
