// Changes of breakers' states: a line of time for each breaker that changed lately, and the log.
import { $, make, clockTime } from "./parts.js";
import { model } from "./model.js";
import { colour } from "./lines.js";
import { fits } from "./find.js";

const bound = 100, minutes = 10, lanes = 6;
const logged = new Set();
let entries = [];

const colours = { closed: "closed", open: "open", isolated: "open", "half-open": "half", disabled: "soft" };
// A breaker's own name may be an endpoint's, which several services can have.
function nameOf({ service, breaker }) {
  const owners = service ? [service] : (model.state?.services ?? [])
    .filter(({ endpoints }) => endpoints.some(({ name }) => name === breaker)).map(({ name }) => name);
  return owners.length === 1 && owners[0] !== breaker ? `${owners[0]} ${breaker}` : breaker;
}
const keyOf = entry => JSON.stringify([entry.at, entry.service, entry.breaker, entry.from, entry.to, entry.generation]);

function row(entry, isFresh) {
  const row = make("li", isFresh ? "new" : ""), move = make("span", "move"), date = new Date(entry.at);
  row.dataset.to = entry.to;
  row.key = keyOf(entry);
  row.words = `${nameOf(entry)} ${entry.from} ${entry.to} ${entry.reason}`;
  const time = make("time", "", isNaN(date) ? entry.at : clockTime(date));
  if (!isNaN(date)) time.dateTime = date.toISOString();
  for (const name of [entry.from, entry.to]) {
    const bold = make("b", "", name);
    bold.dataset.s = name;
    if (name === entry.to) move.append(" → ");
    move.append(bold);
  }
  row.append(time, move, make("span", "where", nameOf(entry)), make("span", "why", entry.reason));
  row.hidden = !fits(row.words);
  return row;
}

function log(entry, isFresh) {
  const key = keyOf(entry);
  if (logged.has(key)) return;
  logged.add(key);
  entries.push(entry);
  $("log").prepend(row(entry, isFresh));
  while ($("log").children.length > bound) {
    logged.delete($("log").lastChild.key);
    $("log").lastChild.remove();
    entries.shift();
  }
  $("empty").hidden = true;
}

export function takeTransitions(all) {
  // What is told again after a pause is not read out again.
  $("log").setAttribute("aria-live", "off");
  $("log").replaceChildren();
  logged.clear();
  entries = [];
  $("empty").hidden = all.length > 0;
  all.forEach(entry => log(entry, false));
  setTimeout(() => $("log").setAttribute("aria-live", "polite"), 500);
  drawTimeline();
}

export function takeTransition({ entries, missed }) {
  if (missed) {
    $("log").prepend(make("li", "missed", `${missed} more in between; the log of the gateway has them all.`));
  }
  entries.forEach(entry => log(entry, true));
  drawTimeline();
}

export function filterLog() {
  for (const row of $("log").children) row.hidden = !!row.words && !fits(row.words);
}

export function drawTimeline() {
  const canvas = $("timeline"), now = Date.now(), start = now - minutes * 60_000, ofBreaker = new Map();
  for (const entry of entries) {
    const name = nameOf(entry), at = Date.parse(entry.at);
    if (isNaN(at)) continue;
    if (!ofBreaker.has(name)) ofBreaker.set(name, []);
    ofBreaker.get(name).push({ ...entry, at });
  }
  const moved = [...ofBreaker].filter(([, moves]) => moves.at(-1).at > start)
    .sort(([, a], [, b]) => b.at(-1).at - a.at(-1).at).slice(0, lanes);
  canvas.hidden = !moved.length;
  if (!moved.length) return;
  canvas.style.height = `${moved.length * 26 + 20}px`;
  const width = canvas.clientWidth, height = canvas.clientHeight, scale = devicePixelRatio || 1;
  if (!width) return;
  [canvas.width, canvas.height] = [Math.round(width * scale), Math.round(height * scale)];
  const pen = canvas.getContext("2d"), x = at => Math.max(0, (at - start) / (now - start)) * width;
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.font = "11px system-ui, sans-serif";
  moved.forEach(([name, moves], lane) => {
    const y = lane * 26;
    pen.fillStyle = colour("soft");
    pen.fillText(name, 0, y + 10, width);
    let from = start, state = moves[0].from;
    for (const { at, to } of [...moves, { at: now, to: null }]) {
      if (at > from) {
        pen.fillStyle = colour(colours[state] ?? "soft");
        const thick = state === "closed" ? 2 : state === "half-open" ? 5 : 8;
        // Even a short state is seen.
        pen.fillRect(x(from), y + 20 - thick / 2, Math.max(1.5, x(at) - x(from)), thick);
      }
      from = Math.max(start, at);
      state = to;
    }
  });
  pen.fillStyle = colour("soft");
  pen.textAlign = "left";
  pen.fillText(`${minutes} min ago`, 0, height - 3);
  pen.textAlign = "right";
  pen.fillText("now", width, height - 3);
  canvas.setAttribute("aria-label", "The last ten minutes: " + moved.map(([name, moves]) =>
    `${name} changed ${moves.filter(({ at }) => at > start).length} times and is ${moves.at(-1).to}`).join("; "));
}
