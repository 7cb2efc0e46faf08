#if Gateway
import Foundation
import Holdfast
import Testing

@testable import HoldfastGateway

/// A gateway that is its own service answers nobody, so it is refused, however its address is spelled.
@Suite struct OwnAddressTests {
    private func fault(listening: [String], admin: String = "127.0.0.1:9090", calling endpoint: String) throws
        -> String?
    {
        let upstream = try #require(ServiceConfiguration.Endpoint(words: "http://\(endpoint)"))
        var configuration = GatewayConfiguration(upstreams: [upstream.address], threads: 1)
        configuration.listeners = try listening.map { words in
            ListenerConfiguration(address: try #require(GatewayConfiguration.Address(words: words)))
        }
        configuration.admin.address = try #require(GatewayConfiguration.Address(words: admin))
        configuration.admin.token = "a-token-of-twenty-eight-bytes"
        do throws(ConfigurationError) {
            try configuration.requireNoCircle()
            return nil
        } catch {
            return "\(error)"
        }
    }

    /// All that a person may call this machine's loopback by.
    static let spellings = [
        "127.0.0.1", "127.1", "127.0.1", "0x7f.1", "0x7F000001", "0177.0.0.1", "2130706433", "017700000001",
        "localhost", "LOCALHOST", "localhost.", "LocalHost.", "gateway.localhost", "localhost.localdomain", "0.0.0.0",
        "0", "[::1]", "[0:0:0:0:0:0:0:1]", "[::]", "[::ffff:127.0.0.1]", "[::FFFF:7f00:1]", "[::ffff:0.0.0.0]",
    ]

    /// Those that are addresses of IPv6 alone: what listens on IPv4 does not answer there.
    static let ofSix: Set<String> = ["[::1]", "[0:0:0:0:0:0:0:1]", "[::]"]

    @Test(arguments: spellings) func `every spelling of loopback is this gateway, and its control plane`(
        spelling: String
    ) throws {
        let isSix = Self.ofSix.contains(spelling)
        let loopback = isSix ? "[::1]" : "127.0.0.1"
        for listener in ["[::]:80", "\(loopback):80"] + (isSix ? [] : ["0.0.0.0:80"]) {
            #expect(try fault(listening: [listener], calling: "\(spelling):80") != nil, "\(listener)")
        }
        #expect(try fault(listening: ["192.0.2.1:80"], admin: "\(loopback):90", calling: "\(spelling):90") != nil)
        #expect(try fault(listening: ["\(loopback):80"], calling: "\(spelling):81") == nil, "another port")
    }

    @Test(arguments: [
        "127.0.0.1", "127.1", "LOCALHOST.", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "[::]",
    ])
    func `a listener may be spelled in each way too`(spelling: String) throws {
        #expect(try fault(listening: ["\(spelling):80"], calling: "localhost:80") != nil)
    }

    @Test func `its own name and its interfaces are this gateway where it listens everywhere`() throws {
        let name = ProcessInfo.processInfo.hostName
        for called in [name, name.uppercased(), "\(name)."] {
            #expect(try fault(listening: ["0.0.0.0:80"], calling: "\(called):80") != nil, "\(called)")
            #expect(try fault(listening: ["\(name):80"], calling: "\(called):80") != nil, "\(called)")
        }
    }

    @Test(arguments: [
        ("127.0.0.1:80", "127.0.0.2:80"), ("127.0.0.1:80", "[::1]:80"), ("[::1]:80", "127.0.0.1:80"),
        ("192.0.2.1:80", "localhost:80"), ("0.0.0.0:80", "192.0.2.7:80"), ("[::]:80", "payments:80"),
        ("0.0.0.0:80", "127.0.0.1.nip.io:80"), ("0.0.0.0:80", "256.1:80"), ("0.0.0.0:80", "1.2.3.4.5:80"),
        ("0.0.0.0:80", "0x:80"), ("0.0.0.0:80", "localhost.example.com:80"), ("127.0.0.1:0", "127.0.0.1:1"),
    ])
    func `what is somebody else's is let be`(listener: String, endpoint: String) throws {
        #expect(try fault(listening: [listener], calling: endpoint) == nil)
    }

    @Test(arguments: [
        ("A.Example.", "a.example"), ("a.example", "a.example"), (".", "."), ("127.1", "127.0.0.1"),
        ("1.2.3", "1.2.0.3"),
        ("1.2.65535", "1.2.255.255"), ("1.2.65536", "1.2.65536"), ("4294967295", "255.255.255.255"),
        ("4294967296", "4294967296"), ("08.1", "08.1"), ("010.1", "8.0.0.1"), ("+1.1", "+1.1"), ("0x.1", "0x.1"),
        ("2001:DB8:0:0::1", "2001:db8::1"), ("::ffff:1.2.3.4", "1.2.3.4"), ("a..b", "a..b"), ("1..2", "1..2"),
    ])
    func `a host has one spelling`(host: String, canonical: String) {
        #expect(HostSpelling.canonical(host) == canonical)
    }
}
#endif
