/* The page where a hand-off from the admin site arrives: exchanges the ticket in the fragment for
   the session's token, and keeps the token for this tab alone. */
(() => {
  "use strict";

  // Before anything else, take the ticket out of the address bar and out of this history entry.
  const fragment = location.hash;
  history.replaceState(null, "", location.pathname);
  const ticket = new URLSearchParams(fragment.slice(1)).get("ticket");

  function show(name) {
    for (const part of document.querySelectorAll("main > div")) part.hidden = part.id !== name;
    const heading = document.querySelector(`#${name} h1`);
    document.title = heading.textContent;
    heading.focus();
  }

  async function redeem() {
    try {
      const response = await fetch("/impersonation/redemption", {
        method: "POST",
        credentials: "omit",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ ticket }),
      });
      const answer = await response.json();
      if (response.ok) return { token: answer.token };
      return { failure: answer.code === "ticket_refused" ? "refused" : "unavailable" };
    } catch {
      // No second try: a ticket that was used after all would end its session.
      return { failure: "unavailable" };
    }
  }

  function keep(token) {
    try {
      sessionStorage.setItem("impersonation.token", token);
      sessionStorage.removeItem("impersonation.ended");
      return true;
    } catch {
      return false;
    }
  }

  addEventListener("DOMContentLoaded", async () => {
    if (!ticket) return show("missing");
    show("opening");
    const { token, failure } = await redeem();
    if (failure) return show(failure);
    if (!keep(token)) return show("unkept");
    // Replaced, so that Back does not return here.
    location.replace("/");
  });
})();
