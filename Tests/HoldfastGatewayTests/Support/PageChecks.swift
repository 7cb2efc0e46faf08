#if Gateway
/// Scripts that look at the page as its readers do.
enum PageChecks {
    /// Texts that stand out too little from what is behind them (WCAG 2.2, success criterion 1.4.3: 4.5 to 1), and what is
    /// pressed but smaller than 24 pixels (2.5.8).
    static let faults = """
        const pen = Object.assign(document.createElement("canvas"), {width: 1, height: 1})
            .getContext("2d", {willReadFrequently: true});
        const over = (colours) => {
            pen.clearRect(0, 0, 1, 1);
            for (const colour of colours) { pen.fillStyle = colour; pen.fillRect(0, 0, 1, 1); }
            return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3);
        };
        const light = rgb => {
            const [r, g, b] = rgb.map(x => x / 255).map(x => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const faults = [];
        const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
        while (texts.nextNode()) {
            const element = texts.currentNode.parentElement, text = texts.currentNode.textContent.trim();
            if (!text || !element.checkVisibility({visibilityProperty: true}) || element.closest(":disabled, template")) continue;
            const behind = [];
            for (let at = element; at; at = at.parentElement) behind.unshift(getComputedStyle(at).backgroundColor);
            const style = getComputedStyle(element), ink = element instanceof SVGElement ? style.fill : style.color;
            const [a, b] = [light(over(["#fff", ...behind])), light(over(["#fff", ...behind, ink]))].sort((a, b) => b - a);
            const ratio = (a + 0.05) / (b + 0.05);
            if (ratio < 4.5) faults.push(`${text}: ${ratio.toFixed(2)}`);
        }
        for (const button of document.querySelectorAll("button, summary, input, select")) {
            if (!button.checkVisibility() || button.type === "radio") continue;
            const {width, height} = button.getBoundingClientRect();
            if (width < 24 || height < 24) faults.push(`${button.outerHTML.slice(0, 80)}: ${width} x ${height}`);
        }
        return faults.join("\\n");
        """

    /// Stands in for the gateway's stream, so that a test says what is told: `told(event, data)`.
    static let standIn = """
        window.EventSource = class extends EventTarget {
            constructor() {
                super();
                window.told = (event, data) => this.dispatchEvent(new MessageEvent(event, {data: JSON.stringify(data)}));
            }
            close() {}
        };
        """

    /// Tells the page of seconds on end, in which everything changes: 31 services and 31 routes, a breaker that opens and
    /// closes, samples of trends, and reconnections.
    ///
    /// - Parameter seconds: From when on, and how many.
    static func passes(_ seconds: Range<Int>) -> String {
        """
        const done = arguments[arguments.length - 1];
        const breaker = state => ({state, generation: 1, evidence: "3 of 20 calls failed", failures: null, threshold: null,
            cooldownSeconds: 5, retryAfterSeconds: 2, probesInFlight: 0});
        const names = [...Array(31).keys()];
        const state = {version: "1", uptimeSeconds: 9, budget: {balance: 1, refused: 0}, claims: {inFlight: 0, waiting: 0},
            requests: {total: 1, inFlight: 0, retries: 0, claims: 0, replays: 0, rejections: {}},
            store: {keys: 1, bytes: 1, unknownKeys: 0}, demo: null,
            services: names.map(n => ({name: `s${n}`, breaker: null, budget: {balance: 1, refused: 0}, inFlight: 0,
                endpointCount: 1, ejected: 0, endpoints: [{name: `10.0.0.${n}:80`, breaker: breaker("closed"), healthy: true,
                    ejected: false, waived: false, inFlight: 0, connections: 0, succeeded: 0, failed: 0, rejected: 0,
                    abandoned: 0}]})),
            routes: names.map(n => ({name: `r${n}`, requests: {"2xx": 1}, retries: 0, hedges: 0, claims: 0, replays: 0,
                unknownOutcomes: 0, rejections: {}, wouldHave: {}}))};
        const plan = {serviceCount: 31, routeCount: 31, services: names.map(n => ({name: `s${n}`, policies: ["a: b"]})),
            routes: names.map(n => ({name: `r${n}`, match: "any", service: `s${n}`, shadow: false, policies: ["a: b"]}))};
        const frame = () => new Promise(requestAnimationFrame);
        (async () => {
            const whole = async () => {
                told("plan", plan); told("state", state); told("transitions", []);
                // It asks for the trends now, and this gateway has none.
                window.sample = 0;
                await new Promise(next => setTimeout(next, 200));
            };
            if (\(seconds.lowerBound) === 0) {
                await whole();
                document.querySelector(".service details").open = document.querySelector(".route details").open = true;
            }
            for (let second = \(seconds.lowerBound); second < \(seconds.upperBound); second++) {
                const change = {g: {requests: {total: second, inFlight: second % 9}}};
                for (const n of names) {
                    change[`r${n}`] = {requests: {"2xx": second * 40, "5xx": second}, rejections: {"circuit-open": second}};
                    change[`e${n}.0`] = {succeeded: second * 40, inFlight: second % 3};
                }
                change["e3.0"].breaker = {...breaker(second % 2 ? "open" : "closed"), generation: second};
                told("change", change);
                told("transition", {missed: 0, entries: [{breaker: "10.0.0.3:80", from: second % 2 ? "closed" : "open",
                    to: second % 2 ? "open" : "closed", reason: "r", generation: second, at: new Date(1e12 + second * 1e3).toISOString()}]});
                if (second % 5 === 0) told("trend", {number: ++window.sample, rows: Object.fromEntries(
                    names.flatMap(n => [[`r${n}`, {"2xx": second % 50, p99: 900 + second, "circuit-open": second % 3}],
                        [`s${n}`, {"2xx": second % 50, p99: 900 + second}]]))});
                if (second % 400 === 399) await whole();
                await frame();
            }
            await frame();
            done(String(document.querySelectorAll("*").length));
        })().catch(error => done(String(error)));
        """
    }
}
#endif
