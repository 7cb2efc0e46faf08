// What the page knows: the state, kept up to date by what the gateway tells of it, and the samples of the last minutes.

export const samples = 120;
export const classes = ["2xx", "3xx", "1xx", "4xx", "5xx", "none"];

export const model = {
  state: null,
  plan: { services: [], routes: [] },
  // A trend for each row: series by name, each with as many values as there are samples, the oldest first.
  trends: { number: -1, interval: 5, rows: new Map(), missing: [] },
  heard: 0,
  isStale: true,
};

// The row that a change is about, as the gateway names them: g, s0, e0.1, r0.
export function rowOf(name) {
  const { state } = model, place = name.slice(1);
  switch (name[0]) {
  case "g": return state;
  case "s": return state.services[place];
  case "r": return state.routes[place];
  default: {
    const [service, endpoint] = place.split(".");
    return state.services[service]?.endpoints[endpoint];
  }
  }
}

function merge(target, change) {
  for (const [name, value] of Object.entries(change)) {
    const isGroup = value !== null && typeof value === "object" && !Array.isArray(value);
    if (isGroup && target[name] !== null && typeof target[name] === "object") merge(target[name], value);
    else target[name] = value;
  }
}

function timed(breaker) {
  if (breaker && breaker.retryAfterSeconds !== undefined) {
    breaker.opensAt = performance.now() + breaker.retryAfterSeconds * 1000;
    delete breaker.retryAfterSeconds;
  }
}

export function takeState(state) {
  model.state = state;
  model.started = performance.now() - state.uptimeSeconds * 1000;
  state.services.forEach((service, place) => {
    service.row = `s${place}`;
    timed(service.breaker);
    service.endpoints.forEach(({ breaker }) => timed(breaker));
  });
  state.routes.forEach((route, place) => { route.row = `r${place}`; });
}

// Returns the names of the rows that are to be drawn anew, and whether that can wait for others.
export function takeChanges(changes) {
  const touched = new Set();
  let isUrgent = false;
  for (const [name, change] of Object.entries(changes)) {
    const row = rowOf(name);
    if (!row) continue;
    merge(row, change);
    timed(row.breaker);
    isUrgent ||= !!change.breaker?.state || change.store?.unknownKeys !== undefined
      || ["healthy", "ejected", "waived", "demo"].some(part => part in change);
    // An endpoint is drawn with its service.
    touched.add(name[0] === "e" ? `s${name.slice(1).split(".")[0]}` : name);
  }
  return { touched, isUrgent };
}

export function takeTrends(report) {
  const { trends, state } = model, { number, count, missing } = report;
  trends.rows.clear();
  trends.number = number;
  trends.interval = report.intervalSeconds;
  const padding = samples - count;
  trends.missing = Array.from({ length: samples }, (_, place) => place < padding || missing.includes(place - padding));
  const padded = series => Object.fromEntries(Object.entries(series)
    .map(([name, values]) => [name, [...new Array(padding).fill(0), ...values]]));
  trends.rows.set("g", padded(report.all));
  state.services.forEach(({ name, row }) => trends.rows.set(row, padded(report.services[name] ?? {})));
  state.routes.forEach(({ name, row }) => trends.rows.set(row, padded(report.routes[name] ?? {})));
}

// Returns whether it followed the sample before; if not, all are to be asked for.
export function takeTrend({ number, rows, missing }) {
  const { trends } = model;
  if (number <= trends.number) return true;
  if (number !== trends.number + 1) return false;
  trends.number = number;
  trends.missing.push(!!missing);
  trends.missing.shift();
  for (const series of trends.rows.values()) {
    for (const values of Object.values(series)) {
      values.push(0);
      values.shift();
    }
  }
  for (const [row, values] of Object.entries(rows ?? {})) {
    const series = trends.rows.get(row) ?? {};
    trends.rows.set(row, series);
    for (const [name, value] of Object.entries(values)) {
      series[name] ??= new Array(samples).fill(0);
      series[name][samples - 1] = value;
    }
  }
  return true;
}

export const series = (row, name) => model.trends.rows.get(row)?.[name];

// Of the last samples, 12 of which are a minute.
export function lately(row, name, many = 12) {
  const values = series(row, name);
  return values ? values.slice(-many).reduce((sum, value) => sum + value, 0) : 0;
}

// For which reasons the gateway answered itself.
const plain = new Set([...classes, "p50", "p99", "retries", "claims", "replays", "unknown", "budget"]);
export const reasonsOf = row => Object.keys(model.trends.rows.get(row) ?? {}).filter(name => !plain.has(name)).sort();

export const latest = (row, name) => series(row, name)?.[samples - 1] ?? 0;
export const isWell = ({ breaker }) => !breaker || breaker.state === "closed" || breaker.state === "disabled";

// All that answers to the gateway's own reasons, in the order in which they count.
export const reasons = rejections => Object.entries(rejections).filter(([, times]) => times).sort(([, a], [, b]) => b - a);

export const left = breaker => Math.max(0, ((breaker.opensAt ?? 0) - performance.now()) / 1000);

export function cooling(breaker) {
  if (breaker.state === "open") {
    const time = left(breaker);
    return time > 0 ? `${Math.ceil(time)} s left` : "probe is next";
  }
  if (breaker.state === "half-open") return breaker.probesInFlight ? "probe in flight" : "waits for a probe";
  return "";
}
