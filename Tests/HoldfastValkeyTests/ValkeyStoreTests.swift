#if Valkey
import Holdfast
import HoldfastIdempotency
import HoldfastIdempotencyTesting
import HoldfastTesting
import TestSupport
import Testing

@testable import HoldfastValkey

@Suite struct ValkeyStoreTests {
    private let key = OneKey()
    private var claim: ClaimCommand { key.claim }
    private func complete(_ fence: Int64, _ payload: [UInt8]?) -> ClaimCommand { key.complete(fence, payload) }
    private func claimed(_ store: ValkeyStore) async throws -> Int64 { try await key.claimed(store) }

    private func database() async throws -> String { try await ValkeyServer.shared.value.database() }

    @Test(arguments: ClaimStoreConformance.checks)
    func `it is a store as all are`(check: ClaimStoreConformance.Check) async throws {
        let address = try ValkeyAddress(url: try await database())
        let admin = try await ValkeyConnection.connect(to: address)
        // The server's own clock, and what the test has let pass.
        let store = try await ValkeyStore(
            address, script: ValkeyScript(skew: "tonumber(redis.call('GET', 'skew') or 0)"))
        try await check.run(on: store, lease: .seconds(30)) { duration in
            _ = try await admin.send([["INCRBY", "skew", "\(Int(duration / .milliseconds(1)))"].map { Array($0.utf8) }])
        }
    }

    @Test func `two stores on one server share their keys and their secret`() async throws {
        let url = try await database()
        let (here, there) = (try await ValkeyStore(url: url), try await ValkeyStore(url: url))
        try await expectEqual(here.secret().bytes, there.secret().bytes)
        let fence = try await claimed(here)
        try await expectEqual(there.apply([claim]), [.inFlight])
        try await expectEqual(here.apply([complete(fence, [1, 0, 255])]), [.done])
        try await expectEqual(there.apply([claim]), [.completed(payload: [1, 0, 255])])
    }

    @Test func `with its append-only file it survives the server's crash and connects again`() async throws {
        let server = try await ValkeyServer.start("--appendonly yes --appendfsync always")
        let store = try await ValkeyStore(url: server.database())
        let fence = try await claimed(store)
        try await expectEqual(store.apply([complete(fence, [42])]), [.done])
        try await server.crash()
        // The first may find the broken connection, and the script is to be sent again.
        var reply = try? await store.apply([claim])
        if reply == nil { reply = try await store.apply([claim]) }
        #expect(reply == [.completed(payload: [42])])
        #expect(!store.warnings.contains { $0.contains("append-only") })
    }

    @Test(.timeLimit(.minutes(1)))
    func `who waits in another process is told of the end`() async throws {
        let server = try await ValkeyServer.start()
        let address = try ValkeyAddress(url: server.database())
        let admin = try await ValkeyConnection.connect(to: address)
        let url = server.database()
        try await AcrossProcesses.check(here: ValkeyStore(url: url), there: ValkeyStore(url: url)) {
            let answer = try await admin.send([["PUBSUB", "NUMSUB", ValkeyRecords.channel].map { Array($0.utf8) }])
            return answer[0] == .array([.bulk(Array(ValkeyRecords.channel.utf8)), .number(1)])
        }
    }

    @Test func `a server that lost its data keeps the secret of those who know it`() async throws {
        let server = try await ValkeyServer.start()
        let url = server.database()
        let store = try await ValkeyStore(url: url)
        _ = try await claimed(store)
        try await server.crash()
        // The first may find the broken connection.
        _ = try? await store.apply([claim])
        _ = try await store.apply([claim])
        try await expectEqual(ValkeyStore(url: url).secret().bytes, store.secret().bytes)
        try await server.crash()
        // Now another comes first, who knows nothing.
        let other = try await ValkeyStore(url: url)
        _ = try await claimed(other)
        _ = try? await store.apply([claim])
        let error = await #expect(throws: ClaimStoreError.self) { try await store.apply([claim]) }
        #expect(error?.code == .unusable)
    }

    @Test func `a server that may evict claims is refused unless that is accepted`() async throws {
        let server = try await ValkeyServer.start("--maxmemory 100mb --maxmemory-policy allkeys-lru")
        let error = await #expect(throws: ClaimStoreError.self) { _ = try await ValkeyStore(url: server.database()) }
        #expect(error?.code == .unusable)
        #expect(error?.description.contains("allkeys-lru") == true)
        let store = try await ValkeyStore(url: "\(server.database())?eviction=accepted")
        #expect(store.warnings.contains { $0.contains("evict") })
        #expect(store.warnings.contains { $0.contains("append-only") })
        #expect(store.warnings.contains { $0.contains("failover") })
    }

