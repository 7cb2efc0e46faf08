// Services: a line each, and behind it their endpoints, their last minutes, and their policies.
import { $, put, make, count, rows, tags, policies, openable, stay } from "./parts.js";
import { model, cooling, isWell, latest } from "./model.js";
import { chart, panel, rate, total, time, isSeen } from "./lines.js";
import { badge, setBadge, orderButtons } from "./breakers.js";
import { fits } from "./find.js";

const columns = [["inFlight", "In flight"], ["connections", "Connections"], ["succeeded", "Succeeded"],
  ["failed", "Failed"], ["rejected", "Rejected"], ["abandoned", "Abandoned"]];

function makeService(service) {
  const item = openable("service", (inside, item) => open(inside, item)), who = make("span", "what");
  who.append(make("span", "title name-of"), make("span", "sub"));
  const marks = make("span", "tags marks");
  item.summary.append(who, marks, chart(service.row, "classes"), make("span", "figure rate"),
    make("span", "figure slow"), make("span", "figure balance"));
  item.id = `row-${service.row}`;
  return item;
}

// Endpoints that are not well, in words of their own.
export function faults(endpoint) {
  return [...(endpoint.healthy === false ? [["checks fail", "warn"]] : []),
    ...(endpoint.ejected ? [["left out", "half"]] : []),
    ...(endpoint.waived ? [["called all the same", "half"]] : [])];
}

function updateService(item, service) {
  const find = name => item.summary.querySelector(name);
  item.service = service;
  put(find(".name-of"), service.name);
  const all = service.endpointCount;
  put(find(".sub"), (all === 1 ? "1 endpoint" : `${count(all)} endpoints`)
    + (service.ejected ? `, ${count(service.ejected)} left out` : "") + (all ? "" : ": its names have no address")
    + `, ${count(service.inFlight)} in flight`);
  const states = new Map();
  for (const { breaker } of service.endpoints) states.set(breaker.state, (states.get(breaker.state) ?? 0) + 1);
  const marks = find(".marks"), text = JSON.stringify([...states, service.breaker?.state]);
  if (marks.text !== text) {
    marks.text = text;
    marks.replaceChildren(...[...states].sort().map(([state, times]) => {
      const mark = badge();
      mark.dataset.state = state;
      put(mark.firstChild, service.endpoints.length > 1 ? `${count(times)} ${state}` : state);
      return mark;
    }));
    if (service.breaker) {
      const own = badge();
      setBadge(own, service.breaker, "service ");
      marks.append(own);
    }
  }
  item.update?.();
}

function trend(item) {
  const { row, budget } = item.service, find = name => item.summary.querySelector(name);
  put(find(".rate"), `${rate(total(row))} a second`);
  const slow = latest(row, "p99");
  put(find(".slow"), slow ? `p99 ${time(slow)}` : "");
  put(find(".balance"), `${count(budget.balance)} retries left`);
}

function open(inside, item) {
  const { service } = item, charts = panel(service.row), table = make("table"), head = make("tr"), body = make("tbody");
  const caption = make("caption", "", `Endpoints of ${service.name}`), scroll = make("div", "scroll");
  head.append(...["Endpoint", "Breaker", ...columns.map(([, label]) => label)].map((label, place) => {
    const cell = make("th", place > 1 ? "num" : "", label);
    cell.scope = "col";
    return cell;
  }));
  const top = make("thead"), more = make("p", "more"), own = make("p", "own");
  top.append(head);
  table.append(caption, top, body);
  scroll.tabIndex = 0;
  scroll.setAttribute("role", "region");
  scroll.setAttribute("aria-label", `Endpoints of ${service.name}`);
  scroll.append(table);
  own.append(make("span", "", "The service as a whole: "), badge(), " ", make("span", "soft"), " ", orderButtons(service.name));
  inside.append(own, scroll, more, charts.part);
  const words = model.plan.services.find(({ name }) => name === service.name)?.policies;
  if (words?.length) inside.append(policies(words));
  item.charts = charts;
  item.update = () => {
    const { service } = item, hidden = service.endpointCount - service.endpoints.length;
    own.hidden = !service.breaker;
    if (service.breaker) {
      own.dataset.state = service.breaker.state;
      stay(own);
      setBadge(own.children[1], service.breaker);
      put(own.children[2], service.breaker.evidence);
    }
    rows(body, service.endpoints, endpoint => makeEndpoint(service.name, endpoint), updateEndpoint);
    more.hidden = hidden <= 0;
    put(more, `and ${count(hidden)} more, all of which are in the metrics`);
  };
  item.update();
}

function makeEndpoint(service, endpoint) {
  const row = make("tr", "endpoint"), name = make("th", "mono", endpoint.name), state = make("td"), marks = make("span", "tags");
  name.scope = "row";
  marks.append(badge(), make("span", "left"), make("span", "tags more-tags"));
  state.append(marks, orderButtons(service, endpoint.name), make("span", "evidence soft"));
  row.append(name, state, ...columns.map(([name]) => make("td", `num ${name}`)));
  return row;
}

function updateEndpoint(row, endpoint) {
  row.endpoint = endpoint;
  row.dataset.state = endpoint.breaker.state;
  stay(row);
  setBadge(row.querySelector(".badge"), endpoint.breaker);
  put(row.querySelector(".left"), cooling(endpoint.breaker));
  put(row.querySelector(".evidence"), endpoint.breaker.evidence);
  tags(row.querySelector(".more-tags"), faults(endpoint));
  for (const [name] of columns) {
    const cell = row.querySelector(`.${name}`);
    put(cell, count(endpoint[name]));
    cell.classList.toggle("bad", name === "failed" && endpoint.failed > 0);
  }
}

const text = service => [service.name, ...service.endpoints.map(({ name }) => name)].join(" ");

export function showServices() {
  const { services } = model.state, shown = services.filter(service => fits(text(service)));
  rows($("services"), shown, makeService, updateService);
  const total = model.plan.serviceCount ?? services.length;
  $("more-services").hidden = total <= services.length;
  put($("more-services"), `and ${count(total - services.length)} more, all of which are in the metrics`);
  const bad = services.filter(service => !isWell(service) || service.endpoints.some(endpoint => !isWell(endpoint))).length;
  put($("service-summary"), [shown.length < services.length ? `${count(shown.length)} of ${count(services.length)} shown` : count(services.length),
    bad ? `${count(bad)} with a breaker that is not closed` : "all breakers closed"].join(", "));
  trendServices();
}

// One whose figures changed.
export function touchService(row) {
  const item = $(`row-${row}`), service = model.state.services[row.slice(1)];
  if (item?.key === service?.name && service) updateService(item, service);
}

export function trendServices() {
  for (const item of $("services").children) {
    if (isSeen(item) || model.trends.number % 2 === 0) trend(item);
    if (item.details.open) item.charts?.update();
  }
}

// Time passes where a breaker is open.
export function tickServices() {
  for (const row of $("services").querySelectorAll(".endpoint")) {
    put(row.querySelector(".left"), cooling(row.endpoint.breaker));
  }
}
