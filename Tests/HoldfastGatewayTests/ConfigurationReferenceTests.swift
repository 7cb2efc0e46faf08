#if Gateway
import Foundation
import Testing

@testable import HoldfastGateway

@Suite struct ConfigurationReferenceTests {
    /// What is given besides an option, so that it means something.
    private static let companions: [String: [String: String]] = [
        "admin.address": ["tokenFile": "secrets/admin-token"],
        "listeners[].trustedFields": ["trusted": "[10.0.0.0/8]"],
        "listeners[].proxyProtocol": ["trusted": "[10.0.0.0/8]"],
        "listeners[].tls.clients.trust": ["verify": "required"],
        "listeners[].tls.clients.verify=required": ["trust": "secrets/certificate.pem"],
        "listeners[].tls.clients.verify=optional": ["trust": "secrets/certificate.pem"],
        "services.NAME.tls.certificate": ["key": "secrets/key.pem"],
        "services.NAME.tls.key": ["certificate": "secrets/certificate.pem"],
        "routes[].adaptiveLimit.algorithm=aimd": ["threshold": "1ms"],
        "routes[].adaptiveLimit.initial": ["maximum": "1000000"],
        "routes[].adaptiveLimit.maximum": ["initial": "1"],
        "routes[].adaptiveLimit.minimum": ["initial": "1000000", "maximum": "1000000"],
        "routes[].adaptiveLimit.threshold": ["algorithm": "aimd"],
        "routes[].retry.backoff.cap": ["from": "0s"],
        "routes[].retry.backoff.from": ["cap": "1h"],
        "routes[].retry.backoff.step": ["kind": "linear"],
        "routes[].callerName": ["routes[].caller": "field x-tenant"],
        "routes[].idempotency.unknown=probe": ["probe": "{path: \"/{key}\"}"],
        "routes[].idempotency.probe.path": probed, "routes[].idempotency.probe.replayAnswer": probed,
        "routes[].idempotency.probe.status": probed, "routes[].idempotency.probe.settle": probed,
        "services.NAME.breaker.cooldown.factor": ["cap": "1h"],
        "services.NAME.serviceBreaker.cooldown.factor": ["cap": "1h"],
    ]

    private static let probed = ["routes[].idempotency.unknown": "probe"]

    /// Values of the kinds that have no range to take one from.
    private static func values(of option: OptionReference) -> [String] {
        switch option.path {
        case "routes[].service": return ["NAME"]
        case "routes[].idempotency.probe.path": return ["\"/{key}\""]
        case "services.NAME.endpoints": return ["[http://127.0.0.1:80]"]
        case "routes[].match.methods": return ["[GET, POST]"]
        case "routes[].match.fields": return ["{x-tier: gold, x-debug: }"]
        case "routes[].caller": return ["address", "field x-tenant x-api-key"]
        case "routes[].callerName": return ["[X-Tenant]"]
        case "routes[].caller.jwt.keys": return ["secrets/jwks.json", "secrets/certificate.pem"]
        case "routes[].caller.jwt.claims": return ["[client_id, sub]"]
        case "routes[].caller.jwt.algorithms": return ["[ES256, EdDSA]"]
        case "routes[].caller.jwt.issuer", "routes[].caller.jwt.audience": return ["https://issuer.example"]
        case "routes[].caller.jwt.field": return ["x-assertion"]
        case "routes[].retry.statuses": return ["[400, 599]"]
        case "listeners[].trusted", "listeners[].lineageFrom": return ["[10.0.0.0/8, \"2001:db8::/32\", \"::1\"]"]
        case "routes[].idempotency.methods": return ["[PUT, DELETE]"]
        case "routes[].idempotency.keptStatuses": return ["[200, 599]"]
        case "routes[].idempotency.releasedStatuses": return ["[300, 599]"]
        case "routes[].idempotency.replayFields": return ["[x-shop]"]
        case "routes[].idempotency.fingerprintFields", "routes[].idempotency.scopeFields": return ["[Stripe-Account]"]
        case "services.NAME.tls.trust", "services.NAME.tls.certificate", "listeners[].tls.certificate",
            "listeners[].tls.clients.trust":
            return ["secrets/certificate.pem"]
        case "listeners[].tls.key", "services.NAME.tls.key": return ["secrets/key.pem"]
        case "admin.tokenFile": return ["secrets/admin-token"]
        case "store.locationFile": return ["secrets/store"]
        case "store.encryptionKeys[].file": return ["secrets/outcomes-1"]
        case "store.encryptionKeys[].number": return ["0", "4294967295"]
        default: break
        }
        switch option.kind {
        case "duration", "number", "size", "share", "duration or section":
            return option.range.components(separatedBy: " to ")
        case "choice": return option.range.components(separatedBy: ", ")
        case "choice or section": return ["off"]
        case "flag": return ["true", "false"]
        case "address": return ["127.0.0.1:0"]
        case "location": return ["memory"]
        case "path": return ["/tmp/x"]
        case "range": return ["16", "16-64"]
        case "text": return ["address", "certificate", "field x-tenant x-api-key"]
        case "name": return ["name"]
        default: return []
        }
    }