    @Test func `a full server refuses claims and forgets none`() async throws {
        let server = try await ValkeyServer.start("--maxmemory-policy noeviction")
        let store = try await ValkeyStore(url: server.database())
        let fence = try await claimed(store)
        try await expectEqual(store.apply([complete(fence, [42])]), [.done])
        try await server.command("config set maxmemory 1")
        let other = ClaimCommand(id: RecordID(bytes: [9]), action: claim.action)
        let error = await #expect(throws: ClaimStoreError.self) { try await store.apply([other]) }
        #expect(error?.code == .failed)
        try await server.command("config set maxmemory 0")
        try await expectEqual(store.apply([claim]), [.completed(payload: [42])])
    }

    @Test func `a write is not acknowledged without its replicas`() async throws {
        let primary = try await ValkeyServer.start()
        let store = try await ValkeyStore(url: "\(primary.database())?replicas=1")
        let error = await #expect(throws: ClaimStoreError.self) { try await store.apply([claim]) }
        #expect(error?.description.contains("replicas") == true)
        let replica = try await ValkeyServer.start("--replicaof 127.0.0.1 \(primary.port)")
        let refused = await #expect(throws: ClaimStoreError.self) { _ = try await ValkeyStore(url: replica.database()) }
        #expect(refused?.description.contains("replica") == true)
        // It is in step after a moment, which the server tells nobody of.
        var reply: ClaimReply?
        for _ in 0..<100 where reply == nil {
            reply = try? await store.apply([ClaimCommand(id: RecordID(bytes: [9]), action: claim.action)])[0]
        }
        #expect(reply != nil)
    }

