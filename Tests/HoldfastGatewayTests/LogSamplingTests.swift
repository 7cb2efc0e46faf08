#if Gateway
import Foundation
import Holdfast
import HoldfastHTTP
import HoldfastIdempotency
import NIOHTTP1
import TestSupport
import Testing

@testable import HoldfastGateway

/// Which requests have a line in the access log, and what stands in it.
@Suite struct LogSamplingTests {
    private func report(
        _ outcome: RequestReport.Outcome, _ problem: Problem.Kind? = nil, at time: Int64 = 0
    ) -> RequestReport {
        .of(outcome: outcome, problem: problem, time: time)
    }

    private func sampling(rejections: Int = 1, perSecond: Int = 100, replays: Int = 1) -> LogSampling {
        var configuration = AccessLogConfiguration()
        (configuration.rejections, configuration.rejectionsPerSecond) = (rejections, perSecond)
        configuration.replays = replays
        return LogSampling(configuration)
    }

    @Test func `of a flood of rejections so many have a line in a second, and what is left out is counted`() {
        let sampling = LogSampling(AccessLogConfiguration())
        // Two seconds of 10,000 each, and one in which the clock was set back.
        for second in [Int64(5), 6, 2] {
            let flood = (0..<10_000).compactMap { place in
                sampling.line(of: report(.rejected, .rateLimited, at: second * 1_000 + Int64(place / 10)))
            }
            #expect(flood.count == 199 && flood.prefix(100).allSatisfy { $0.sampled == nil })
            #expect(flood.dropFirst(100).allSatisfy { $0.sampled == 100 })
            #expect(flood.reduce(0) { $0 + ($1.sampled ?? 1) } == 10_000)
        }
        // Another kind has its own.
        #expect(sampling.line(of: report(.rejected, .keyReused, at: 2_999)).map { $0.sampled == nil } == true)
    }

    @Test func `both ways of leaving rejections out say together what a line stands for`() {
        let sampling = sampling(rejections: 3, perSecond: 2)
        let lines = (0..<600).map { _ in sampling.line(of: report(.rejected, .rateLimited))?.sampled }
        #expect(lines[0] == 3 && lines[1] == nil && lines[3] == 3 && lines[6] == 300 && lines[9] == nil)
        #expect(lines.compactMap(\.self) == [3, 3, 300, 300])
    }

    @Test func `one in so many rejections of a kind is logged, the first of each, and says so`() {
        let sampling = sampling(rejections: 10)
        let flood = (0..<100).compactMap { _ in sampling.line(of: report(.rejected, .rateLimited)) }
        #expect(flood.count == 10 && flood.allSatisfy { $0.sampled == 10 })
        // A rare one is not lost in the flood of another.
        #expect(sampling.line(of: report(.rejected, .keyReused))?.sampled == 10)
        #expect(sampling.line(of: report(.rejected, .keyReused)) == nil)
    }

    @Test func `what failed, and what is served, is told each time, and replays by their own number`() {
        let sampling = sampling(rejections: 1_000, replays: 3)
        for outcome in [RequestReport.Outcome.failed, .served, .abandoned] {
            for _ in 0..<5 {
                #expect(sampling.line(of: report(outcome, outcome == .failed ? .deadline : nil))?.sampled == nil)
            }
        }
        let replays = (0..<9).map { _ in sampling.line(of: report(.replayed))?.sampled }
        #expect(replays == [3, nil, nil, 3, nil, nil, 3, nil, nil])
    }

    @Test func `by default each has its line, which says nothing of it`() {
        let sampling = LogSampling(AccessLogConfiguration())
        for _ in 0..<5 {
            #expect(sampling.line(of: report(.rejected, .rateLimited)).map { $0.sampled == nil } == true)
            #expect(sampling.line(of: report(.replayed)).map { $0.sampled == nil } == true)
        }
    }

