#if Gateway
import Holdfast
import HoldfastGateway
import NIOHTTP1
import TestSupport
import Testing

/// The page in the hands of different people, and for a long time.
extension ProcessTests {
    private static let tab = "\u{E004}"
    private static let enter = "\u{E007}"

    private func withBrowser(_ body: (Browser) async throws -> Void) async throws {
        let browser = try await Browser.start()
        do { try await body(browser) } catch {
            await browser.stop()
            throw error
        }
        await browser.stop()
    }

    /// Goes from one thing to the next, as somebody does who has no mouse.
    private func tabs(_ browser: Browser, to place: String) async throws {
        for _ in 0..<120 {
            if try await browser.text("return String(!!document.activeElement?.matches('\(place)'))") == "true" {
                return
            }
            try await browser.press(Self.tab)
        }
        Issue.record("nobody comes to \(place) by tabs")
    }

    @Test func `a key is found and settled with the keyboard alone, and the record says by whom and why`() async throws
    {
        let service = try await TestService.start { request, _ in request.uri == "/charges" ? .reset : .ok() }
        try await withGateway(to: service, configure: { $0.routes[0].retry.attempts = 1 }) { running in
            _ = try await running.post(key: "order-1")
            try await withBrowser { browser in
                try await browser.open("http://127.0.0.1:\(running.admin)/")
                try await browser.waits(
                    "document.querySelector('#troubles button')?.textContent.includes('1 key is unknown')")
                try await browser.waits("document.querySelector('#keys summary') !== null")
                try await tabs(browser, to: "#troubles button")
                try await browser.press(Self.enter)
                try await expectEqual(
                    browser.text("return String(document.getElementById('key-part').contains(document.activeElement))"),
                    "true")
                // What is closed says already which request it was, and when.
                let closed = try await browser.text("return document.querySelector('#keys summary').innerText") ?? ""
                for words in ["POST 127.0.0.1/charges", "by 127.0.0.1", "record "] {
                    #expect(closed.contains(words), "\(words): \(closed)")
                }
                #expect(closed.contains(/\d\d\/\d\d\/\d{4}, \d\d:\d\d:\d\d/), "\(closed)")
                try await tabs(browser, to: "#keys summary")
                try await browser.press(Self.enter)
                try await tabs(browser, to: "#keys .primary")
                try await browser.press(Self.enter)
                try await browser.waits("document.getElementById('ask').open")
                try await tabs(browser, to: "#ask input[type=radio]")
                try await browser.press(" ")
                try await tabs(browser, to: "#ask-by")
                try await browser.press("a", "d", "a")
                try await tabs(browser, to: "#ask-why")
                try await browser.press("s", "e", "e", "n")
                try await browser.press(Self.enter)
                // It says what will happen, and nothing has happened.
                try await browser.waits(
                    "document.getElementById('ask-said').textContent.includes('Nothing happened under')")
                try await browser.waits("document.getElementById('ask-yes').textContent === 'Settle it'")
                try await tabs(browser, to: "#ask-yes")
                try await browser.press(Self.enter)
                try await browser.waits("!document.getElementById('ask').open")
                try await browser.waits(
                    "document.getElementById('key-said').textContent.startsWith('Settled as released')")
                // The button is gone with its key, so the focus is at the list.
                try await browser.waits("document.getElementById('key-part').contains(document.activeElement)")
            }
            let keys = try await TestClient.send(.GET, "/api/keys?state=released", to: running.admin).text
            #expect(keys.contains(#""by":"ada""#) && keys.contains(#""why":"seen""#), "\(keys)")
        }
    }

    @Test func `a rejection leads to why, and a search leads to its rows`() async throws {
        let service = try await TestService.start { _, _ in .status(.internalServerError) }
        try await withGateway(
            to: service,
            configure: { configuration in
                configuration.services[0].breaker.trip = .consecutiveFailures(1)
                configuration.routes.append(configuration.routes[0])
                configuration.routes[1].name = "another"
            }
        ) { running in
            for _ in 0..<3 { _ = try await running.get("/held-off") }
            try await withBrowser { browser in
                try await browser.open("http://127.0.0.1:\(running.admin)/")
                try await browser.waits("document.querySelectorAll('#requests summary').length === 2")
                try await tabs(browser, to: "#requests summary")
                try await browser.press(Self.enter)
                try await browser.waits("document.querySelector('#requests .why')?.textContent.includes('is open')")
                try await browser.waits("document.querySelectorAll('#routes > li').length === 2")
                try await tabs(browser, to: "#find")
                try await browser.press("a", "n", "o", "t", "h", "e", "r")
                try await browser.waits("document.querySelectorAll('#routes > li').length === 1")
                try await browser.waits("document.querySelectorAll('#requests > li').length === 0")
            }
        }
    }

