#if Gateway
import HoldfastGateway
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
            try await expectEqual(browser.text("return document.title"), "Run the breaker")
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
                try await browser.becomes("return document.title", "Run the breaker")
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
