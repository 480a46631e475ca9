// A form that opens a tab sends its proof ahead, so that what was typed stays where it is if the proof is wrong.

let waiting = null;

document.addEventListener("submit", (event) => {
  const form = event.target;
  const proof = form.querySelector("fieldset.step-up");
  if (!form.matches(".start-form") || !proof) return;
  event.preventDefault();
  waiting = form;
  proof.dispatchEvent(new CustomEvent("prove"));
});

document.addEventListener("htmx:after:swap", (event) => {
  if (!waiting || !event.detail.ctx.sourceElement.matches(".step-up")) return;
  const form = waiting;
  waiting = null;
  const code = form.querySelector("#step-up-code");
  const ok = form.querySelector("button[type=submit]");
  if (code) return code.focus();
  // Only a click of a moment ago may open a tab; after a passkey's own questions it takes another one.
  if (!form.querySelector("fieldset.step-up") && navigator.userActivation?.isActive) return form.requestSubmit(ok);
  ok.focus();
});

document.addEventListener("htmx:error", () => {
  waiting = null;
});
