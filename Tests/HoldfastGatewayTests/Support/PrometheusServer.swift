#if Gateway
import Foundation
import NIOHTTP1
import TestSupport

/// A Prometheus of a test's own, in a folder and on a port of its own. It ends with the process that tests.
struct PrometheusServer {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    let port: Int
    private let folder: String

    /// Starts a server, and returns when it has scraped each target.
    ///
    /// - Parameters:
    ///   - absent: Targets that nobody will answer for.
    ///   - rules: A file of rules, which are looked at each second.
    static func start(
        scraping targets: [String: Int], absent: [String: Int] = [:], rules: String? = nil
    ) async throws -> PrometheusServer {
        let folder = "/tmp/holdfast-prometheus-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        var configuration = "global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\n"
        if let rules {
            try rules.write(toFile: "\(folder)/rules.yml", atomically: true, encoding: .utf8)
            configuration += "rule_files: [\(folder)/rules.yml]\n"
        }
        configuration += "scrape_configs:\n"
        for (job, port) in targets.merging(absent, uniquingKeysWith: { $1 }) {
            configuration += "- {job_name: \(job), static_configs: [{targets: ['127.0.0.1:\(port)']}]}\n"
        }
        try configuration.write(toFile: "\(folder)/prometheus.yml", atomically: true, encoding: .utf8)
        var last: (any Error)?
        // Another may take the port before the server does.
        for _ in 0..<5 {
            let server = PrometheusServer(port: Int.random(in: 20_000...30_000), folder: folder)
            do {
                try await Shell.run(
                    "! (echo > /dev/tcp/127.0.0.1/\(server.port)) && (setsid prometheus "
                        + "--config.file=\(folder)/prometheus.yml --storage.tsdb.path=\(folder)/data "
                        + "--web.listen-address=127.0.0.1:\(server.port) > \(folder)/log 2>&1 & echo $! > \(folder)/pid)"
                )
                try await Shell.untilListening(server.port)
                try await Shell.whenThisEnds("kill -9 $(cat \(folder)/pid); rm -rf \(folder)")
                try await server.until("count(up == 1) == \(targets.count)")
                return server
            } catch { last = error }
        }
        throw last ?? Failure(description: "no server")
    }

    func stop() async throws { try await Shell.run("kill -9 $(cat \(folder)/pid)") }

    /// What an instant query answers: one pair of labels and value for each series.
    func query(_ expression: String) async throws -> [(labels: [String: String], value: Double)] {
        let allowed = CharacterSet.alphanumerics
        let encoded = expression.addingPercentEncoding(withAllowedCharacters: allowed) ?? ""
        let answer = try await TestClient.send(.GET, "/api/v1/query?query=\(encoded)", to: port)
        let response = try object(answer.body)
        guard response["status"] as? String == "success" else {
            throw Failure(description: "'\(expression)': \(answer.text)")
        }
        let series = (response["data"] as? [String: Any])?["result"] as? [[String: Any]] ?? []
        return series.compactMap { series in
            guard let labels = series["metric"] as? [String: String], let pair = series["value"] as? [Any],
                let text = pair.last as? String, let value = Double(text)
            else { return nil }
            return (labels, value)
        }
    }

    /// The value of an expression that has one. On a busy machine a scrape may be missed, and has none until the next.
    func value(_ expression: String) async throws -> Double? {
        for _ in 0..<300 {
            if let value = try await query(expression).first?.value { return value }
            try await Shell.run("sleep 0.1")
        }
        return nil
    }

    /// Waits for a condition, which nobody tells of.
    private func until(_ condition: String) async throws {
        try await Shell.run(
            "for try in $(seq 300); do promtool query instant http://127.0.0.1:\(port) '\(condition)' | grep -q '=>' "
                + "&& exit 0; sleep 0.1; done; exit 1")
    }
}
#endif
