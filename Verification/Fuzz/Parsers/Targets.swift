#if Gateway && (FUZZ || DEBUG)
import Holdfast
@testable import HoldfastGateway
import HoldfastHTTP
import Logging
import NIOHTTP1

extension FuzzTarget {
    /// What a request asks for, and what services make of it.
    static var targets: [FuzzTarget] {
        [
            FuzzTarget(
                "targets",
                words: [
                    "/charges", "/items/a", "http://a/", "https://a:80", "%2F", "%2f", "%252F", "%5C", "%3B", "%3F",
                    "%23",
                    "%25", "%2e", "..", ";", ";a=b", "//", "\\", "#", "?", "%C0%AF", "%EF%BC%8F", "%20", "CHARGES",
                    "%63",
                    "\u{D8}\u{80}", "[::1]", "u:p@",
                ], run: targets),
            .text(
                "authority", words: ["[", "]", ":", "::1", ".", "80", "@", "%25", "127.0.0.1", "a.b", "xn--"],
                run: authority),
        ]
    }

    /// A service reads a target in its own way; whatever it makes of one that was let through, the gateway has decided on
    /// the same. The first bytes choose what it does, and in which order; the rest is the target.
    private static func targets(_ bytes: [UInt8]) throws -> Outcome {
        let (choices, rest) = (bytes.prefix(4), Array(bytes.dropFirst(4)))
        let reader = NaiveReader(
            steps: choices.map { NaiveReader.Step.allCases[Int($0) % NaiveReader.Step.allCases.count] })
        guard let target = read(String(decoding: rest, as: UTF8.self)) else { return Outcome("refused") }
        try expect(read(target.text)?.text == target.text, "\(target.text) is not read as it is written")
        try expect(target.text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x23 }, "not a target: \(target.text)")
        let table = try routes()
        var outcome = Outcome("read", target.isPlain ? 1 : 0, target.readings.isAmbiguous ? 1 : 0)
        // What the service believes that it was asked for, as a client would spell that.
        guard let path = reader.path(of: target.text),
            let asked = read(PercentEncoding.encoded(path, keeping: 0x2F), of: target.authority)
        else {
            return outcome
        }
        if let route = try? table.route(for: target, [:]) {
            outcome.add(route.name)
            try expect(
                spelled(asked, in: table) == route.name || (try? table.route(for: asked, [:])) == nil,
                "\(target.text) is decided as \(route.name), and a service that does \(reader.words) reads \(asked.text)"
            )
        }
        if let operation = Operation(read: target), let other = Operation(read: asked) {
            try expect(
                operation.description == other.description,
                "\(operation) and \(other) are two keys, and one to a service that does \(reader.words)")
        }
        return outcome
    }

    private static func read(_ target: String, of authority: Authority? = nil) -> RequestTarget? {
        try? RequestTarget(.POST, target, host: authority?.text ?? "a", mayBeAbsolute: true)
    }

    /// Which route a path is of as it is spelled.
    private static func spelled(_ target: RequestTarget, in table: RouteTable) -> String? {
        ["/charges", "/items/{id}", "/Up/*", "/*"].first { (try? PathPattern($0))?.matches(target.path.utf8) == true }
    }

    // One thread parses.
    nonisolated(unsafe) private static var table: RouteTable?

    private static func routes() throws -> RouteTable {
        if let table { return table }
        let address = GatewayConfiguration.Address(host: "service.internal", port: 80)
        var configuration = GatewayConfiguration(upstreams: [address], threads: 1)
        let service = configuration.services[0].name
        configuration.routes = try ["/charges", "/items/{id}", "/Up/*", "/*"].map { path in
            var route = RouteConfiguration(name: path, service: service)
            route.match.path = try PathPattern(path)
            return route
        }
        let logger = Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() }
        let maker = Plan.Maker(clock: MonotonicClock(), logger: logger, transitions: TransitionLog())
        let made = try maker.plan(configuration, at: [:], after: nil).table
        table = made
        return made
    }

    /// Whatever names a host names it in one way.
    private static func authority(_ text: String) throws -> Outcome {
        guard let authority = Authority(text) else { return Outcome("none") }
        try expect(
            !authority.text.utf8.contains { "@/?#\\, %".utf8.contains($0) }, "\(authority.text) names more than a host")
        try expect(Authority(authority.text) == authority, "written, it is another")
        let host = authority.host
        try expect(Authority(host)?.host == host && host == host.lowercased(), "\(host) is not in one spelling")
        return Outcome("host", host.utf8.count / 16, host.hasPrefix("[") ? 1 : 0)
    }
}

