#if Gateway
import Foundation
import Holdfast
import TestSupport
import Testing

@testable import HoldfastGateway

/// Values of the configuration file that name variables of the environment.
@Suite struct ConfigurationVariablesTests {
    private static let environment = [
        "HOST": "127.0.0.1", "PORT": "3000", "COUNT": "4", "TIME": "250ms", "SIZE": "2MiB", "SHARE": "20%",
        "ON": "true",
        "EMPTY": "", "TEXT": "two words", "ODD": "${HOST} $${ }\n: #", "_x1": "y", "WORD": "hush", "NAME": "payments",
        "URL": "postgres://ada:hush@127.0.0.1/keys", "LONG": String(repeating: "x", count: 64 << 10),
    ]

    private func read(_ text: String) throws(ConfigurationMistakes) -> ConfigurationFile {
        try ConfigurationFile(Array(text.utf8), path: "holdfast.yaml", environment: Self.environment)
    }

    private func mistakes(_ text: String) -> [String] {
        do throws(ConfigurationMistakes) {
            _ = try read(text)
            return []
        } catch {
            return error.all.map(\.description)
        }
    }

    @Test func `texts, numbers, durations, sizes, shares and flags come from the environment`() throws {
        let file = try read(
            """
            threads: ${COUNT}
            limits: {connections: "${COUNT}000", keptBytes: "${SIZE}", drainTimeout: "${TIME}"}
            accessLog: {sample: "${SHARE}", path: "${UNSET:-access.log}"}
            services:
              payments:
                endpoints: ["http://${HOST}:${PORT}", "http://${HOST}:${UNSET:-3001}"]
                via: ${ON}
            routes:
              - name: a.${NAME}
                service: ${NAME}
                retry:
                  attempts: ${COUNT}
            """)
        let configuration = file.configuration
        #expect(configuration.threads == 4 && configuration.keptBytes == 2 << 20)
        #expect(configuration.connections == 4_000 && configuration.drainTimeout == .milliseconds(250))
        #expect(configuration.accessLog?.sample == 0.2 && configuration.accessLog?.path == "access.log")
        #expect(configuration.services[0].endpoints.map { "\($0.address)" } == ["127.0.0.1:3000", "127.0.0.1:3001"])
        #expect(configuration.services[0].via && configuration.routes[0].retry.attempts == 4)
        #expect(configuration.routes[0].name == "a.payments" && configuration.routes[0].service == "payments")
    }

    @Test(arguments: [
        ("plain", "plain"), ("$", "$"), ("$5", "$5"), ("$NAME", "$NAME"), ("a$", "a$"), ("$$", "$$"), ("{a}", "{a}"),
        ("$${NAME}", "${NAME}"), ("a$${", "a${"), ("$$${NAME}", "$${NAME}"), ("${NAME}", "payments"),
        ("<${NAME}>", "<payments>"), ("${NAME}${COUNT}", "payments4"), ("${_x1}", "y"), ("${EMPTY}", ""),
        ("${EMPTY:-d}", "d"), ("${UNSET:-}", ""), ("${UNSET:-a:-b c$d}", "a:-b c$d"), ("${NAME:-d}", "payments"),
        // What a variable holds is no reference.
        ("${ODD}", "${HOST} $${ }\n: #"), ("é${NAME}é", "épaymentsé"),
    ])
    func `a reference is what its variable holds, and nothing else is one`(text: String, expected: String) throws {
        try expectEqual(VariableText(text)?.value(in: Self.environment) ?? text, expected)
    }