    /// A file with nothing in it but one option, and what that and its sections need.
    private func text(of option: OptionReference, value: String, among reference: [OptionReference]) -> String {
        var wanted: [String: String] = [:]
        for path in ["services.NAME.endpoints", "routes[].name", "routes[].service"] {
            wanted[path] = Self.values(of: reference.first { $0.path == path } ?? option).first
        }
        var section = option.section
        while !section.isEmpty {
            for other in reference where other.section == section && other.initial == "required" {
                wanted[other.path] = Self.values(of: other).first
            }
            section = section.lastIndex(of: ".").map { String(section[..<$0]) } ?? ""
        }
        let companions = Self.companions[option.path] ?? Self.companions["\(option.path)=\(value)"] ?? [:]
        for (name, companion) in companions {
            wanted[name.hasPrefix("routes[]") ? name : "\(option.section).\(name)"] = companion
        }
        wanted[option.path] = value
        var tree = Tree()
        for (path, value) in wanted { tree.set(path.split(separator: ".")[...], value) }
        return tree.text
    }

    private struct Tree {
        var value: String?
        var children: [Substring: Tree] = [:]

        mutating func set(_ path: ArraySlice<Substring>, _ value: String) {
            guard let first = path.first else {
                self.value = value
                return
            }
            children[first, default: Tree()].set(path.dropFirst(), value)
        }

        var text: String {
            if let value { return value }
            let parts = children.sorted { $0.key < $1.key }.map { name, child in
                name.hasSuffix("[]") ? "\(name.dropLast(2)): [\(child.text)]" : "\(name): \(child.text)"
            }
            return "{\(parts.joined(separator: ", "))}"
        }
    }

    @Test func `every option of the reference is read at both ends of its range`() async throws {
        let folder = try ConfigurationFolder()
        defer { folder.remove() }
        try await folder.writeSecrets()
        let reference = ConfigurationFile.reference
        #expect(reference.count > 120)
        var given: Set<String> = []
        for option in reference {
            for value in Self.values(of: option) {
                let text = text(of: option, value: value, among: reference)
                do throws(ConfigurationMistakes) {
                    given.formUnion(try folder.read(text).given)
                } catch {
                    Issue.record("\(option.path): \(value): \(error)")
                }
            }
        }
        let never = reference.map(\.path).filter { !given.contains($0) }
        #expect(never.isEmpty, "no value was found for \(never)")
    }

    @Test func `what is read is what is described`() async throws {
        let known = Set(ConfigurationFile.reference.map(\.path))
        let folder = try ConfigurationFolder()
        defer { folder.remove() }
        try await folder.writeSecrets()
        let example = try folder.read(Self.example())
        #expect(example.given.subtracting(known).isEmpty)
        #expect(example.given.count > 50)
        #expect(example.warnings.isEmpty, "\(example.warnings)")
    }

    @Test func `every key of the example is in the reference`() throws {
        let names = Set(ConfigurationFile.reference.map(\.name)).union(["payments"])
        let keys = try Self.example().matches(of: /(?m)^ *(?:- )?([A-Za-z]+):(?: |$)/).map { String($0.1) }
        #expect(keys.count > 80)
        #expect(Set(keys).subtracting(names).isEmpty)
    }

    @Test func `the reference has a row for each option`() {
        let text = ConfigurationFile.referenceText
        for option in ConfigurationFile.reference {
            #expect(text.contains("| `\(option.name)` | \(option.kind)"))
            #expect(!option.meaning.isEmpty && !option.initial.isEmpty, "\(option.path)")
        }
        #expect(text.contains("| `deadline` | duration | 1ms to 1h | 30s |"))
        #expect(text.contains("## `services.NAME.breaker.cooldown`"))
    }

    static func example() throws -> String {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return try String(contentsOf: root.appending(path: "Examples/payments.yaml"), encoding: .utf8)
    }
}
#endif
