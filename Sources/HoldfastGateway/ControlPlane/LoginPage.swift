#if Gateway
/// Asks for the token, and presents it once.
let loginPage = #"""
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>Holdfast</title>
    <style>
    body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: Canvas; color: CanvasText;
      font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
    form { width: min(340px, calc(100vw - 64px)); display: grid; gap: 12px; }
    h1 { font-size: 24px; font-weight: 650; letter-spacing: -.02em; margin: 0; }
    p { margin: 0; opacity: .7; }
    input, button { font: inherit; padding: 9px 12px; border-radius: 8px; border: 1px solid GrayText; }
    button { border: 0; background: CanvasText; color: Canvas; font-weight: 600; cursor: pointer; }
    </style>
    </head>
    <body>
    <form id="form">
      <h1>Holdfast</h1>
      <label for="token">The control plane's token</label>
      <input id="token" type="password" autocomplete="current-password" required autofocus>
      <button>Open</button>
      <p id="said" role="alert"></p>
    </form>
    <script>
    "use strict";
    document.getElementById("form").onsubmit = async event => {
      event.preventDefault();
      const say = text => { document.getElementById("said").textContent = text; };
      try {
        const answer = await fetch("/api/login", { method: "POST", headers: { "content-type": "application/json" },
          body: JSON.stringify({ token: document.getElementById("token").value }) });
        if (answer.ok) location.reload();
        else say(answer.status === 401 ? "This is not the token." : `The gateway answered ${answer.status}.`);
      } catch { say("The gateway does not answer."); }
    };
    </script>
    </body>
    </html>
    """#
#endif
