// Keys of which nobody knows how they ended: the oldest first, a page at a time. An operator settles them here.
import { $, put, make, button, rows, openable, ask, decide, count, ago } from "./parts.js";
import { model } from "./model.js";
import { fits } from "./find.js";

const pageSize = 50;
// Where each page begins that was turned to; the first begins at the beginning.
let page = null, next = null, records = [], settled = "", marked, asked = 0, isAsking = false;

// Of a key that was executed again, the claim that is unknown.
const claimed = ({ history, fence }) =>
  history.findLast(entry => entry.event === "claimed" && entry.fence === fence) ?? history[0];
// What is known of a record besides: it may be more than this page knows of.
const known = new Set(["record", "state", "fence", "leaseEndsInSeconds", "expiresInSeconds", "payloadBytes", "history", "name"]);

function words(value) {
  return value !== null && typeof value === "object" ? Object.entries(value)
    .filter(([, part]) => part !== null).map(([name, part]) => `${name} ${words(part)}`).join(", ") : String(value);
}

function makeKey() {
  const item = openable("key-of", (inside, item) => open(inside, item.record));
  item.summary.append(make("span", "title mono"), make("span", "soft began"), make("span", "soft by"));
  return item;
}

function updateKey(item, record) {
  const find = name => item.summary.querySelector(name), began = claimed(record);
  item.record = record;
  const { cause } = record, who = cause?.caller ?? cause?.client;
  put(find(".title"), cause ? `${cause.method} ${cause.host}${cause.path}`
    : record.causeUnreadable ? "a request that cannot be read" : "a request that was not kept");
  put(find(".began"), began ? `${ago(began.secondsAgo)} ago` : "");
  put(find(".by"), [cause ? new Date(cause.startedAt).toLocaleString("en-GB") : "", who ? `by ${who}` : "",
    began?.by ? `at ${began.by}` : "", `record ${record.record.slice(0, 16)}…`].filter(Boolean).join(", "));
}

function open(inside, record) {
  const facts = make("dl", "facts-of"), history = make("ol", "why");
  const pair = (name, value) => facts.append(make("dt", "", name), make("dd", "mono", value));
  pair("Record", record.record);
  for (const [name, value] of Object.entries(record)) if (!known.has(name) && value !== null) pair(name, words(value));
  pair("Fence", String(record.fence));
  pair("Forgotten in", ago(record.expiresInSeconds));
  history.append(...record.history.map(({ event, by, why, secondsAgo }) =>
    make("li", "", `${event}, ${ago(secondsAgo)} ago${by ? `, by ${by}` : ""}${why ? `: ${why}` : ""}`)));
  const about = record.record.slice(0, 16);
  inside.append(facts, history, button("primary", "Settle …", `settle the key with record ${about}`, () => settle(record)));
}

const choice = (inputs, id, value, text, isChosen) => {
  const label = make("label", "choice"), input = make("input");
  Object.assign(input, { type: "radio", name: "as", id, value, checked: isChosen, required: true });
  inputs[value] = input;
  label.append(input, ` ${text}`);
  return label;
};

const field = (id, label, tag, attributes) => inputs => {
  const pair = make("p", "pair-of response"), name = make("label", "", label), input = make(tag);
  name.htmlFor = id;
  Object.assign(input, { id, ...attributes });
  inputs[id] = input;
  pair.append(name, input);
  return pair;
};

function settle(record) {
  const about = `the key with record ${record.record.slice(0, 16)}…`;
  decide({
    title: "Settle a key", words: `Look up first what happened: ${about}. What is decided cannot be taken back.`,
    fields: [
      inputs => {
        const set = make("fieldset");
        set.append(make("legend", "", "How it ended"),
          choice(inputs, "as-released", "released", "Nothing happened: it may be executed again", false),
          choice(inputs, "as-completed", "completed", "It happened: repeats are answered from now on", false));
        set.addEventListener("change", () => $("ask-fields").classList.toggle("completed", inputs.completed.checked));
        $("ask-fields").classList.remove("completed");
        return set;
      },
      field("as-status", "Status of the answer that repeats get; none: they get 409", "input",
        { type: "number", min: 100, max: 599, inputMode: "numeric" }),
      field("as-type", "Its content type", "input", { type: "text", placeholder: "application/json" }),
      field("as-body", "Its body", "textarea", { rows: 3 }),
    ],
    verb: "Settle it",
    sum: inputs => inputs.released.checked
      ? `Nothing happened under ${about}, and the next request with this key is executed?`
      : `It happened under ${about}, and repeats get ${inputs["as-status"].value || "409, since no answer is kept"}?`,
    send: async ({ by, why, inputs }) => {
      const as = inputs.released.checked ? "released" : "completed", status = Number(inputs["as-status"].value);
      const body = inputs["as-body"].value, contentType = inputs["as-type"].value.trim();
      const response = as === "completed" && status
        ? { response: { status, ...(contentType ? { contentType } : {}), ...(body ? { body } : {}) } } : {};
      await ask(`/api/keys/${record.record}/resolve`, { fence: record.fence, as, by, why, ...response });
      settled = `Settled as ${as}: ${record.record.slice(0, 16)}….`;
      await load();
    },
  });
}

async function load() {
  if (isAsking) return;
  isAsking = true;
  asked = performance.now();
  marked = model.state?.store?.unknownKeys;
  try {
    const query = new URLSearchParams({ state: "unknown", "looking-at": String(pageSize) });
    if (page) query.set("after", page);
    const answer = await ask(`/api/keys?${query}`);
    records = answer.records;
    next = answer.next ?? null;
    show();
  } catch (error) {
    put($("key-said"), error.message);
  }
  isAsking = false;
}

function show() {
  const fitting = records.filter(record => fits(words(record)));
  rows($("keys"), fitting.map(record => ({ ...record, name: record.record })), makeKey, updateKey);
  $("key-pages").hidden = !page && !next;
  $("key-first").disabled = !page;
  $("key-next").disabled = !next;
  let said = "";
  if (!fitting.length) {
    said = records.length ? "None of those shown fits what you look for."
      : next ? "None of those that were looked at is unknown any more. There may be more on the next page."
        : "There is none: of each key it is known how it ended.";
  }
  put($("key-said"), [settled, said].filter(Boolean).join(" "));
}

// How many there are is the gauge's word, whatever is listed.
export function touchKeys() {
  const { store } = model.state, unknown = store?.unknownKeys;
  put($("key-count"), unknown === undefined ? "the store does not tell how many" : `${count(unknown)}, the oldest first`);
  if (unknown === marked && asked) return;
  const isRead = $("keys").contains(document.activeElement) || $("keys").querySelector("details[open]") || $("ask").open;
  if (!isRead && (!asked || performance.now() - asked > 5000)) load();
}

function turn(to) {
  page = to;
  settled = "";
  load();
}

$("key-first").addEventListener("click", () => turn(null));
$("key-next").addEventListener("click", () => turn(next));
export { load as loadKeys, show as showKeys };
