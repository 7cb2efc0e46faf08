#if Gateway
import HoldfastGateway
import NIOHTTP1
import TestSupport
import Testing

/// The page in a real browser: Debian's Chromium, driven over WebDriver.
/// It runs in turn with the tests of processes: a child would inherit another's pipes, and keep them open.
extension ProcessTests {
    @Test func `on the page the breaker is seen to open after fail and to close after heal`() async throws {
        let demo = try await HoldfastProcess.start(["demo", "--store", "memory"])
        let browser: Browser
        do { browser = try await Browser.start() } catch {
            await demo.kill9()
            throw error
        }
        do {
            try await browser.open("http://127.0.0.1:\(demo.admin)/")
            try await expectEqual(browser.text("return document.title"), "Holdfast gateway")
            try await browser.waits("document.body.innerText.includes('Run the breaker')")
            try await browser.waits("document.querySelector('[data-breaker] .state')?.textContent === 'closed'")
            try await browser.click("demo-fail")
            try await browser.waits("document.getElementById('demo-fail').getAttribute('aria-pressed') === 'true'")
            try await browser.click("demo-traffic")
            try await browser.waits("document.querySelector('[data-breaker]')?.dataset.state === 'open'")
            try await browser.waits("document.querySelector('#log li[data-to=open]') !== null")
            try await browser.click("demo-heal")
            try await browser.waits(
                "document.querySelector('[data-breaker] .cool')?.textContent === 'the next call is the probe'")
            try await browser.click("demo-traffic")
            try await browser.waits("document.querySelector('[data-breaker] .state')?.textContent === 'closed'")
            try await browser.waits("document.querySelector('#log li[data-to=closed]') !== null")
            let wide = "return String(document.documentElement.scrollWidth <= window.innerWidth)"
            try await expectEqual(browser.text(wide), "true")
        } catch {
            await browser.stop()
            await demo.kill9()
            throw error
        }
        await browser.stop()
        await demo.kill9()
    }

    @Test func `the page shows services and routes, and what becomes of them`() async throws {
        let (well, broken) = (
            try await TestService.start { _, _ in .ok() },
            try await TestService.start { _, _ in .status(.internalServerError) }
        )
        try await withGateway(
            to: well, broken,
            configure: { configuration in
                configuration.services[0].name = "payments"
                configuration.routes[0].name = "<b>charges</b>"
                configuration.routes[0].service = "payments"
                configuration.routes[0].match.fields = ["x-door": "secret"]
                configuration.routes[0].rateLimit = .init(requests: 1_000)
            }
        ) { running in
            let browser = try await Browser.start()
            do {
                try await browser.open("http://127.0.0.1:\(running.admin)/")
                // The second endpoint has an open breaker by then, and three attempts have failed there.
                for _ in 0..<40 {
                    _ = try await TestClient.send(.GET, "/", to: running.port, headers: ["x-door": "secret"])
                }
                try await browser.waits("document.querySelectorAll('.breaker').length === 2")
                // What it is, and nothing of the demonstration's.
                try await expectEqual(browser.text("return document.title"), "Holdfast gateway")
                try await expectEqual(
                    browser.text("return document.querySelector('h1').textContent"), "Holdfast gateway")
                try await expectEqual(
                    browser.text("return String(/run the breaker|demonstration/i.test(document.body.innerText))"),
                    "false")
                try await expectEqual(
                    browser.text("return document.querySelector('.route-name').textContent"), "<b>charges</b>")
                // What is behind a route is made when it is opened.
                try await browser.waits("(document.querySelector('.route details').open = true)")
                try await browser.waits(
                    "/2xx 37.*5xx 3/.test([...document.querySelectorAll('.route .key')]"
                        + ".map(pair => [...pair.children].map(part => part.textContent).join(' ')).join(' '))")
                try await browser.waits("document.querySelector('.route .policies').textContent.includes('1000 in 1s')")
                try await expectEqual(
                    browser.text("return String(document.documentElement.outerHTML.includes('secret'))"), "false")
                var reloaded = running.configuration
                reloaded.services[0].serviceBreaker = reloaded.services[0].breaker
                reloaded.routes[0].concurrency = 77
                try await running.gateway.reload(reloaded)
                try await browser.waits("document.querySelectorAll('.breaker').length === 0")
                try await browser.waits("(document.querySelector('.service details').open = true)")
                try await browser.waits("document.querySelectorAll('.endpoint').length === 2")
                try await browser.waits("document.querySelector('.endpoint[data-state=open] .failed.bad') !== null")
                // It leads to what is wrong.
                try await browser.waits("document.querySelector('#troubles').textContent.includes('breaker open')")
                // Whoever reads policies while they change reads the new ones.
                let policies = "document.querySelector('.route .policies')?.textContent"
                try await browser.waits("\(policies)?.includes('77 in flight')")
                let wide = "return String(document.documentElement.scrollWidth <= window.innerWidth)"
                try await expectEqual(browser.text(wide), "true")
            } catch {
                await browser.stop()
                throw error
            }
            await browser.stop()
        }
    }

    @Test func `the page of a gateway with a token asks for it once, and is live then`() async throws {
        let token = "a-token-of-16-or-more"
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service, configure: { $0.admin.token = token }) { running in
            let browser = try await Browser.start()
            do {
                try await browser.open("http://127.0.0.1:\(running.admin)/")
                try await browser.type("not-the-right-token", into: "token")
                try await browser.waits("document.getElementById('said').textContent === 'This is not the token.'")
                try await browser.type(token, into: "token")
                // The page comes anew, and with it what waits on it: so it is asked until it is there.
                try await browser.becomes("return document.title", "Holdfast gateway")
                try await browser.waits("document.getElementById('link').textContent === 'live'")
                try await browser.waits("document.querySelector('[data-breaker] .state')?.textContent === 'closed'")
                try await expectEqual(browser.text("return document.cookie"), "")
            } catch {
                await browser.stop()
                throw error
            }
            await browser.stop()
        }
    }
}
#endif
