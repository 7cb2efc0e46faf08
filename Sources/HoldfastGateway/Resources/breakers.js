// Breakers: how one is drawn, how one is named in a row, and the orders that an operator can give it.
import { $, put, make, button, count, seconds, figures, ask, decide, stay } from "./parts.js";
import { model, left } from "./model.js";

const cards = new Map();

export function badge() {
  const element = make("span", "badge small");
  element.append(make("span", "state"));
  return element;
}

export function setBadge(element, breaker, before = "") {
  element.dataset.state = breaker.state;
  element.title = breaker.evidence;
  put(element.firstChild, before + breaker.state);
}

// Whether the gateway takes orders about breakers.
export async function learnOrders() {
  const answer = await fetch("/api/admin").catch(() => null);
  document.body.classList.toggle("orders-taken", !!answer?.ok);
}

const meanings = {
  isolate: "No call passes it until somebody releases it. Callers get circuit-open.",
  release: "It goes back to where it was before somebody isolated it.",
  reset: "It closes at once, and forgets what it has counted.",
};

function order(action, service, endpoint) {
  const what = endpoint ? `the breaker of ${endpoint}, of ${service}` : `the breaker of ${service} as a whole`;
  const title = action[0].toUpperCase() + action.slice(1);
  decide({
    title: `${title} ${what}`, words: meanings[action], verb: title,
    sum: () => `${title} ${what}? ${meanings[action]}`,
    send: ({ by, why }) => ask("/api/admin/breakers",
      { service, ...(endpoint ? { endpoint } : {}), action, reason: why, by }),
  });
}

export function orderButtons(service, endpoint) {
  const part = make("span", "orders"), about = endpoint ?? service;
  part.dataset.about = `${service} ${endpoint ?? ""}`;
  for (const action of ["isolate", "release", "reset"]) {
    part.append(button(action, `${action[0].toUpperCase()}${action.slice(1)} …`, `${action} the breaker of ${about}`,
      () => order(action, service, endpoint)));
  }
  return part;
}

function card(name, service) {
  let card = cards.get(name);
  if (!card) {
    const element = $("card").content.firstElementChild.cloneNode(true), find = query => element.querySelector(query);
    element.dataset.breaker = name;
    find(".name").textContent = name;
    find(".orders").append(orderButtons(service, name));
    card = { element, find, latest: null, cool: find(".cool"), bar: find(".bar i") };
    cards.set(name, card);
    $("breakers").append(element);
  }
  return card;
}

export function showCards(service) {
  const endpoints = service?.endpoints ?? [], names = new Set(endpoints.map(({ name }) => name));
  for (const [name, { element }] of cards) if (!names.has(name)) { element.remove(); cards.delete(name); }
  endpoints.forEach(endpoint => showCard(endpoint, service.name));
}

function showCard(endpoint, service) {
  const { breaker } = endpoint, it = card(endpoint.name, service), find = it.find;
  it.latest = breaker;
  it.element.dataset.state = breaker.state;
  stay(find(".orders"));
  put(find(".state"), breaker.state);
  put(find(".sub"), `generation ${count(breaker.generation)}`);
  const streak = breaker.threshold;
  put(find(".trips"), streak ? (streak === 1 ? "1 failure" : `${count(streak)} failures`) : "trips");
  put(find(".fails"), streak ? `${count(breaker.failures)} of ${count(streak)} failures in a row` : breaker.evidence);
  find(".diagram").setAttribute("aria-label",
    `The breaker is ${breaker.state}. It goes from closed to open, to half-open, and back to closed.`);
  const pips = find(".pips"), shown = Math.min(streak ?? 0, 10);
  if (pips.children.length !== shown) pips.replaceChildren(...Array.from({ length: shown }, () => make("i")));
  pips.classList.toggle("many", shown > 5);
  [...pips.children].forEach((pip, index) =>
    pip.classList.toggle("on", index < Math.ceil(breaker.failures / streak * shown)));
  figures(find("dl"), [["Succeeded", endpoint.succeeded], ["Failed", endpoint.failed],
    ["Rejected", endpoint.rejected], ["Abandoned", endpoint.abandoned]]);
  cool(it);
}

function cool({ latest, cool, bar }) {
  let time = 0, says;
  if (latest.state === "open") {
    time = left(latest);
    says = time > 0 ? `${time.toFixed(1)} s left` : "the next call is the probe";
  } else if (latest.state === "closed") {
    says = `${seconds(latest.cooldownSeconds)} once open`;
  } else if (latest.state === "isolated") {
    says = "until it is released";
  } else if (latest.state === "disabled") {
    says = "it never opens";
  } else {
    says = latest.probesInFlight ? `over, ${latest.probesInFlight} probe in flight` : "over, waiting for a probe";
  }
  put(cool, says);
  bar.style.transform = `scaleX(${Math.min(1, time / (latest.cooldownSeconds || 1)).toFixed(3)})`;
}

// While one that is drawn cools down, its time is seen to pass.
let cooling = null;
export function coolDown() {
  const isCooling = !model.isStale && !document.hidden
    && [...cards.values()].some(({ latest }) => latest.state === "open" && left(latest) > 0);
  if (!isCooling) {
    clearInterval(cooling);
    cooling = null;
  } else cooling ??= setInterval(() => {
    cards.forEach(cool);
    coolDown();
  }, 200);
}
