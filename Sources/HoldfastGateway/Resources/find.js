// What is looked for: one text for the whole page. What does not have all of its words is not shown.
import { $ } from "./parts.js";

let words = [], latest = null;
const listeners = [];

export const fits = text => {
  if (!words.length) return true;
  const low = text.toLowerCase();
  return words.every(word => low.includes(word));
};

// Has somebody told when another text is looked for.
export function found(listener) { listeners.push(listener); }

$("find").addEventListener("input", () => {
  clearTimeout(latest);
  latest = setTimeout(() => {
    const text = $("find").value.trim().toLowerCase();
    words = text.split(/\s+/).filter(Boolean);
    for (const listener of listeners) listener(text);
  }, 120);
});