    @Test(arguments: [
        ("${}", 0), ("a${", 1), ("${NAME", 0), ("${ NAME}", 0), ("${NAME }", 0), ("${1A}", 0), ("${NA-ME}", 0),
        ("${NAME:d}", 0), ("${NAME-d}", 0), ("${NAME:+d}", 0), ("${NAME}${:-x}", 7), ("${é}", 0), ("${NAME:-${HOST", 0),
        ("${NAME:-${HOST}}", 0),
        ("x ${UNSET}", 2), ("${UNSET_2}", 0),
    ])
    func `what is no reference, and a variable that is not there, are told at their place`(text: String, offset: Int) {
        let fault = #expect(throws: VariableText.Fault.self) { try VariableText(text)?.value(in: Self.environment) }
        #expect(fault?.offset == offset)
        // At the option, in the file.
        let found = mistakes("threads: \(text)\n" + ConfigurationFolder.least)
        #expect(found.count == 1 && found[0].hasPrefix("holdfast.yaml:1:\(10 + offset): threads "), "\(found)")
    }

    @Test func `what is missing is named, and how to do without`() {
        let found = mistakes(ConfigurationFolder.least + "    deadline: ${DEADLINE}\n")
        #expect(
            found == [
                "holdfast.yaml:7:15: routes[0].deadline needs the variable DEADLINE, which the environment does not have: set it, or write ${DEADLINE:-default}"
            ])
    }

    @Test func `a wrong value is told by its variable, and never by what that holds`() {
        var found = mistakes("threads: ${WORD}\n" + ConfigurationFolder.least + "    deadline: ${WORD}\n")
        #expect(found.count == 2 && !found.joined().contains("hush"), "\(found)")
        #expect(
            found.first
                == "holdfast.yaml:1:10: threads is ${WORD}, whose value must be a whole number from 1 to 1024")
        found = mistakes(
            "store: {location: \"${WORD}\"}\nadmin: {tokenFile: \"${WORD}\"}\n" + ConfigurationFolder.least)
        #expect(found.count == 2 && !found.joined().contains("hush"), "\(found)")
        found = mistakes("threads: ${LONG}${LONG}\n" + ConfigurationFolder.least)
        #expect(found.count == 1 && found[0].utf8.count < 300)
    }

    @Test func `names of options and of services are what they are`() {
        let found = mistakes("\"${NAME}\": 4\n" + ConfigurationFolder.least)
        #expect(found.count == 1 && found[0].contains("has no option ${NAME}"), "\(found)")
        let services = mistakes(
            "services: {\"${NAME}\": {endpoints: [http://a]}}\nroutes: [{name: a, service: payments}]\n")
        #expect(services.count == 2 && services.allSatisfy { $0.contains("${NAME}") }, "\(services)")
    }

    @Test func `within brackets a reference needs quotes, and that is said`() {
        let found = mistakes("services:\n  payments:\n    endpoints: [${URL}]\n")
        #expect(found == [#"holdfast.yaml:3:17: a variable within '[' and ']' must be in quotes: "${NAME}""#])
    }

    @Test func `a password from the environment does not stand in the file`() throws {
        let folder = try ConfigurationFolder()
        defer { folder.remove() }
        let path = folder.path("holdfast.yaml")
        func faults(_ location: String) throws -> [String] {
            try folder.write("store: {location: \"\(location)\"}\n" + ConfigurationFolder.least)
            try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
            do throws(ConfigurationMistakes) {
                _ = try ConfigurationFile(path: path, environment: Self.environment)
                return []
            } catch {
                return error.all.map(\.message)
            }
        }
        for location in ["${URL}", "postgres://ada:${WORD}@${HOST}/keys", "postgres://ada@${HOST}:${PORT}/keys"] {
            try expectEqual(faults(location), [])
        }
        for location in [
            "postgres://ada:hush@127.0.0.1/keys", "postgres://ada:hush@${HOST}:${PORT}/keys",
            "${UNSET:-postgres://ada:hush@127.0.0.1/keys}", "postgres://ada:h${WORD}@127.0.0.1/keys",
        ] {
            let found = try faults(location)
            #expect(
                found.count == 1 && found[0].contains("has a password in it") && !found[0].contains("hush"), "\(found)")
        }
    }
}
#endif