    /// Where the focus is: what the button says, or the element.
    private static let focused = """
        (document.activeElement.getAttribute('aria-label') ?? document.activeElement.tagName)
        """

    @Test(arguments: [1, 3])
    func `who leaves a dialog is where he was, or at what has taken its place`(endpoints: Int) async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(
            to: service,
            configure: { configuration in
                let first = configuration.services[0].endpoints[0].address
                for number in 1..<endpoints {
                    configuration.services[0].endpoints.append(
                        .init(address: .init(host: first.host, port: first.port + number)))
                }
            }
        ) { running in
            try await withBrowser { browser in
                try await browser.open("http://127.0.0.1:\(running.admin)/")
                try await browser.waits("document.body.classList.contains('orders-taken')")
                let place = endpoints == 1 ? "#breakers" : "#services .endpoint"
                if endpoints > 1 {
                    try await tabs(browser, to: "#services summary")
                    try await browser.press(Self.enter)
                }
                try await browser.waits("document.querySelector('\(place) .isolate')?.checkVisibility()")
                try await tabs(browser, to: "\(place) .isolate")
                // Called off: by the button, and by Escape.
                for leave in ["document.getElementById('ask-no').click(); return ''", nil] {
                    try await browser.press(Self.enter)
                    try await browser.waits("document.getElementById('ask').open")
                    if let leave { _ = try await browser.text(leave) } else { try await browser.press("\u{E00C}") }
                    try await browser.waits("!document.getElementById('ask').open")
                    try await browser.waits("\(Self.focused).startsWith('isolate the breaker of ')")
                }
                for (order, next) in [("isolate", "release"), ("release", "isolate")] {
                    try await browser.press(Self.enter)
                    try await browser.waits("document.getElementById('ask').open")
                    try await tabs(browser, to: "#ask-by")
                    try await browser.press("a")
                    try await tabs(browser, to: "#ask-why")
                    try await browser.press("b")
                    try await browser.press(Self.enter)
                    try await browser.waits("document.getElementById('ask-yes').textContent !== 'Review'")
                    try await tabs(browser, to: "#ask-yes")
                    try await browser.press(Self.enter)
                    try await browser.waits("!document.getElementById('ask').open")
                    // The button goes with what it did, and the focus to its neighbour.
                    try await browser.waits("!document.querySelector('\(place) .\(order)').checkVisibility()")
                    try await browser.waits("\(Self.focused).startsWith('\(next) the breaker of ')")
                }
            }
        }
    }

    @Test func `the list of rejections has what the number counts, and says what it has not`() async throws {
        let service = try await TestService.start { request, _ in request.uri == "/cut" ? .reset : .ok() }
        try await withGateway(
            to: service,
            configure: { configuration in
                configuration.routes[0].retry.attempts = 1
                configuration.routes[0].match.methods = ["GET"]
            }
        ) { running in
            _ = try await running.get("/cut")
            for _ in 0..<2 { _ = try await running.post(key: "no-route") }
            try await withBrowser { browser in
                try await browser.open("http://127.0.0.1:\(running.admin)/")
                try await browser.waits("document.querySelectorAll('#requests summary').length === 1")
                try await browser.waits(
                    "document.querySelector('#requests .problem').textContent === 'upstream-reset'")
                try await browser.waits(
                    "document.getElementById('request-said').textContent.startsWith('2 were refused before a route')")
            }
        }
    }

    @Test func `numbers that are not those of now are marked while the page reconnects`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withBrowser { browser in
            try await withGateway(to: service) { running in
                try await browser.open("http://127.0.0.1:\(running.admin)/")
                try await browser.waits("document.getElementById('link').textContent === 'live'")
                try await expectEqual(browser.text("return String(document.body.classList.contains('stale'))"), "false")
            }
            try await browser.waits("document.getElementById('link').textContent === 'reconnecting'")
            try await browser.waits(
                "document.getElementById('stale').textContent.startsWith('Reconnecting. The numbers are those of')")
            try await browser.waits(
                "document.body.classList.contains('stale') && document.getElementById('stale').checkVisibility()")
        }
    }

    @Test(arguments: [("light", 390), ("dark", 390), ("light", 1_280), ("dark", 2_560)])
    func `the page is readable, each thing on it has a name, and its height does not grow with routes`(
        scheme: String, width: Int
    ) async throws {
        try await withGateway(
            to: try await TestService.start { _, _ in .status(.internalServerError) },
            configure: { configuration in
                configuration.services[0].breaker.trip = .consecutiveFailures(1)
                for number in 1...30 {
                    configuration.services.append(configuration.services[0])
                    configuration.services[number].name = "service-\(number)"
                    configuration.routes.append(configuration.routes[0])
                    configuration.routes[number].name = "route-\(number)"
                }
            }
        ) { running in
            for _ in 0..<3 { _ = try await running.get() }
            try await withBrowser { browser in
                let media = ["features": [["name": "prefers-color-scheme", "value": scheme]]]
                _ = try await browser.order("Emulation.setEmulatedMedia", media)
                _ = try await browser.order(
                    "Emulation.setDeviceMetricsOverride",
                    ["width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false])
                try await browser.open("http://127.0.0.1:\(running.admin)/")
                try await browser.waits("document.querySelectorAll('#routes > li').length === 31")
                try await browser.waits("document.querySelectorAll('#requests summary').length > 0")
                for list in ["services", "routes", "requests"] {
                    try await browser.waits("(document.querySelector('#\(list) details').open = true)")
                }
                try await browser.waits("document.querySelector('#requests .why') !== null")
                try await expectEqual(browser.text(PageChecks.faults), "")
                let nodes = try #require(
                    try await browser.order("Accessibility.getFullAXTree")["nodes"] as? [[String: Any]])
                let named: Set = [
                    "button", "link", "searchbox", "textbox", "combobox", "image", "DisclosureTriangle", "region",
                    "table",
                ]
                var found: Set<String> = []
                for node in nodes where node["ignored"] as? Bool != true {
                    guard let role = (node["role"] as? [String: Any])?["value"] as? String, named.contains(role) else {
                        continue
                    }
                    found.insert(role)
                    #expect(((node["name"] as? [String: Any])?["value"] as? String)?.isEmpty == false, "\(node)")
                }
                #expect(
                    found.isSuperset(of: ["button", "searchbox", "region", "DisclosureTriangle", "table"]), "\(found)")
                let wide = "return String(document.documentElement.scrollWidth <= window.innerWidth)"
                try await expectEqual(browser.text(wide), "true")
                // With one route and one service, it is as high as two rows less.
                let high = "return String(document.documentElement.scrollHeight < \(width < 720 ? 3_600 : 2_400))"
                try await expectEqual(browser.text(high), "true")
            }
        }
    }

    @Test func `a long time of changes leaves the page as large as it was`() async throws {
        try await withControlPlane { plane in
            try await withBrowser { browser in
                _ = try await browser.order("Page.addScriptToEvaluateOnNewDocument", ["source": PageChecks.standIn])
                try await browser.open("http://127.0.0.1:\(plane.port)/")
                try await browser.waits("window.told !== undefined")
                func measure(_ seconds: Range<Int>) async throws -> (elements: String?, bytes: Double) {
                    var elements: String?
                    for start in stride(from: seconds.lowerBound, to: seconds.upperBound, by: 200) {
                        elements = try await browser.runs(PageChecks.passes(start..<start + 200))
                    }
                    _ = try await browser.order("HeapProfiler.collectGarbage")
                    let usage = try await browser.order("Runtime.getHeapUsage")
                    return (elements, usage["usedSize"] as? Double ?? 0)
                }
                // Ten minutes fill what is bounded by them.
                let before = try await measure(0..<400)
                let after = try await measure(400..<1_600)
                #expect(Int(before.elements ?? "") != nil && before.elements == after.elements)
                #expect(after.bytes < before.bytes + 500_000, "\(before.bytes) then \(after.bytes)")
            }
        }
    }
}
#endif
