#if Gateway
import Foundation
import NIOHTTP1
import TestSupport
import Testing

/// A headless browser and its driver, on a port of their own.
struct Browser {
    private let driver: Process
    private let port: Int
    private let session: String

    /// Starts a driver; nil if it ends before it listens.
    private static func launch() throws -> (driver: Process, port: Int)? {
        let driver = Process()
        driver.executableURL = URL(filePath: "/usr/bin/env")
        driver.arguments = ["chromedriver", "--port=0"]
        let output = Pipe()
        driver.standardOutput = output
        driver.standardError = FileHandle.nullDevice
        try driver.run()
        var text = ""
        while true {
            let data = output.fileHandleForReading.availableData
            if data.isEmpty { return nil }
            text += String(decoding: data, as: UTF8.self)
            if let found = text.firstMatch(of: /successfully on port (\d+)/).flatMap({ Int($0.1) }) {
                return (driver, found)
            }
        }
    }

    static func start() async throws -> Browser {
        // It looks for a port that is free for both of IP's versions, and ends if another takes it meanwhile.
        var launched: (driver: Process, port: Int)?
        for _ in 0..<5 where launched == nil { launched = try await offPool { try launch() } }
        guard let (driver, port) = launched else {
            throw HoldfastProcess.Ended(status: -1, output: "chromedriver found no port")
        }
        let switches = [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=390,844",
        ]
        let capabilities: [String: Any] = [
            "capabilities": [
                "alwaysMatch": ["goog:chromeOptions": ["args": switches], "timeouts": ["script": 20_000]]
            ]
        ]
        let value = try await send(.POST, "/session", capabilities, port: port) as? [String: Any]
        return Browser(driver: driver, port: port, session: try #require(value?["sessionId"] as? String))
    }

    func open(_ url: String) async throws { _ = try await command("url", ["url": url]) }

    func text(_ script: String) async throws -> String? {
        try await command("execute/sync", ["script": script, "args": [String]()]) as? String
    }

    func click(_ id: String) async throws {
        _ = try await command(
            "execute/sync", ["script": "document.getElementById(arguments[0]).click()", "args": [id]])
    }

    /// Puts text into a field, and submits its form.
    func type(_ text: String, into id: String) async throws {
        let script = """
            const field = document.getElementById(arguments[0]);
            field.value = arguments[1];
            field.form.requestSubmit();
            """
        _ = try await command("execute/sync", ["script": script, "args": [id, text]])
    }

    /// Presses keys, one after the other, as a person does who has no mouse: a character, or the code that WebDriver has for
    /// a key.
    func press(_ keys: String...) async throws {
        let actions = keys.flatMap { [["type": "keyDown", "value": $0], ["type": "keyUp", "value": $0]] }
        let source: [String: Any] = ["type": "key", "id": "keyboard", "actions": actions]
        _ = try await command("actions", ["actions": [source]])
    }

    /// Gives the browser an order of its own protocol.
    func order(_ method: String, _ parameters: [String: Any] = [:]) async throws -> [String: Any] {
        try await command("goog/cdp/execute", ["cmd": method, "params": parameters]) as? [String: Any] ?? [:]
    }

    /// Returns when a script's answer is this one, whatever page is there meanwhile.
    func becomes(_ script: String, _ expected: String) async throws {
        for _ in 0..<2_000 where try await text(script) != expected {}
        try await expectEqual(text(script), expected)
    }

    /// Returns when a condition holds on the page. The page's own changes are what it waits for.
    func waits(_ condition: String) async throws {
        let script = """
            const done = arguments[arguments.length - 1];
            const holds = () => { if (\(condition)) { observer?.disconnect(); done('held'); return true; } return false; };
            const observer = new MutationObserver(holds);
            if (!holds()) observer.observe(document, {subtree: true, childList: true, attributes: true, characterData: true});
            """
        let held = try await command("execute/async", ["script": script, "args": [String]()]) as? String
        #expect(held == "held", "\(condition)")
    }

    /// Runs a script that takes its time; its last argument is to be called when it is done.
    func runs(_ script: String) async throws -> String? {
        try await command("execute/async", ["script": script, "args": [String]()]) as? String
    }

    func stop() async {
        _ = try? await Self.send(.DELETE, "/session/\(session)", nil, port: port)
        // A child of a dispatch thread has SIGTERM blocked.
        kill(driver.processIdentifier, SIGKILL)
        await offPool { driver.waitUntilExit() }
    }

    private func command(_ name: String, _ body: [String: Any]) async throws -> Any? {
        try await Self.send(.POST, "/session/\(session)/\(name)", body, port: port)
    }

    private static func send(
        _ method: HTTPMethod, _ path: String, _ body: [String: Any]?, port: Int
    ) async throws -> Any? {
        let bytes = try body.map { Array(try JSONSerialization.data(withJSONObject: $0)) } ?? []
        let answer = try await TestClient.send(
            method, path, to: port, headers: ["content-type": "application/json"], body: bytes)
        #expect(answer.status == 200, "\(answer.text)")
        return (try JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any])?["value"]
    }
}
#endif
