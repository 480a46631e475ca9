// The one <dialog> of the page: htmx fills it, this opens and closes it.

const dialog = document.getElementById("dialog");
let opener = null;

document.addEventListener("htmx:after:swap", (event) => {
  const { ctx } = event.detail;
  if (ctx.target !== dialog || dialog.open) return;
  opener = ctx.sourceElement;
  dialog.showModal();
});

dialog.addEventListener("click", (event) => {
  if (!event.target.closest("[data-close-dialog]")) return;
  event.preventDefault();
  dialog.close();
});

dialog.addEventListener("close", () => {
  dialog.replaceChildren();
  // The row that held the opener may be gone by now.
  const place = opener?.isConnected && opener !== dialog ? opener : document.getElementById("main");
  opener = null;
  place.focus();
});

// OK opens a tab of its own and this page stays: a second click must send nothing. The buttons are disabled on the
// next tick, because one that is disabled at once is left out of what is being sent.
const sent = new WeakSet();

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches(".start-form") || event.defaultPrevented) return;
  if (sent.has(form)) return event.preventDefault();
  sent.add(form);
  setTimeout(() => {
    for (const button of form.querySelectorAll("button[type=submit]:not([data-close-dialog])")) button.disabled = true;
    if (dialog.contains(form)) dialog.close();
  });
});