    @Test func `a password is asked for and never shown`() async throws {
        let server = try await ValkeyServer.start("--requirepass s3cret")
        let refused = await #expect(throws: ClaimStoreError.self) {
            _ = try await ValkeyStore(url: "valkey://:wr0ng@127.0.0.1:\(server.port)")
        }
        #expect(refused?.code == .unusable)
        #expect(refused?.description.contains("wr0ng") == false)
        _ = try await claimed(ValkeyStore(url: "valkey://:s3cret@127.0.0.1:\(server.port)"))
        _ = try await claimed(ValkeyStore(url: "valkey://default:s3cret@127.0.0.1:\(server.port)/1"))
    }

    @Test func `TLS is spoken and the server's certificate is checked`() async throws {
        let make =
            "cd FOLDER && openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 "
            + "-subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1"
        let folder =
            "/tmp/holdfast-tls-\(RecordID(bytes: (0..<8).map { _ in .random(in: 0 ... .max) }).description.prefix(8))"
        try await Shell.run("mkdir \(folder) && " + make.replacing("FOLDER", with: folder))
        try await Shell.whenThisEnds("rm -rf \(folder)")
        let server = try await ValkeyServer.start(
            "--port 0 --tls-port PORT --tls-cert-file \(folder)/cert.pem --tls-key-file \(folder)/key.pem "
                + "--tls-auth-clients no")
        for host in ["localhost", "127.0.0.1"] {
            let store = try await ValkeyStore(url: "valkeys://\(host):\(server.port)?ca=\(folder)/cert.pem")
            _ = try await store.apply([claim])
        }
        let distrusted = await #expect(throws: ClaimStoreError.self) {
            _ = try await ValkeyStore(url: "valkeys://localhost:\(server.port)")
        }
        #expect(distrusted?.code == .unusable)
        let plain = await #expect(throws: ClaimStoreError.self) {
            _ = try await ValkeyStore(url: "valkey://localhost:\(server.port)")
        }
        #expect(plain?.code == .unusable)
    }

    /// A cluster of two nodes, each with half of the slots.
    private func cluster() async throws -> (TestSupport.ValkeyServer, TestSupport.ValkeyServer) {
        let options = "--cluster-enabled yes --cluster-config-file FOLDER/nodes.conf"
        let (one, two) = (try await ValkeyServer.start(options), try await ValkeyServer.start(options))
        try await one.command("cluster addslotsrange 0 8191")
        try await two.command("cluster addslotsrange 8192 16383")
        try await one.command("cluster meet 127.0.0.1 \(two.port)")
        let ready =
            "for try in $(seq 200); do redis-cli -p PORT cluster info | grep -q cluster_state:ok && "
            + "redis-cli -p PORT cluster info | grep -q cluster_known_nodes:2 && exit 0; sleep 0.1; done; exit 1"
        for server in [one, two] { try await Shell.run("(\(ready.replacing("PORT", with: "\(server.port)")))") }
        return (one, two)
    }

    /// A record of each tag.
    private let oneOfEach = (0..<ValkeyRecords.tags).map { tag in
        RecordID(bytes: [UInt8](repeating: 0, count: 7) + [UInt8(tag)] + [UInt8](repeating: 1, count: 24))
    }

    @Test(.timeLimit(.minutes(1)))
    func `a node that is gone fails its own keys alone`() async throws {
        let (one, two) = try await cluster()
        let store = try await ValkeyStore(url: "valkey://127.0.0.1:\(one.port)")
        #expect(store.lanes == ValkeyRecords.tags)
        let batch = oneOfEach.map { ClaimCommand(id: $0, action: claim.action) }
        try await expectEqual(store.apply(batch.map { ClaimCommand(id: $0.id, action: .purge(fence: 1)) }).count, 16)
        try await two.end()
        var claimed = 0
        for result in await store.results(of: batch) {
            switch result {
            case .success(.claimed): claimed += 1
            case .success(let reply): throw UnexpectedOutcome("\(reply)")
            case .failure(let error): #expect(error.code == .failed)
            }
        }
        #expect((1...15).contains(claimed))
    }

    @Test(.timeLimit(.minutes(1)))
    func `a slot that is being moved is followed`() async throws {
        let (one, two) = try await cluster()
        let store = try await ValkeyStore(url: "valkey://127.0.0.1:\(one.port)")
        func id(of server: TestSupport.ValkeyServer) async throws -> String {
            let address = try ValkeyAddress(url: "valkey://127.0.0.1:\(server.port)")
            let connection = try await ValkeyConnection.connect(to: address)
            return try await connection.send([["CLUSTER", "MYID"].map { Array($0.utf8) }])[0].string ?? ""
        }
        let names = (try await id(of: one), try await id(of: two))
        // Whichever tag's slot is the first node's.
        let connection = try await ValkeyConnection.connect(to: ValkeyAddress(url: "valkey://127.0.0.1:\(one.port)"))
        var tag: Int?
        var slot: Int64 = 0
        for candidate in 1..<ValkeyRecords.tags where tag == nil {
            let words = ["CLUSTER", "KEYSLOT", ValkeyRecords.fenceKey(candidate)].map { Array($0.utf8) }
            if case .number(let number) = try await connection.send([words])[0], number < 8_192 {
                (tag, slot) = (candidate, number)
            }
        }
        let key = oneOfEach[try #require(tag)]
        let other = RecordID(bytes: key.bytes.prefix(31) + [2])
        func claim(_ id: RecordID) async throws -> ClaimReply? {
            try await store.apply([ClaimCommand(id: id, action: self.claim.action)]).first
        }
        guard case .claimed(let fence)? = try await claim(key) else { throw UnexpectedOutcome("no claim") }
        try await two.command("cluster setslot \(slot) importing \(names.0)")
        try await one.command("cluster setslot \(slot) migrating \(names.1)")
        let keys = "\(ValkeyRecords.fenceKey(tag ?? 0)) \(ValkeyRecords.key(of: key))"
        try await one.command("migrate 127.0.0.1 \(two.port) '' 0 5000 keys \(keys)")
        // It is not here any more, so it is asked for there.
        try await expectEqual(store.apply([ClaimCommand(id: key, action: complete(fence, [1]).action)]), [.done])
        // A new record is neither here nor there.
        let torn = await #expect(throws: ClaimStoreError.self) { _ = try await claim(other) }
        #expect(torn?.code == .failed && torn?.description.contains("being moved") == true)
        for server in [two, one] { try await server.command("cluster setslot \(slot) node \(names.1)") }
        try await expectEqual(claim(key), .completed(payload: [1]))
        guard case .claimed = try await claim(other) else { throw UnexpectedOutcome("no claim") }
    }

    @Test func `a user without a channel completes what it claims`() async throws {
        let server = try await ValkeyServer.start()
        try await server.command(
            "acl setuser ada on '>pw' '~holdfast:*' resetchannels -@all +evalsha +eval +get +set +del +time +info +publish "
                + "+subscribe +scan +getrange +strlen +wait '+client|setname' +select")
        let store = try await ValkeyStore(url: "valkey://ada:pw@127.0.0.1:\(server.port)")
        let fence = try await claimed(store)
        // Now somebody waits, and is to be told of the end.
        try await expectEqual(store.apply([claim]), [.inFlight])
        try await expectEqual(store.apply([complete(fence, [7])]), [.done])
        try await expectEqual(store.apply([claim]), [.completed(payload: [7])])
        try await expectEqual(store.summary(of: key.id)?.state, .completed)
        try await expectEqual(store.summaries(after: nil, atMost: 10).summaries.count, 1)
    }

    @Test func `each new connection looks again at what the server is`() async throws {
        let server = try await ValkeyServer.start()
        let store = try await ValkeyStore(url: server.database())
        _ = try await claimed(store)
        try await server.command("config set maxmemory-policy allkeys-lru")
        try await server.command("client kill type normal skipme yes")
        // The first may find the broken connection.
        _ = try? await store.apply([claim])
        let evicting = await #expect(throws: ClaimStoreError.self) { try await store.apply([claim]) }
        #expect(evicting?.code == .unusable && evicting?.description.contains("allkeys-lru") == true)
        try await server.command("config set maxmemory-policy noeviction")
        try await server.command("replicaof 127.0.0.1 1")
        let demoted = await #expect(throws: ClaimStoreError.self) { try await store.apply([claim]) }
        #expect(demoted?.code == .failed && demoted?.description.contains("replica") == true)
        try await server.command("replicaof no one")
        try await expectEqual(store.apply([claim]), [.inFlight])
    }

    @Test func `what could not be read back is not written`() async throws {
        let store = try await ValkeyStore(url: try await database())
        let fence = try await claimed(store)
        let large = [UInt8](repeating: 1, count: RESPDecoder.stringBound + 1)
        let other = ClaimCommand(id: RecordID(bytes: [9]), action: claim.action)
        let results = await store.results(of: [complete(fence, large), other])
        let error = #expect(throws: ClaimStoreError.self) { try results[0].get() }
        #expect(error?.code == .failed)
        guard case .success(.claimed) = results[1] else { throw UnexpectedOutcome("\(results[1])") }
        try await expectEqual(store.apply([complete(fence, Array(large.dropLast()))]), [.done])
        guard case .completed(let payload?)? = try await store.apply([claim]).first else {
            throw UnexpectedOutcome("no payload")
        }
        #expect(payload.count == RESPDecoder.stringBound)
    }

    @Test func `while the server cannot be reached a breaker answers`() async throws {
        let clock = ManualClock()
        let node = try ValkeyNode(ValkeyAddress(url: "valkey://127.0.0.1:1"), secret: ValkeySecret(), clock: clock)
        func ask() async throws -> String {
            let error = await #expect(throws: ClaimStoreError.self) { _ = try await node.send("PING") }
            return error?.description.lowercased() ?? ""
        }
        for _ in 0..<3 { #expect(try await ask().contains("refused")) }
        #expect(try await !ask().contains("refused"))
        clock.advance(by: .seconds(1))
        #expect(try await ask().contains("refused"))
    }

    @Test func `a cluster's nodes are found by what they say`() async throws {
        let (one, two) = try await cluster()
        let store = try await ValkeyStore(url: "valkey://127.0.0.1:\(one.port)")
        let ids = (0..<32).map { RecordID(bytes: [UInt8](repeating: UInt8($0), count: 32)) }
        let replies = try await store.apply(ids.map { ClaimCommand(id: $0, action: claim.action) })
        let fences = replies.compactMap { reply in if case .claimed(let fence) = reply { fence } else { nil } }
        #expect(fences.count == 32)
        try await expectEqual(
            store.apply(zip(ids, fences).map { ClaimCommand(id: $0, action: complete($1, [1]).action) }),
            [ClaimReply](repeating: .done, count: 32))
        var listed: Set<RecordID> = []
        var cursor: String?
        repeat {
            let page = try await store.summaries(after: cursor, atMost: 5)
            listed.formUnion(page.summaries.map(\.id))
            cursor = page.next
        } while cursor != nil
        #expect(listed == Set(ids))
        let other = try await ValkeyStore(url: "valkey://127.0.0.1:\(two.port)")
        try await expectEqual(other.secret().bytes, store.secret().bytes)
        try await expectEqual(
            other.apply([ClaimCommand(id: ids[0], action: claim.action)]), [.completed(payload: [1])])
    }

    @Test(arguments: [
        "valkey://", "http://host", "valkey://host/x", "valkey://host/70000", "valkey://host?replicas=x",
        "valkey://host?replicas=17", "valkey://host?eviction=yes", "valkey://host?what=1", "valkey://host:0",
        "valkey://user:s3cret@ho st", "valkey://:9/s3cret@host", "valkey://:12?s3cret@host", "valkey://:1#s3cret@host",
        "valkey://:s3cret", "valkey://user:s3@cret@host", "valkey://:1?replicas=s3cret@host",
    ])
    func `an address that cannot be read is refused`(url: String) {
        let error = #expect(throws: ConfigurationError.self) { try ValkeyAddress(url: url) }
        #expect(error?.description.contains("s3cret") == false)
    }

    @Test func `an address says what its URL says`() throws {
        let address = try ValkeyAddress(url: "rediss://ada:p%40ss@[::1]:7000/3?replicas=2&ca=/x.pem&eviction=accepted")
        #expect(address.host == "::1" && address.port == 7_000 && address.database == 3 && address.usesTLS)
        #expect(address.user == "ada" && address.password == "p@ss" && address.replicas == 2)
        #expect(address.certificates == "/x.pem" && address.acceptsEviction)
        #expect(!address.description.contains("p@ss"))
        #expect(try !ValkeyAddress(url: "redis://host").usesTLS)
    }
}
#endif
