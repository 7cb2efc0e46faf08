#if Gateway
import Foundation
import Holdfast
package import HoldfastIdempotency
import NIOCore

/// Where requests are taken, and how they are read.
public struct ListenerConfiguration: Sendable, Hashable {
    /// Certificate and key, in PEM files that are read again when they change.
    public struct TLS: Sendable, Hashable {
        /// The certificate, followed by those that vouch for it.
        public var certificate: String
        /// The certificate's private key.
        public var key: String
        /// Whether clients show certificates too. Default: no.
        public var clients = Clients()

        /// What is asked of clients.
        public struct Clients: Sendable, Hashable {
            public enum Verify: String, Sendable, CaseIterable {
                /// Who shows none, or one that nobody trusted vouches for, is not spoken to.
                case required
                /// Who shows none is spoken to as nobody, and who shows one that nobody trusted vouches for is not.
                case optional
                /// None is asked for.
                case off
            }

            /// Default: off.
            public var verify = Verify.off
            /// Who may vouch for clients, in a PEM file that is read again when it changes; each of them may name any
            /// client. Given unless `verify` is off, when it means nothing.
            public var trust: String?

            public init() {}
        }

        public init(certificate: String, key: String) {
            self.certificate = certificate
            self.key = key
        }
    }

    /// Port 0 takes any free port.
    public var address: GatewayConfiguration.Address
    /// Default: none, so bytes are taken as they come.
    public var tls: TLS?
    /// Whether HTTP/2 is spoken with those who ask for it: by ALPN under TLS, by its preface without. Default: yes.
    public var http2 = true
    /// The most HTTP/2 streams that one client may have open at once: 1 to 10,000. Default: 100, as RFC 9113 recommends.
    public var streams = 100
    /// Which field the proxies in front write.
    public enum TrustedFields: String, Sendable, CaseIterable {
        /// `X-Forwarded-For`, `-Proto` and `-Host`.
        case xForwarded = "x-forwarded"
        /// `Forwarded` (RFC 7239).
        case forwarded
    }

    /// The proxies in front, at most 256 ranges: what they say of where a request comes from counts. Counted from the
    /// right, the first hop that is not among them is the client. From all others, and from the client, fields that say
    /// such things are replaced or left out. Default: nobody, since whoever is believed can be anybody.
    public var trusted: [AddressRange] = []
    /// Which field counts: one alone, because a proxy that writes one passes the other on as its clients sent it. Default:
    /// `x-forwarded`, which nearly all write.
    public var trustedFields = TrustedFields.xForwarded
    /// Whether connections begin with a header of the PROXY protocol, version 1 or 2.
    public enum ProxyProtocol: String, Sendable, CaseIterable {
        case off
        /// Those of ``trusted`` must, and all others must not: whoever could send one could be anybody.
        case required
    }

    /// For balancers that pass on bytes, and not requests. The client is whom the header names, for
    /// `connectionsPerClient` too. Default: off.
    public var proxyProtocol = ProxyProtocol.off
    /// Callers whose `holdfast-timeout` and `holdfast-attempt` count, at most 256 ranges: layers that run Holdfast too.
    /// They are the clients' addresses, whatever proxies stand between. Default: nobody, since a time that is chosen to end
    /// within an execution leaves an outcome that nobody knows.
    public var lineageFrom: [AddressRange] = []

    public init(address: GatewayConfiguration.Address) {
        self.address = address
    }

    func validate() throws(ConfigurationError) {
        try require("listener's port", address.port, in: 0...65_535)
        try require("listener's streams", streams, in: 1...10_000)
        try require("listener's number of trusted ranges", trusted.count, in: 0...256)
        try require("listener's number of lineage's ranges", lineageFrom.count, in: 0...256)
        guard proxyProtocol == .off || !trusted.isEmpty else {
            throw ConfigurationError(
                option: "listener's proxyProtocol", value: proxyProtocol.rawValue,
                allowed: "off where nobody is trusted")
        }
        if let clients = tls?.clients, (clients.verify == .off) != (clients.trust == nil) {
            throw ConfigurationError(
                option: "clients.verify", value: clients.verify.rawValue,
                allowed: "required or optional where it is said who is trusted, and only there")
        }
    }
}

extension ListenerConfiguration {
    /// Whom it believes, for whoever is about to run it.
    package var trustWords: [String] {
        func words(_ ranges: [AddressRange]) -> String {
            ranges.isEmpty ? "nobody" : ranges.map(\.description).joined(separator: ", ")
        }
        let header = proxyProtocol == .required ? "the PROXY protocol and " : ""
        let fields = header + (trustedFields == .forwarded ? "Forwarded" : "X-Forwarded-For, -Proto and -Host")
        return [
            trusted.isEmpty
                ? "where requests come from: believes nobody, and replaces what they say"
                : "where requests come from: believes \(fields) of \(words(trusted))",
            "lineage: believes \(words(lineageFrom))",
        ]
    }
}

/// Where and to whom the control plane shows itself.
public struct AdminConfiguration: Sendable, Hashable {
    /// Default: 127.0.0.1:9090.
    public var address = GatewayConfiguration.Address(host: "127.0.0.1", port: 9090)
    /// What whoever asks must present (`Authorization: Bearer …`): at least 16 characters. Default: none, which is
    /// allowed on loopback only.
    public var token: String?

