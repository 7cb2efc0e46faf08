#if Gateway
import HoldfastGateway
import Logging

/// Why a gateway did not start, or ended: told in the form that its log has, so that whoever collects it reads the last
/// line as he reads the others.
struct FailedGateway: Error {
    let reason: any Error
    let format: LogFormat

    init(_ reason: any Error, logging format: LogFormat) { (self.reason, self.format) = (reason, format) }
}

extension LogFormat {
    /// What the command line asks for, where it cannot be read as a whole; nil for plain lines.
    ///
    /// - Parameter arguments: With the command's own name in front.
    init?(asked arguments: [String]) {
        guard arguments.dropFirst().first == "gateway" else { return nil }
        let option = "--log-format"
        let apart = arguments.lastIndex(of: option).map { arguments.index(after: $0) }
        let values =
            [apart.flatMap { arguments.indices.contains($0) ? arguments[$0] : nil }]
            + arguments.map { $0.hasPrefix("\(option)=") ? String($0.dropFirst(option.count + 1)) : nil }
        guard let format = values.lazy.compactMap({ $0.flatMap(LogFormat.init(rawValue:)) }).first else { return nil }
        self = format
    }
}

/// Where a gateway is, said on the standard output when it serves.
struct Greeting {
    private let places: [(name: String, url: String)]
    private let format: LogFormat

    init(_ gateway: Gateway, _ configuration: GatewayConfiguration) {
        format = configuration.logFormat
        places =
            zip(gateway.addresses, configuration.listeners).map { address, listener in
                ("gateway", "\(listener.tls == nil ? "http" : "https")://\(address)")
            } + [("control plane", "http://\(gateway.adminAddress)")]
    }

    func say() {
        switch format {
        case .text:
            for (name, url) in places { HoldfastCommands.say("\(name):".padded(to: 15) + url) }
        case .json:
            // Both outputs of a container are often one, and the access log may be the standard output.
            let gateways = places.dropLast().map { Logger.MetadataValue.string($0.url) }
            Logger(label: "holdfast") { _ in GatewayLogHandler(.json, to: .standardOutput) }.notice(
                "serving",
                metadata: ["gateway": .array(gateways), "controlPlane": "\(places.last?.url ?? "")"])
        }
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
#endif
