// What an operator has to look at, and where it is: the page's first part. When there is nothing, it says so.
import { $, put, make, count, rows } from "./parts.js";
import { model, lately, classes, cooling, reasons } from "./model.js";
import { faults } from "./services.js";

// How much of a minute's requests may fail before it is trouble, as the alerts have it.
const share = 0.05, few = 20;

function ofService(service) {
  const found = [], { row, name } = service;
  const add = (key, kind, words) => found.push({ name: `${row} ${key}`, kind, words, row });
  if (service.breaker && !["closed", "disabled"].includes(service.breaker.state)) {
    add("own", "bad", `${name}: the breaker of the whole service is ${service.breaker.state}`);
  }
  for (const endpoint of service.endpoints) {
    const { breaker } = endpoint, words = [];
    if (!["closed", "disabled"].includes(breaker.state)) words.push(`breaker ${breaker.state}`);
    words.push(...faults(endpoint).map(([word]) => word));
    if (words.length) add(endpoint.name, breaker.state === "half-open" ? "half" : "bad", `${name} ${endpoint.name}: ${words.join(", ")}`);
  }
  if (!service.endpointCount) add("none", "bad", `${name}: its names have no address`);
  if (service.budget.balance === 0 && lately(row, "retries") > 0) add("budget", "half", `${name}: no retries are left`);
  return found;
}

function ofRoute(route) {
  const found = [], { row, name } = route, all = classes.reduce((sum, kind) => sum + lately(row, kind), 0);
  const failed = lately(row, "5xx") + lately(row, "none");
  if (all >= few && failed > all * share) {
    found.push({ name: `${row} failed`, kind: "bad", row,
      words: `${name}: ${Math.round(100 * failed / all)} % of ${count(all)} requests failed in the last minute` });
  }
  const rejected = reasons(Object.fromEntries(Object.keys(route.rejections).map(reason => [reason, lately(row, reason)])));
  if (rejected.length) {
    found.push({ name: `${row} rejected`, kind: "half", row, words: `${name}: the gateway answered itself in the last minute: `
      + rejected.map(([reason, times]) => `${count(times)} × ${reason}`).join(", ") });
  }
  const unknown = lately(row, "unknown", 120);
  if (unknown) {
    found.push({ name: `${row} unknown`, kind: "bad", row,
      words: `${name}: ${count(unknown)} ended unknown in the last ten minutes` });
  }
  return found;
}

function go({ row, part }) {
  const item = row && $(`row-${row}`);
  if (item) {
    item.details.open = true;
    item.scrollIntoView({ block: "nearest" });
    item.summary.focus();
  } else {
    const pane = $(part ?? "breaker-part");
    pane.scrollIntoView({ block: "nearest" });
    pane.querySelector("[tabindex='0'], button")?.focus();
  }
}

export function showTrouble() {
  const { state } = model, unknown = state.store?.unknownKeys;
  const found = [
    ...(unknown ? [{ name: "keys", kind: "bad", part: "key-part",
      words: `${count(unknown)} ${unknown === 1 ? "key is" : "keys are"} unknown: they began, and nobody knows how they ended` }] : []),
    ...state.services.flatMap(ofService), ...state.routes.flatMap(ofRoute)];
  found.sort((a, b) => (a.kind === "bad" ? 0 : 1) - (b.kind === "bad" ? 0 : 1));
  rows($("troubles"), found.slice(0, 50), trouble => {
    const item = make("li", `trouble ${trouble.kind}`), link = make("button");
    link.type = "button";
    link.addEventListener("click", () => go(item.trouble));
    item.append(link);
    return item;
  }, (item, trouble) => {
    item.trouble = trouble;
    item.className = `trouble ${trouble.kind}`;
    put(item.firstChild, trouble.words);
  });
  put($("trouble-count"), found.length ? count(found.length) : "nothing");
  $("troubles").parentElement.hidden = !found.length;
  $("trouble-part").classList.toggle("well", !found.length);
}
