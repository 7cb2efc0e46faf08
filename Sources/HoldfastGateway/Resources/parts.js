// What every part of the page is made with. Text becomes part of the page as text alone.

export const $ = id => document.getElementById(id);
export const count = value => Number(value).toLocaleString("en");
export const seconds = value => `${+value.toFixed(1)} s`;

export function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function make(tag, name, text) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text !== undefined) element.textContent = text;
  return element;
}

// What was pressed last: not every browser moves the focus there.
let pressed = null;

export function button(name, text, label, act) {
  const element = make("button", name, text);
  element.type = "button";
  if (label) element.setAttribute("aria-label", label);
  element.addEventListener("click", event => {
    pressed = element;
    act(event);
  });
  return element;
}

// Names and figures in pairs. What stands there already is used again.
export function figures(list, pairs) {
  if (list.children.length !== pairs.length) {
    list.replaceChildren(...pairs.map(([name]) => {
      const group = make("div");
      group.append(make("dt", "", name), make("dd"));
      return group;
    }));
  }
  pairs.forEach(([, value], index) =>
    put(list.children[index].lastChild, typeof value === "number" ? count(value) : value));
}

// A row for each of these, by their names and in their order; what goes is removed.
export function rows(list, items, make, update) {
  const known = new Map([...list.children].map(row => [row.key, row]));
  const wanted = items.map(item => {
    let row = known.get(item.name);
    if (!row) {
      row = make(item);
      row.key = item.name;
    }
    known.delete(item.name);
    update(row, item);
    return row;
  });
  for (const row of known.values()) row.remove();
  wanted.forEach((row, place) => {
    if (list.children[place] !== row) list.insertBefore(row, list.children[place] ?? null);
  });
}

// Words with a figure each. Made anew only when they change.
export function tags(list, wanted) {
  const text = JSON.stringify(wanted);
  if (list.tags === text) return;
  list.tags = text;
  list.replaceChildren(...wanted.map(([name, kind, value]) => {
    const tag = make("span", `tag ${kind}`, name);
    if (value !== undefined) tag.append(" ", make("b", "", count(value)));
    return tag;
  }));
}

// Whatever a name says before its colon is what it is called.
export function policies(words) {
  const part = make("section"), list = make("dl", "policies");
  for (const line of words) {
    const colon = line.indexOf(": ");
    list.append(make("dt", "", line.slice(0, colon)), make("dd", "", line.slice(colon + 2)));
  }
  part.append(make("h3", "", "Policies, the outermost first"), list);
  return part;
}

// A row that can be opened. What is in it is made when it opens, and gone when it closes.
export function openable(className, fill) {
  const item = make("li", className), details = make("details"), summary = make("summary"), inside = make("div", "inside");
  details.append(summary, inside);
  item.append(details);
  details.addEventListener("toggle", () => {
    if (details.open) fill(inside, item);
    else {
      inside.replaceChildren();
      item.update = null;
    }
  });
  Object.assign(item, { details, summary, inside, fill });
  return item;
}

// What is open is filled anew, because what it means has changed. Whoever is in it stays there.
export function refill(list) {
  for (const item of list.children) {
    if (!item.details?.open || item.inside.contains(document.activeElement)) continue;
    item.inside.replaceChildren();
    item.fill(item.inside, item);
  }
}

export async function ask(path, body) {
  const options = body === undefined ? {} : {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  let answer;
  try { answer = await fetch(path, options); } catch { throw new Error("The gateway does not answer."); }
  let value = null;
  try { value = await answer.json(); } catch { /* Its status says it. */ }
  if (!answer.ok) {
    const said = value?.error?.message ?? value?.detail;
    throw Object.assign(new Error(said ? `The gateway refuses: ${said}` : `The gateway answered ${answer.status}.`),
      { status: answer.status });
  }
  return value;
}

export function ago(since) {
  const s = Math.max(0, Math.round(since));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  return s < 86400 ? `${Math.floor(s / 3600)} h ${Math.floor(s / 60) % 60} min` : `${Math.floor(s / 86400)} d`;
}

export function clockTime(date) {
  return `${date.toLocaleTimeString("en-GB")}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

const isThere = element => !!element?.isConnected && element.checkVisibility();

// Where whoever leaves a dialog is to be: at what opened it, or, where that is gone or hidden by what was decided, at what
// is about the same thing, or at the nearest part around it. What that is, is looked up before the dialog opens.
function wayBack() {
  const opener = pressed?.checkVisibility() ? pressed : document.activeElement, around = [];
  for (let at = opener.parentElement; at; at = at.parentElement) {
    if (at.matches("[tabindex='0']")) around.push(at);
    if (at.matches("details")) around.push(at.querySelector("summary"));
  }
  const about = opener.closest(".orders")?.dataset.about;
  return () => {
    const same = about === undefined ? [] : [...document.querySelectorAll(".orders")]
      .filter(({ dataset }) => dataset.about === about).flatMap(part => [...part.children]);
    [opener, ...same, ...around].find(isThere)?.focus();
  };
}

// When what is focused is hidden, its neighbour is.
export function stay(part) {
  const at = document.activeElement;
  if (part.contains(at) && !at.checkVisibility()) [...part.querySelectorAll("button")].find(isThere)?.focus();
}

// A decision needs who and why, and a second look: the form is shown, then what will happen, and only then is it sent.
let by = "", answerer = null;

export function decide({ title, words, fields = [], verb, sum, send }) {
  const dialog = $("ask"), inputs = {};
  put($("ask-title"), title);
  put($("ask-words"), words);
  put($("ask-said"), "");
  put($("ask-yes"), "Review");
  $("ask-by").value = by;
  $("ask-why").value = "";
  $("ask-fields").replaceChildren(...fields.map(field => field(inputs)));
  let isReviewed = false;
  const lock = locked => {
    for (const field of $("ask-form").querySelectorAll("input, textarea, select")) field.disabled = locked;
  };
  lock(false);
  answerer = async () => {
    by = $("ask-by").value.trim();
    const why = $("ask-why").value.trim();
    if (!by || !why) return put($("ask-said"), "Who decides, and why, must be said.");
    if (!isReviewed) {
      isReviewed = true;
      lock(true);
      put($("ask-said"), sum(inputs));
      put($("ask-yes"), verb);
      // Whoever pressed Enter in a field has not pressed the button, and does not by pressing once more.
      if (document.activeElement !== $("ask-yes")) $("ask-no").focus();
      return;
    }
    $("ask-yes").setAttribute("aria-busy", "true");
    try {
      await send({ by, why, inputs });
      dialog.close();
    } catch (error) {
      put($("ask-said"), error.message);
      put($("ask-yes"), "Review");
      isReviewed = false;
      lock(false);
    }
    $("ask-yes").removeAttribute("aria-busy");
  };
  dialog.addEventListener("close", wayBack(), { once: true });
  dialog.showModal();
}

$("ask-form").addEventListener("submit", event => {
  event.preventDefault();
  if ($("ask-yes").getAttribute("aria-busy") !== "true") answerer?.();
});
$("ask-no").addEventListener("click", () => $("ask").close());
