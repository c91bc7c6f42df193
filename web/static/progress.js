"use strict";
// Shows each handler's state as the server tells it; the server words everything.
(() => {
  const boxes = new Map();
  for (const box of document.querySelectorAll(".live")) {
    const fields = {};
    for (const field of box.querySelectorAll("[data-field]")) fields[field.dataset.field] = field;
    boxes.set(`${box.dataset.connection}|${box.dataset.handler}`, fields);
  }
  if (!boxes.size) return;

  const show = (view) => {
    const box = boxes.get(`${view.connection_id}|${view.handler_id}`);
    if (!box) return;
    // Numbers change often: only a change of state is spoken.
    if (box.state.textContent !== view.state) box.spoken.textContent = `${view.state}. ${view.text}`;
    box.state.textContent = view.state;
    box.state.className = `pill ${view.tone}`;
    box.counts.textContent = view.counts;
    box.text.textContent = view.text;
    box.run.textContent = view.run;
    box.about.hidden = !view.run;
    box.bar.hidden = !view.busy;
    if (view.total) {
      box.bar.max = view.total;
      box.bar.value = view.kept;
    } else {
      box.bar.removeAttribute("value");
    }
  };

  const listen = () => {
    const source = new EventSource("/api/rest/v1/events");
    source.addEventListener("progress", (event) => show(JSON.parse(event.data)));
    source.addEventListener("error", () => {
      // The browser comes back by itself after an end, but not after a refusal.
      if (source.readyState === EventSource.CLOSED) setTimeout(listen, 5000);
    });
    addEventListener("pagehide", () => source.close(), { once: true });
  };
  listen();
  addEventListener("pageshow", (event) => event.persisted && location.reload());
})();
