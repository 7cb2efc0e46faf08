// Small charts of the last minutes, on canvases: one element each, however many values there are. A chart that nobody sees
// is not drawn.
import { make, put, count } from "./parts.js";
import { model, samples, series, latest, classes, lately, reasonsOf } from "./model.js";

const colours = {};
function learnColours() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ["closed", "open", "half", "focus", "edge", "soft", "line", "ink"]) {
    colours[name] = style.getPropertyValue(`--${name}`).trim();
  }
}
learnColours();
export const colour = name => colours[name];
const ofClass = { "2xx": "closed", "3xx": "focus", "1xx": "focus", "4xx": "half", "5xx": "open", none: "edge" };

// Whether somebody sees this row. One that nobody sees may be some seconds behind, and is as it should be when it is seen.
export const isSeen = item => item.details.open || item.summary.querySelector("canvas").isSeen;

export const charts = new Set();
const seen = new IntersectionObserver(entries => {
  for (const { target, isIntersecting } of entries) {
    target.isSeen = isIntersecting;
    if (isIntersecting) draw(target, sizeOf(target));
  }
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  learnColours();
  redraw();
});

// Kinds: "classes" stacks what requests came to, "rejected" the gateway's reasons, "times" has p50 under p99; anything else
// is a series' name.
export function chart(row, kind, label) {
  const canvas = make("canvas", `chart ${kind}`);
  Object.assign(canvas, { row, kind, label });
  if (label) {
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", words(canvas));
  } else canvas.setAttribute("aria-hidden", "true");
  charts.add(canvas);
  seen.observe(canvas);
  return canvas;
}

// Charts whose rows are gone are forgotten with them. All sizes are asked for before the first is drawn: one that is asked
// for in between has the browser lay out the page once more.
export function redraw() {
  const wanted = [];
  for (const canvas of charts) {
    if (!canvas.isConnected) {
      charts.delete(canvas);
      seen.unobserve(canvas);
    } else if (canvas.isSeen) wanted.push([canvas, sizeOf(canvas)]);
  }
  for (const [canvas, size] of wanted) draw(canvas, size);
}

const sizeOf = ({ clientWidth, clientHeight }) => [clientWidth, clientHeight];

export const time = microseconds => microseconds >= 1e6 ? `${+(microseconds / 1e6).toFixed(1)} s`
  : microseconds >= 1e4 ? `${Math.round(microseconds / 1e3)} ms` : `${+(microseconds / 1e3).toFixed(1)} ms`;

export function rate(value) {
  const perSecond = value / model.trends.interval;
  return perSecond === 0 ? "0" : perSecond < 10 ? perSecond.toFixed(1) : count(Math.round(perSecond));
}

export const total = row => classes.reduce((sum, name) => sum + latest(row, name), 0);

function values(canvas) {
  const { row, kind } = canvas;
  if (kind === "classes") {
    return classes.map(name => [ofClass[name], series(row, name)]).filter(([, values]) => values);
  }
  if (kind === "times") return [["edge", series(row, "p50")], ["focus", series(row, "p99")]].filter(([, values]) => values);
  if (kind === "rejected") return reasonsOf(row).map(name => ["half", series(row, name)]);
  const own = series(row, kind);
  return own ? [[kind === "budget" || kind === "replays" || kind === "claims" ? "focus" : "open", own]] : [];
}

// In words, for those who do not see it.
function words(canvas) {
  const { row, kind, label } = canvas;
  if (kind === "times") return `${label}: now ${time(latest(row, "p50"))} and ${time(latest(row, "p99"))}`;
  if (kind === "classes") {
    const parts = classes.map(name => [name, lately(row, name, samples)]).filter(([, sum]) => sum)
      .map(([name, sum]) => `${count(sum)} ${name === "none" ? "without an answer" : name}`);
    return `${label}: now ${rate(total(row))} a second; in ten minutes ${parts.join(", ") || "none"}`;
  }
  if (kind === "rejected") {
    return `${label}: ${count(reasonsOf(row).reduce((sum, name) => sum + lately(row, name, samples), 0))} in ten minutes`;
  }
  const own = series(row, kind);
  if (kind === "budget") return `${label}: now ${count(latest(row, kind))}, at least ${count(own ? Math.min(...own) : 0)}`;
  return `${label}: ${count(lately(row, kind, samples))} in ten minutes`;
}

function draw(canvas, [width, height]) {
  const scale = devicePixelRatio || 1;
  if (!width) return;
  if (canvas.width !== Math.round(width * scale)) [canvas.width, canvas.height] = [width, height].map(x => Math.round(x * scale));
  const pen = canvas.getContext("2d"), all = values(canvas), isStack = canvas.kind === "classes" || canvas.kind === "rejected";
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, width, height);
  const step = width / samples, floor = height - .5;
  pen.fillStyle = colours.line;
  pen.fillRect(0, floor, width, .5);
  const sums = isStack ? Array.from({ length: samples }, (_, place) => all.reduce((sum, [, values]) => sum + values[place], 0)) : null;
  const most = Math.max(1, ...(isStack ? sums : all.flatMap(([, values]) => values)));
  if (isStack) {
    const base = new Array(samples).fill(floor);
    for (const [name, values] of all) {
      pen.fillStyle = colours[name];
      values.forEach((value, place) => {
        if (!value) return;
        // What there was is seen, however little it was.
        const size = Math.max(1, value / most * (height - 2));
        base[place] -= size;
        pen.fillRect(place * step, base[place], Math.max(1, step - .5), size);
      });
    }
  } else {
    pen.lineWidth = 1.25;
    pen.lineJoin = "round";
    for (const [name, values] of all) {
      pen.strokeStyle = colours[name];
      pen.beginPath();
      let isDown = false;
      values.forEach((value, place) => {
        // Where there was no sample, there is no line; and no time where there was no request.
        if (model.trends.missing[place] || (canvas.kind === "times" && !value)) { isDown = false; return; }
        const x = (place + .5) * step, y = floor - value / most * (height - 3);
        if (isDown) pen.lineTo(x, y); else pen.moveTo(x, y);
        if (!isDown) pen.lineTo(x + .01, y);
        isDown = true;
      });
      pen.stroke();
    }
  }
  if (canvas.label) canvas.setAttribute("aria-label", words(canvas));
  if (canvas.caption) put(canvas.caption, words(canvas).slice(canvas.label.length + 2));
}

function captioned(row, kind, label) {
  const figure = make("figure"), caption = make("figcaption"), canvas = chart(row, kind, label);
  canvas.caption = make("span", "soft");
  caption.append(make("b", "", label), " ", canvas.caption);
  figure.append(canvas, caption);
  return figure;
}

const kinds = [["classes", "Requests by class"], ["times", "Latency, p50 and p99"], ["retries", "Retries"],
  ["budget", "Retries left"], ["claims", "Claims"], ["replays", "Replays"], ["unknown", "Became unknown"]];

// All that is known of a row's last minutes: its own series, and one for each reason that there was.
export function panel(row) {
  const part = make("section", "charts");
  const update = () => {
    const wanted = [...kinds, ...reasonsOf(row).map(name => [name, `Rejected: ${name}`])];
    const text = wanted.map(([kind]) => kind).join();
    if (part.kinds === text) return;
    part.kinds = text;
    part.replaceChildren(...wanted.map(([kind, label]) => captioned(row, kind, label)));
  };
  update();
  return { part, update };
}
