// The demonstration: the service behind the gateway can be broken here.
import { $, put, count, ask } from "./parts.js";
import { model } from "./model.js";

const modes = { "demo-fail": "fail", "demo-hang": "hang", "demo-slow": "slow", "demo-heal": "ok" };
const moods = { ok: "The service is well.", fail: "The service fails every call.",
  hang: "The service takes calls and never answers.", slow: "The service answers slowly." };

export function showDemo() {
  const { demo } = model.state;
  $("demo-part").hidden = !demo;
  if (!demo) return;
  for (const id in modes) $(id).setAttribute("aria-pressed", String(demo.mode === modes[id]));
  put($("mood"), moods[demo.mode] ?? demo.mode);
}

async function act(button, doing, path, done) {
  if (button.getAttribute("aria-busy") === "true") return;
  button.setAttribute("aria-busy", "true");
  put($("said"), doing);
  try { put($("said"), done(await ask(path, {}))); } catch (error) { put($("said"), error.message); }
  button.removeAttribute("aria-busy");
}

for (const id in modes) {
  $(id).addEventListener("click", () => act($(id), "", `/api/demo/mode/${modes[id]}`, ({ mode }) => {
    // It is told with the next second's changes; who has pressed sees it now.
    model.state.demo.mode = mode;
    showDemo();
    return "Send traffic to see what the breaker does.";
  }));
}
$("demo-traffic").addEventListener("click", () => act($("demo-traffic"), "Sending …", "/api/demo/traffic",
  ({ sent, statuses }) => `${count(sent)} sent: ` + Object.entries(statuses)
    .map(([status, times]) => `${count(times)} × ${status === "0" ? "no answer" : status}`).join(", ")));