    public init() {}

    func validate() throws(ConfigurationError) {
        try require("admin's port", address.port, in: 0...65_535)
        if let token { try require("admin token's length", token.utf8.count, in: 16...4_096) }
        guard token != nil || address.isLoopback else {
            throw ConfigurationError(
                option: "admin", value: "\(address)", allowed: "on loopback, or have a token")
        }
    }
}

extension GatewayConfiguration.Address {
    /// Whether it can be reached from this machine alone. A name that looks like an address may lead anywhere.
    var isLoopback: Bool {
        if host.lowercased() == "localhost" { return true }
        switch try? SocketAddress(ipAddress: host, port: 0) {
        case .v4(let address): return withUnsafeBytes(of: address.address.sin_addr) { $0[0] == 127 }
        case .v6(let address):
            return withUnsafeBytes(of: address.address.sin6_addr) { bytes in
                bytes.prefix(15).allSatisfy { $0 == 0 } && bytes[15] == 1
            }
        case .unixDomainSocket, nil: return false
        }
    }
}

/// Where claims and outcomes are kept, and what they are encrypted under.
public struct StoreConfiguration: Sendable, Hashable {
    /// `memory`, `sqlite:PATH`, `postgres://…` or `valkey://…`. Default: `sqlite:holdfast.db`.
    public var location = StoreLocation.sqlite(path: "holdfast.db")
    /// What outcomes are encrypted under: the first writes, all read, so a key is rotated by putting a new one first. At
    /// most 16, each with a number of its own. Default: none, so outcomes are kept as they are.
    public var encryptionKeys: [EncryptionKey] = []
    /// The most keys that the store may hold, of all who share it: 1 to 1,000,000,000,000. Default: nil, 10,000,000, or
    /// 1,000,000 in memory. Beyond it new keys are refused, known ones are answered, and what expires makes room.
    public var maximumKeys: Int?
    /// The most bytes of outcomes that it may hold: 1 to 2⁵⁰. Default: nil, 8 GiB, or 256 MiB in memory. Beyond it new keys
    /// are refused, and outcomes that come are given and not kept.
    public var maximumBytes: Int?

    /// What the store may hold.
    package var bound: ClaimUsage {
        let isMemory = location == .memory
        return ClaimUsage(
            keys: maximumKeys ?? (isMemory ? 1_000_000 : 10_000_000),
            bytes: maximumBytes ?? (isMemory ? 256 << 20 : 8 << 30))
    }

    func validate() throws(ConfigurationError) {
        if let maximumKeys { try require("store's maximum keys", maximumKeys, in: 1...1_000_000_000_000) }
        if let maximumBytes { try require("store's maximum bytes", maximumBytes, in: 1...(1 << 50)) }
    }

    /// One key, in a file.
    public struct EncryptionKey: Sendable, Hashable {
        /// What the key is called in each outcome that it has sealed. Never give it to another.
        public var number: UInt32
        /// A file with 32 bytes in Base64, and nothing else.
        public var file: String

        public init(number: UInt32, file: String) {
            self.number = number
            self.file = file
        }
    }

    public init() {}
}

/// One JSON line for each request that is sampled.
public struct AccessLogConfiguration: Sendable, Hashable {
    /// Where the lines go: nil is the standard output.
    public var path: String?
    /// The share of requests that is logged: 0 to 1. Default: 1. What failed or was retried is always logged, and what was
    /// rejected or replayed unless ``rejections`` and ``replays`` say otherwise.
    public var sample = 1.0
    /// Of how many rejections with the same problem one is logged, the first among them: 1 to 1,000,000. Default: 1, each.
    /// A flood of one kind takes no place from another, and its lines say how many they stand for (`sampled`).
    public var rejections = 1
    /// How many rejections with the same problem have a line in a second, beyond which one in 100 has, with how many it
    /// stands for: 1 to 1,000,000. Default: 100, which is as much as anybody reads, and at most some 60 kB a second of what a
    /// stranger can provoke without end.
    public var rejectionsPerSecond = 100
    /// Of how many replays one is logged, the first among them: 1 to 1,000,000. Default: 1, each: a replay is a client that
    /// had no answer, and an operator's first question is which.
    public var replays = 1
    /// Which requests have a line when they begin, too. Default: none.
    public var begins = Begins.none

    /// Which requests have a line when they begin.
    public enum Begins: String, Sendable, CaseIterable {
        /// None: what is unknown tells its cause by itself, from the store, and each line costs as much as one at the end.
        case none
        /// Those that were granted the claim of a key, before anything is sent to the service. So the log alone says what
        /// was in flight when the process ended: it has a line at the beginning and none at the end.
        case keyed
    }

    public init() {}

    func validate() throws(ConfigurationError) {
        try require("access log's sample", sample, in: 0...1)
        try require("access log's rejections", rejections, in: Self.counts)
        try require("access log's replays", replays, in: Self.counts)
        try require("access log's rejections per second", rejectionsPerSecond, in: Self.counts)
    }

    static let counts = 1...1_000_000
}
#endif
