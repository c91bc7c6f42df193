"use strict";
// The link's secret stands behind "#": take it off the address, exchange it, go on.
const signIn = async () => {
  const link = new URLSearchParams(location.hash.slice(1));
  if (!link.get("token")) return;
  history.replaceState(null, "", location.pathname);
  document.getElementById("without-link").hidden = true;
  document.getElementById("with-link").hidden = false;
  const state = document.getElementById("sign-in-state");
  state.textContent = "Signing you in…";
  try {
    const answer = await fetch(location.pathname, { method: "POST", body: link });
    if (answer.ok) {
      location.replace((await answer.json()).next);
      return;
    }
    state.textContent = "This link was used already or is too old.";
  } catch {
    state.textContent = "The server did not answer. Is it running? Ask it for a new link.";
  }
  document.getElementById("without-link").hidden = false;
};
// A link that is opened while this page shows changes nothing but what stands behind "#".
addEventListener("hashchange", signIn);
signIn();
