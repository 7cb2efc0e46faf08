// The page: what the gateway tells as it happens, and which parts of the page are drawn anew for it. Nothing is drawn that
// did not change, and nothing at all, nor asked for, while nobody sees the page.
import { $, put, make, count, ask, ago, refill } from "./parts.js";
import { model, takeState, takeChanges, takeTrends, takeTrend, reasonsOf, latest, lately, isWell } from "./model.js";
import { chart, redraw, rate, total, time, isSeen } from "./lines.js";
import { showCards, coolDown, learnOrders } from "./breakers.js";
import { showServices, touchService, trendServices, tickServices } from "./services.js";
import { showRoutes, touchRoute, trendRoutes } from "./routes.js";
import { touchRequests } from "./requests.js";
import { touchKeys, showKeys } from "./keys.js";
import { takeTransitions, takeTransition, drawTimeline, filterLog } from "./transitions.js";
import { showTrouble } from "./trouble.js";
import { showDemo } from "./demo.js";
import { found } from "./find.js";

// A gateway that lives says something every five seconds.
const silence = 12_000;
const pace = 1_900;

// As the metric has them: a service's own, and its endpoints'.
const breakers = () => model.state.services.flatMap(({ breaker, endpoints }) =>
  [...(breaker ? [{ breaker }] : []), ...endpoints]);

// Few are drawn; more are listed.
const isDrawn = state => !!state.demo || (state.services.length === 1 && state.services[0].endpointCount <= 2
  && !state.services[0].breaker);

const numbers = [["Requests a second", () => rate(total("g")), "classes"],
  ["p99", () => latest("g", "p99") ? time(latest("g", "p99")) : "none", "times"],
  ["In flight", () => count(model.state.requests.inFlight)],
  ["Rejected, last minute", () => count(reasonsOf("g").reduce((sum, name) => sum + lately("g", name), 0)), "rejected"],
  ["Retries, last minute", () => count(lately("g", "retries")), "retries"],
  ["Retries left", () => count(model.state.budget.balance), "budget"],
  ["Claims, last minute", () => count(lately("g", "claims")), "claims"],
  ["Replays, last minute", () => count(lately("g", "replays")), "replays"],
  ["Unknown keys", () => model.state.store ? count(model.state.store.unknownKeys) : "not known"]];

function showNumbers() {
  if (!$("numbers").children.length) {
    $("numbers").append(...numbers.map(([label, , kind]) => {
      const group = make("div");
      group.append(make("dt", "", label), make("dd"));
      if (kind) {
        const line = make("dd", "line");
        line.append(chart("g", kind, label));
        group.append(line);
      }
      return group;
    }));
  }
  numbers.forEach(([, value], place) => put($("numbers").children[place].children[1], value()));
  $("numbers").lastElementChild.classList.toggle("bad", !!model.state.store?.unknownKeys);
}

function showWhole() {
  const { state } = model, drawn = isDrawn(state);
  $("breaker-part").hidden = !drawn;
  $("service-part").hidden = drawn && !!state.demo;
  $("route-part").hidden = !!state.demo || !state.routes.length;
  showCards(drawn ? state.services[0] : null);
  showServices();
  showRoutes();
  refill($("services"));
  refill($("routes"));
  showAll();
}

// What says something of the whole: a few texts.
function showAll() {
  const { state } = model, all = breakers(), not = all.filter(breaker => !isWell(breaker)).length;
  put($("summary"), all.length < 2 ? "" : not ? `${not} of ${all.length} not closed` : `all ${all.length} closed`);
  $("hint").hidden = !!state.demo || state.requests.total > 0;
  showDemo();
  showNumbers();
  showTrouble();
  touchKeys();
  touchRequests();
  showFoot();
  coolDown();
}

function showFoot() {
  const { state } = model;
  put($("foot"), `Holdfast ${state.version} · up ${ago((performance.now() - model.started) / 1000)}`
    + (state.demo ? ` · ${count(state.demo.charges)} ${state.demo.charges === 1 ? "charge" : "charges"} made` : ""));
}

let touched = new Set(), due = null, drawn = 0, drawings = 0;
function draw() {
  const isForAll = due?.wait === 0 || drawings++ % 5 === 0;
  due = null;
  drawn = performance.now();
  if (!model.state) return;
  const names = touched;
  touched = new Set();
  for (const name of names) {
    const item = $(`row-${name}`);
    if (item && !isForAll && !isSeen(item)) {
      touched.add(name);
      continue;
    }
    if (name[0] === "s") touchService(name);
    if (name[0] === "r") touchRoute(name);
  }
  if (names.has("s0") && isDrawn(model.state)) showCards(model.state.services[0]);
  if (names.size) showAll();
}

