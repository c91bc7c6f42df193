"use strict";
// Loads the page again once the sign-in has moved on: the code was scanned, or is a new one.
(() => {
  const step = document.getElementById("step");
  let misses = 0;
  const look = async () => {
    try {
      const answer = await fetch(step.dataset.ask, { headers: { Accept: "application/json" } });
      misses = answer.ok ? 0 : misses + 1;
      if (answer.ok && (await answer.json()).mark !== step.dataset.mark) location.reload();
    } catch {
      misses += 1;
    }
    if (misses < 10) setTimeout(look, 1500);
    else document.getElementById("step-text").textContent = "The server does not answer. Load the page again.";
  };
  setTimeout(look, 1500);
})();
