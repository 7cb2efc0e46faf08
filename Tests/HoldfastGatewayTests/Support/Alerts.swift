#if Gateway
import Foundation

/// The alerts that are shipped, as Prometheus reads them.
struct Alerts {
    let text: String

    private static let root: URL = {
        var root = URL(filePath: #filePath)
        for _ in 0..<4 { root.deleteLastPathComponent() }
        return root
    }()

    static func read() throws -> Alerts {
        Alerts(text: try String(contentsOf: root.appending(path: "Deployment/alerts.yml"), encoding: .utf8))
    }

    /// The guide that the alerts lead to.
    static func guide() throws -> String {
        try String(contentsOf: root.appending(path: "Documentation/Operating.md"), encoding: .utf8)
    }

    var names: [String] { text.matches(of: /- alert: (\w+)/).map { String($0.output.1) } }

    /// The same without waiting, for a test that has no quarter of an hour.
    var atOnce: String { text.replacing(/for: \w+\n/, with: "for: 0s\n") }

    /// What each asks Prometheus, with what is said of the alert left out.
    var expressions: [String] {
        text.split(separator: "- alert: ").dropFirst().map { alert in
            let start = alert.firstRange(of: "expr: ")?.upperBound ?? alert.startIndex
            let end = alert.firstRange(of: "        for: ")?.lowerBound ?? alert.endIndex
            return String(alert[start..<end])
        }
    }
}
#endif
