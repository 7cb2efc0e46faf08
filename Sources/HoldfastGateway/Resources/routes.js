// Routes: a line each, and behind it their last minutes and their policies.
import { $, put, make, count, rows, tags, policies, openable } from "./parts.js";
import { model, classes, latest, reasons } from "./model.js";
import { chart, panel, rate, total, time, isSeen } from "./lines.js";
import { showRequests } from "./requests.js";
import { fits } from "./find.js";

const wordsOf = route => model.plan.routes.find(({ name }) => name === route.name);

function makeRoute(route) {
  const item = openable("route", (inside, item) => open(inside, item)), what = make("span", "what"), title = make("span", "title");
  title.append(make("span", "route-name"), make("span", "to"), make("span", "tag half shadow", "only watches"));
  what.append(title, make("span", "mono soft match"));
  item.summary.append(what, chart(route.row, "classes"), make("span", "figure rate"), make("span", "figure slow"),
    make("span", "tags chips"));
  item.id = `row-${route.row}`;
  return item;
}

function updateRoute(item, route) {
  const find = name => item.summary.querySelector(name), words = wordsOf(route);
  item.route = route;
  put(find(".route-name"), route.name);
  put(find(".to"), words ? ` → ${words.service}` : "");
  put(find(".match"), words?.match ?? "");
  find(".shadow").hidden = !words?.shadow;
  const chips = reasons(route.rejections), shown = chips.length > 3 ? chips.slice(0, 2) : chips;
  tags(find(".chips"), [...shown.map(([name, times]) => [name, "warn", times]),
    ...(chips.length > shown.length ? [[`${chips.length - shown.length} more`, ""]] : []),
    ...(route.unknownOutcomes ? [["became unknown", "warn", route.unknownOutcomes]] : []),
    ...(route.retries ? [["retries", "", route.retries]] : []),
    ...(route.replays ? [["replays", "", route.replays]] : [])]);
  item.update?.();
}

function trend(item) {
  const { row } = item.route, find = name => item.summary.querySelector(name), slow = latest(row, "p99");
  put(find(".rate"), `${rate(total(row))} a second`);
  put(find(".slow"), slow ? `p99 ${time(slow)}` : "");
}

function open(inside, item) {
  const { route } = item, charts = panel(route.row), list = make("dl", "since"), why = make("p", "reasons");
  inside.append(make("h3", "", "Since the gateway started"), list, why, charts.part);
  const words = wordsOf(route)?.policies;
  if (words?.length) inside.append(policies(words));
  item.charts = charts;
  item.update = () => {
    const { route } = item;
    const pairs = [...classes.filter(name => route.requests[name]).map(name =>
      [name === "none" ? "no answer" : name, route.requests[name], name]),
    ["Retries", route.retries], ["Hedges", route.hedges], ["Claims", route.claims], ["Replays", route.replays],
    ["Became unknown", route.unknownOutcomes]];
    rows(list, pairs.map(([name, value, kind]) => ({ name, value, kind })), ({ name, kind }) => {
      const group = make("div", kind ? "key" : "");
      if (kind) group.dataset.class = kind;
      group.append(make("dt", "", name), make("dd"));
      return group;
    }, (group, { value }) => put(group.lastChild, count(value)));
    const all = [...reasons(route.rejections).map(([name, times]) => ({ name, times })),
      ...reasons(route.wouldHave).map(([name, times]) => ({ name: `would have ${name}`, times, isWatched: true }))];
    why.hidden = !all.length;
    rows(why, all, ({ name, isWatched }) => {
      const part = make(isWatched ? "span" : "button", `tag ${isWatched ? "half" : "warn"}`);
      if (!isWatched) {
        part.type = "button";
        part.addEventListener("click", () => showRequests({ route: route.name, problem: name }));
      }
      part.append(name, " ", make("b"));
      return part;
    }, (part, { times }) => put(part.lastChild, count(times)));
  };
  item.update();
}

const text = route => {
  const words = wordsOf(route);
  return [route.name, words?.service, words?.match, ...Object.keys(route.rejections)].join(" ");
};

export function showRoutes() {
  const { routes } = model.state, shown = routes.filter(route => fits(text(route)));
  rows($("routes"), shown, makeRoute, updateRoute);
  const hidden = (model.plan.routeCount ?? 0) - routes.length;
  $("more-routes").hidden = hidden <= 0;
  put($("more-routes"), `and ${count(hidden)} more, all of which are in the metrics`);
  put($("route-summary"), shown.length < routes.length ? `${count(shown.length)} of ${count(routes.length)} shown`
    : `${count(routes.length)}, the first that matches counts`);
  trendRoutes();
}

export function touchRoute(row) {
  const item = $(`row-${row}`), route = model.state.routes[row.slice(1)];
  if (item?.key === route?.name && route) updateRoute(item, route);
}

export function trendRoutes() {
  for (const item of $("routes").children) {
    if (isSeen(item) || model.trends.number % 2 === 0) trend(item);
    if (item.details.open) item.charts?.update();
  }
}
