#if Gateway
import NIOCore

/// One loop's idle connections to services that have authenticated them, each for one client: it serves that client's next
/// requests to the service, and nobody else's, and goes when the client's connection does.
///
/// They are bounded, and the oldest makes room where somebody needs a connection: a client that holds many could keep
/// others out otherwise, and loses no more than a handshake.
struct PersonalConnections {
    /// Of all clients together.
    static let bound = 256
    /// Of one client's connection: as many services as are likely behind one page.
    static let boundOfOwner = 4

    /// Whose they are: the handler of the client's connection.
    typealias Owner = ObjectIdentifier

    /// The oldest first.
    private var kept: [(owner: Owner, connection: UpstreamConnection)] = []

    var isEmpty: Bool { kept.isEmpty }
    var count: Int { kept.count }

    /// Keeps one.
    ///
    /// - Returns: One that has to go for it.
    mutating func keep(_ connection: UpstreamConnection, for owner: Owner) -> UpstreamConnection? {
        kept.append((owner, connection))
        if kept.count(where: { $0.owner == owner }) > Self.boundOfOwner { return removeFirst { $0.owner == owner } }
        return kept.count > Self.bound ? kept.removeFirst().connection : nil
    }

    /// Where the owner has one, of some endpoints.
    func endpoint(of owner: Owner, among endpoints: [Endpoint]) -> Endpoint? {
        kept.last { kept in kept.owner == owner && endpoints.contains { $0 === kept.connection.endpoint } }?
            .connection.endpoint
    }

    mutating func take(_ owner: Owner, to endpoint: Endpoint) -> UpstreamConnection? {
        removeLast { $0.owner == owner && $0.connection.endpoint === endpoint }
    }

    mutating func remove(_ connection: UpstreamConnection) {
        kept.removeAll { $0.connection === connection }
    }

    /// Takes the one that has been idle for longest.
    mutating func removeOldest(where isRight: (Endpoint) -> Bool = { _ in true }) -> UpstreamConnection? {
        removeFirst { isRight($0.connection.endpoint) }
    }

    /// Takes all that an owner has, or that lead somewhere.
    mutating func removeAll(of owner: Owner) -> [UpstreamConnection] {
        removeAll { $0.owner == owner }
    }

    mutating func removeAll(where isRight: (Endpoint) -> Bool) -> [UpstreamConnection] {
        removeAll { isRight($0.connection.endpoint) }
    }

    private mutating func removeAll(
        _ isRight: ((owner: Owner, connection: UpstreamConnection)) -> Bool
    ) -> [UpstreamConnection] {
        let removed = kept.filter(isRight).map(\.connection)
        kept.removeAll(where: isRight)
        return removed
    }

    private mutating func removeFirst(
        _ isRight: ((owner: Owner, connection: UpstreamConnection)) -> Bool
    ) -> UpstreamConnection? {
        kept.firstIndex(where: isRight).map { kept.remove(at: $0).connection }
    }

    private mutating func removeLast(
        _ isRight: ((owner: Owner, connection: UpstreamConnection)) -> Bool
    ) -> UpstreamConnection? {
        kept.lastIndex(where: isRight).map { kept.remove(at: $0).connection }
    }
}
#endif
