#if Gateway
import Foundation

/// The dashboard's file, as Grafana reads it.
struct Dashboard {
    let document: [String: Any]

    static func read() throws -> Dashboard {
        var root = URL(filePath: #filePath)
        for _ in 0..<4 { root.deleteLastPathComponent() }
        let data = try Data(contentsOf: root.appending(path: "Deployment/grafana-dashboard.json"))
        return Dashboard(document: try object(Array(data)))
    }

    var panels: [[String: Any]] { document["panels"] as? [[String: Any]] ?? [] }

    var variables: [[String: Any]] {
        (document["templating"] as? [String: Any])?["list"] as? [[String: Any]] ?? []
    }

    var annotations: [[String: Any]] {
        (document["annotations"] as? [String: Any])?["list"] as? [[String: Any]] ?? []
    }

    /// Every expression that Prometheus is asked.
    var expressions: [String] {
        let targets = panels.flatMap { $0["targets"] as? [[String: Any]] ?? [] }
        return (targets + annotations).compactMap { $0["expr"] as? String }
    }

    /// What the variables' values are looked up in.
    var definitions: [String] { variables.compactMap { $0["definition"] as? String } }

    /// An expression with its variables replaced, as Grafana does it.
    static func resolved(_ expression: String) -> String {
        expression.replacing("$__rate_interval", with: "1m").replacing(/\$\w+/, with: ".*")
    }
}
#endif
