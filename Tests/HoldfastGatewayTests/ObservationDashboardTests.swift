#if Gateway
import Foundation
import Testing

@testable import HoldfastGateway

@Suite struct ObservationDashboardTests {
    @Test func `every metric that the dashboard asks for is told by the gateway`() throws {
        var told: Set<String> = []
        for line in GatewayMetrics.text(try MetricsSnapshot.full()).split(separator: "\n") where !line.hasPrefix("#") {
            told.insert(String(line.prefix { $0 != "{" && $0 != " " }))
        }
        let dashboard = try Dashboard.read()
        let asked = (dashboard.expressions + dashboard.definitions).flatMap { expression in
            expression.matches(of: /\b(?:holdfast|process)_[a-z_]+/).map { String($0.output) }
        }
        #expect(asked.count > 40)
        for name in asked { #expect(told.contains(name), "\(name)") }
    }

    @Test func `every family but what Prometheus needs itself is on the dashboard`() throws {
        let dashboard = try Dashboard.read().document
        let text = String(decoding: try JSONSerialization.data(withJSONObject: dashboard), as: UTF8.self)
        let families = GatewayMetrics.text(try MetricsSnapshot.full()).matches(of: #/# TYPE (\w+) /#).map(\.output.1)
        for family in families where family != "process_virtual_memory_bytes" {
            #expect(text.contains(family), "\(family)")
        }
    }

    @Test func `the data source is a variable, and each panel uses it`() throws {
        let dashboard = try Dashboard.read()
        #expect(try #require(dashboard.document["schemaVersion"] as? Int) >= 39)
        let source = try #require(dashboard.variables.first { $0["name"] as? String == "datasource" })
        #expect(source["type"] as? String == "datasource")
        #expect(source["query"] as? String == "prometheus")
        func uses(_ holder: [String: Any]) -> Bool {
            (holder["datasource"] as? [String: String]) == ["type": "prometheus", "uid": "${datasource}"]
        }
        for panel in dashboard.panels where panel["type"] as? String != "row" {
            #expect(uses(panel))
            let targets = try #require(panel["targets"] as? [[String: Any]])
            #expect(!targets.isEmpty && targets.allSatisfy(uses))
            #expect(Set(targets.compactMap { $0["refId"] as? String }).count == targets.count)
        }
        for variable in dashboard.variables where variable["type"] as? String == "query" { #expect(uses(variable)) }
    }

    @Test func `panels have a place and a number of their own`() throws {
        let panels = try Dashboard.read().panels
        #expect(Set(panels.compactMap { $0["id"] as? Int }).count == panels.count)
        var taken: Set<[Int]> = []
        for panel in panels {
            let place = try #require(panel["gridPos"] as? [String: Int])
            let (x, y) = (try #require(place["x"]), try #require(place["y"]))
            let (width, height) = (try #require(place["w"]), try #require(place["h"]))
            #expect(x + width <= 24)
            for column in x..<x + width {
                for line in y..<y + height { #expect(taken.insert([column, line]).inserted) }
            }
        }
    }
}
#endif
