/* The page of an ended session: tells why, as this tab remembers it, until the person moves on. */
(() => {
  "use strict";

  addEventListener("DOMContentLoaded", () => {
    const { sentence } = JSON.parse(sessionStorage.getItem("impersonation.ended") ?? "{}");
    if (sentence) document.getElementById("sentence").textContent = sentence;
    document.getElementById("continue").addEventListener("click", (event) => {
      event.preventDefault();
      sessionStorage.removeItem("impersonation.ended");
      location.replace("/");
    });
  });
})();