// However much is told at once, it is drawn once; what only counts is drawn every two seconds, which is what eyes follow. In
// a page that nobody sees nothing is drawn.
function touch(names, isUrgent) {
  for (const name of names) touched.add(name);
  const wait = isUrgent || model.state.demo ? 0 : Math.max(0, pace - (performance.now() - drawn));
  if (due && due.wait <= wait) return;
  clearTimeout(due?.timer);
  due = { wait, timer: setTimeout(() => requestAnimationFrame(draw), wait) };
}

function showTrend() {
  trendServices();
  trendRoutes();
  redraw();
  drawTimeline();
  touch(["g"], false);
}

async function learnTrends() {
  const mine = source;
  try {
    const report = await ask("/api/trends");
    if (mine !== source || !model.state) return;
    takeTrends(report);
    showTrend();
  } catch { /* The stream ends as well, and all is asked again. */ }
}

let source = null, watch = null;

function link(text, name) {
  put($("link"), text);
  $("link").className = name;
}

// From when on the numbers are not those of now, they are marked, with their age.
function markStale() {
  model.isStale = true;
  document.body.classList.add("stale");
  tellAge();
  coolDown();
}

function tellAge() {
  $("stale").hidden = !model.isStale || !model.heard;
  if (!model.isStale || !model.heard) return;
  const at = new Date(Date.now() - (performance.now() - model.heard));
  put($("stale"), `Reconnecting. The numbers are those of ${at.toLocaleTimeString("en-GB")}, ${ago((performance.now() - model.heard) / 1000)} ago.`);
}

function hear() {
  model.heard = performance.now();
  if (!model.isStale) return;
  model.isStale = false;
  document.body.classList.remove("stale");
  $("stale").hidden = true;
  link("live", "live");
}

function tick() {
  if (!model.isStale && performance.now() - model.heard > silence) {
    link("reconnecting", "lost");
    markStale();
    open();
  }
  tellAge();
  if (model.isStale || !model.state) return;
  tickServices();
  showFoot();
}

function open() {
  source?.close();
  const mine = source = new EventSource("/api/events");
  const on = (name, take) => mine.addEventListener(name, event => {
    if (mine === source) take(JSON.parse(event.data));
  });
  let plan = null;
  mine.onerror = async () => {
    if (mine !== source) return;
    link("reconnecting", "lost");
    markStale();
    // When the session is over, the stream is refused for good, and the page asks for the token.
    if (mine.readyState !== EventSource.CLOSED) return;
    const answer = await fetch("/api/state").catch(() => null);
    if (answer?.status === 401) location.reload();
    else setTimeout(() => { if (mine === source && !document.hidden) open(); }, 3000);
  };
  on("plan", value => { plan = value; });
  on("state", value => {
    const isFirst = !model.state;
    model.plan = plan ?? model.plan;
    takeState(value);
    model.trends.number = -1;
    hear();
    showWhole();
    learnTrends();
    if (!isFirst) return;
    learnOrders();
    // Whoever breaks the service looks at its breaker.
    if (value.demo) $("demo-part").after($("breaker-part"));
  });
  on("transitions", takeTransitions);
  on("transition", value => { hear(); takeTransition(value); });
  on("change", value => {
    hear();
    const { touched, isUrgent } = takeChanges(value);
    touch(touched, isUrgent);
  });
  on("trend", value => {
    hear();
    if (model.trends.number < 0) return;
    if (takeTrend(value)) showTrend(); else learnTrends();
  });
}

function look() {
  clearInterval(watch);
  if (document.hidden) {
    source?.close();
    source = null;
    link("paused", "");
    markStale();
  } else {
    if (!model.heard) link("connecting", "");
    open();
    watch = setInterval(tick, 1000);
  }
}

found(() => {
  if (!model.state) return;
  showServices();
  showRoutes();
  showKeys();
  filterLog();
});
let resized = null;
addEventListener("resize", () => {
  clearTimeout(resized);
  resized = setTimeout(() => { redraw(); drawTimeline(); }, 150);
});
document.addEventListener("visibilitychange", look);
look();