/// A service that makes of a target what the least careful make of it, in some order.
private struct NaiveReader {
    enum Step: String, CaseIterable {
        case none, decode, cutParameters, cutQuery, turnBackslashes, mergeSlashes, dropLastSlash, lowercase, dropHost,
            trim
        case decodeSlashes, foldWidth
    }

    let steps: [Step]
    var words: String { steps.map(\.rawValue).joined(separator: ", ") }

    /// - Returns: Nil where it would answer 404 or 400 itself.
    func path(of target: String) -> [UInt8]? {
        var path = Array(target.utf8.prefix { $0 != UInt8(ascii: "?") })
        for step in steps { path = apply(step, to: path) }
        return path.first == UInt8(ascii: "/") ? path : nil
    }

    private func apply(_ step: Step, to path: [UInt8]) -> [UInt8] {
        let slash = UInt8(ascii: "/")
        switch step {
        case .none: return path
        case .decode: return decoded(path)
        case .decodeSlashes:
            return Array(String(decoding: path, as: UTF8.self).replacing("%2F", with: "/").utf8)
        case .cutParameters:
            return Array(
                path.split(separator: slash, omittingEmptySubsequences: false)
                    .map { $0.prefix { $0 != UInt8(ascii: ";") } }.joined(separator: [slash]))
        case .cutQuery: return Array(path.prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") })
        case .turnBackslashes: return path.map { $0 == UInt8(ascii: "\\") ? slash : $0 }
        case .mergeSlashes:
            return path.reduce(into: []) { if $1 != slash || $0.last != slash { $0.append($1) } }
        case .dropLastSlash: return path.count > 1 && path.last == slash ? path.dropLast() : path
        case .lowercase: return path.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
        case .dropHost:
            guard path.starts(with: [slash, slash]) else { return path }
            return Array(path.drop { $0 == slash }.drop { $0 != slash })
        case .trim:
            return Array(
                path.split(separator: slash, omittingEmptySubsequences: false)
                    .map { Self.trimmed($0) }.joined(separator: [slash]))
        case .foldWidth:
            return Array(
                String(decoding: path, as: UTF8.self).unicodeScalars.map { scalar in
                    (0xFF01...0xFF5E).contains(scalar.value) ? Unicode.Scalar(scalar.value - 0xFEE0) ?? scalar : scalar
                }.reduce(into: "") { $0.unicodeScalars.append($1) }.utf8)
        }
    }

    private static func trimmed(_ name: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var rest = name.drop { $0 == 0x20 }
        while rest.last == 0x20 { rest.removeLast() }
        return rest.isEmpty ? name : rest
    }

    private func decoded(_ path: [UInt8]) -> [UInt8] {
        var (bytes, place) = ([UInt8](), 0)
        while place < path.count {
            if path[place] == UInt8(ascii: "%"), place + 2 < path.count,
                let value = PercentEncoding.value(path[place + 1], path[place + 2])
            {
                bytes.append(value)
                place += 3
            } else {
                bytes.append(path[place])
                place += 1
            }
        }
        return bytes
    }
}

extension StrictReader.Message {
    /// What the gateway reads a request to ask for; nil where it would refuse it.
    var asked: RequestTarget? {
        try? RequestTarget(
            HTTPMethod(rawValue: method), target, host: values("host").first, mayBeAbsolute: true)
    }
}
#endif
