// The latest requests that were rejected, failed or replayed, and why each of them was.
import { $, put, make, button, rows, openable, ask, count, clockTime } from "./parts.js";
import { model } from "./model.js";
import { fits, found } from "./find.js";

let filter = {}, shown = [], marked = "", asked = 0, isAsking = false, isSeen = false;
new IntersectionObserver(([{ isIntersecting }]) => { isSeen = isIntersecting; }).observe($("requests"));

function makeRequest() {
  const item = openable("request", (inside, item) => explain(inside, item.request.id));
  item.summary.append(make("time"), make("span", "num status"), make("span", "title problem"),
    make("span", "mono path"), make("span", "soft where"));
  return item;
}

function updateRequest(item, request) {
  const find = name => item.summary.querySelector(name), date = new Date(request.time);
  item.request = request;
  put(find("time"), clockTime(date));
  find("time").dateTime = request.time;
  put(find(".status"), request.status ? String(request.status) : "none");
  put(find(".problem"), request.problem ?? request.outcome);
  put(find(".path"), `${request.method} ${request.path}`);
  put(find(".where"), request.route ? `${request.route} → ${request.service}` : "no route");
}

// What the gateway decided about one request, as sentences.
async function explain(inside, id) {
  put(inside, "Asking …");
  try {
    const told = await ask(`/api/explain?id=${encodeURIComponent(id)}`), list = make("ol", "why"), facts = make("dl", "facts-of");
    list.append(...told.why.map(sentence => make("li", "", sentence)));
    const pairs = [["Request", told.id], ["Record", told.record], ["Trace", told.trace], ["Client", told.client],
      ["Duration", `${told.durationSeconds.toFixed(3)} s`]];
    for (const [name, value] of pairs) if (value) facts.append(make("dt", "", name), make("dd", "mono", value));
    inside.replaceChildren(list, facts);
  } catch (error) { put(inside, error.status === 404 ? "The gateway keeps nothing about it any more." : error.message); }
}

// What may bring new ones into the list.
const notable = () => {
  const { rejections, replays } = model.state?.requests ?? {};
  return JSON.stringify([rejections, replays, (model.state?.routes ?? []).map(({ requests }) => requests.none)]);
};

// Those that were refused before a route took them: they are counted, and nothing is kept of them.
function unlisted() {
  const { requests, routes } = model.state ?? {}, sum = rejections => Object.values(rejections).reduce((a, b) => a + b, 0);
  if (!requests || (model.plan.routeCount ?? routes.length) > routes.length) return 0;
  return Math.max(0, sum(requests.rejections) - routes.reduce((all, route) => all + sum(route.rejections), 0));
}

async function load() {
  if (isAsking) return;
  isAsking = true;
  asked = performance.now();
  marked = notable();
  const query = new URLSearchParams({ limit: "50" });
  // Those that the number counts: the gateway answered in its own name, whatever came of it.
  if ($("outcome").value === "rejected") query.set("problem", "any");
  else if ($("outcome").value) query.set("outcome", $("outcome").value);
  for (const [name, value] of Object.entries(filter)) query.set(name, value);
  try {
    shown = (await ask(`/api/requests?${query}`)).requests;
    show();
  } catch (error) { put($("request-said"), error.message); }
  isAsking = false;
}

function show() {
  const fitting = shown.filter(request => fits(Object.values(request).join(" ")));
  rows($("requests"), fitting.map(request => ({ ...request, name: request.id })), makeRequest, updateRequest);
  const chosen = Object.values(filter).join(", "), missing = $("outcome").value === "rejected" && !chosen ? unlisted() : 0;
  $("request-said").replaceChildren();
  if (chosen) {
    $("request-said").append(`Only ${chosen}. `, button("plain", "Show all", "show requests of all routes and reasons", () => {
      filter = {};
      load();
    }));
  } else {
    const said = fitting.length ? "" : shown.length ? "None of those shown fits what you look for." : "There is none.";
    const more = missing ? `${count(missing)} ${missing === 1 ? "was" : "were"} refused before a route took `
      + `${missing === 1 ? "it" : "them"}, since the start: counted, and not listed.` : "";
    put($("request-said"), [said, more].filter(Boolean).join(" "));
  }
  $("request-said").hidden = !chosen && !!fitting.length && !missing;
  put($("newer"), "Refresh");
}

// Those of one route and reason.
export function showRequests(wanted) {
  filter = wanted;
  $("outcome").value = "";
  load();
  $("request-part").scrollIntoView({ block: "nearest" });
  $("requests").parentElement.focus();
}

// What is read stays where it is: newer ones come by themselves only while nobody reads.
export function touchRequests() {
  if (notable() === marked || !isSeen && asked) return;
  const isRead = $("requests").contains(document.activeElement) || $("requests").querySelector("details[open]");
  if (isRead) put($("newer"), "Show newer");
  else if (!asked || performance.now() - asked > 5000) load();
}

// An identifier leads to its request, whether it is listed or not.
found(async text => {
  if (/^(?:[0-9a-f]{16}|[0-9a-f]{32})$/.test(text) && !shown.some(({ id }) => id === text)) {
    try { shown = [await ask(`/api/explain?id=${text}`), ...shown.slice(0, 49)]; } catch { /* It is not known. */ }
  }
  show();
});

$("outcome").addEventListener("change", load);
$("newer").addEventListener("click", load);
export { load as loadRequests };