    @Test(arguments: [0, -1, 1_000_001]) func `a number out of its range is refused`(number: Int) {
        var configuration = AccessLogConfiguration()
        configuration.rejections = number
        #expect(throws: ConfigurationError.self) { try configuration.validate() }
        configuration = AccessLogConfiguration()
        configuration.replays = number
        #expect(throws: ConfigurationError.self) { try configuration.validate() }
        configuration = AccessLogConfiguration()
        configuration.rejectionsPerSecond = number
        #expect(throws: ConfigurationError.self) { try configuration.validate() }
    }

    /// The lines of what a gateway was asked.
    private func lines(
        to service: TestService, configure: (inout GatewayConfiguration) -> Void = { _ in },
        _ ask: (RunningGateway) async throws -> Void
    ) async throws -> [[String: Any]] {
        let path = FileManager.default.temporaryDirectory.appending(path: "holdfast-lines-\(UUID()).log").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let log = { (configuration: inout GatewayConfiguration) in
            configuration.accessLog = AccessLogConfiguration()
            configuration.accessLog?.path = path
            configure(&configuration)
        }
        try await withGateway(to: service, configure: log) { try await ask($0) }
        let text = try String(contentsOfFile: path, encoding: .utf8)
        return try text.split(separator: "\n").map { try object(Array($0.utf8)) }
    }

    @Test func `a line says whom the client asked, which endpoint answered, and how many bytes the answer had`()
        async throws
    {
        let service = try await TestService.start { _, _ in .ok("charged") }
        var endpoint = ""
        let told = try await lines(to: service) { gateway in
            endpoint = "127.0.0.1:\(service.port)"
            _ = try await TestClient.send(.GET, "/", to: gateway.port, headers: ["host": "shop.example:8443"])
            _ = try await gateway.post(key: "k")
            let replay = try await gateway.post(key: "k")
            #expect(replay.isReplay && replay.body.count == 7)
            let reused = try await gateway.post(key: "k", "another")
            #expect(reused.problem == "key-reused")
            #expect(reused.headers.first(name: "content-length") == "\(reused.body.count)")
            _ = try await TestClient.send(.HEAD, "/", to: gateway.port)
        }
        #expect(told.map { $0["outcome"] as? String } == ["served", "served", "replayed", "rejected", "served"])
        #expect(told[0]["host"] as? String == "shop.example:8443")
        // What went nowhere names no endpoint.
        #expect(told.map { $0["endpoint"] as? String } == [endpoint, endpoint, nil, nil, endpoint])
        #expect(told.map { $0["bytesOut"] as? Int }.prefix(3) == [7, 7, 7])
        #expect((told[3]["bytesOut"] as? Int ?? 0) > 100 && told[4]["bytesOut"] as? Int == 0)
    }

    @Test func `a flood of rejections has few lines, and each is explained all the same`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        let told = try await lines(
            to: service,
            configure: {
                $0.accessLog?.rejections = 5
                $0.accessLog?.sample = 0
                $0.routes[0].rateLimit = .init(requests: 1)
            }
        ) { gateway in
            for _ in 0..<11 {
                let answer = try await gateway.get()
                if answer.status == 429 {
                    try await expectEqual(gateway.explained(answer)["problem"] as? String, "rate-limited")
                }
            }
        }
        #expect(told.map { $0["sampled"] as? Int } == [5, 5])
    }

    @Test(arguments: ["/a%22b", "/%E2%80%A8", "/a%20b=c", "/%1B", "/%0d%0aTime=1", "/a\u{2028}b", "/a b", "/\"{}"])
    func `a path makes no second line, and no other member`(path: String) async throws {
        let service = try await TestService.start { _, _ in .ok() }
        let told = try await lines(to: service) { gateway in
            _ = try? await TestClient.send(.GET, path, to: gateway.port, headers: ["x-request-id": "a\" level=b"])
            _ = try await gateway.get("/last")
        }
        // What cannot be read has no line.
        #expect((1...2).contains(told.count) && told.last?["path"] as? String == "/last")
    }
}
#endif
