// What every htmx request carries, and what happens when the answer is not what was hoped for.

const csrfToken = document.querySelector('meta[name="csrf-token"]').content;
const notices = document.getElementById("notices");
let signedOut = false;

function showNotice(name) {
  if (document.getElementById(`${name}-shown`)) return;
  const notice = document.getElementById(name).content.firstElementChild.cloneNode(true);
  notice.id = `${name}-shown`;
  notices.prepend(notice);
}

function hideNotice(name) {
  document.getElementById(`${name}-shown`)?.remove();
}

function isPoll(ctx) {
  return ctx.sourceElement.matches("[data-poll]");
}

document.addEventListener("htmx:config:request", (event) => {
  const { ctx } = event.detail;
  if (isPoll(ctx)) {
    if (document.hidden || signedOut) return event.preventDefault();
    // By hand, since pages are no-store and the browser keeps nothing to ask about.
    const { version } = ctx.sourceElement.dataset;
    if (version) ctx.request.headers["If-None-Match"] = version;
  }
  ctx.request.headers["X-CSRFToken"] = csrfToken;
});

document.addEventListener("htmx:before:response", (event) => {
  const { ctx } = event.detail;
  if (ctx.response.status === 401) {
    // The old content stays readable under a notice; a sign-in form inside a table helps nobody.
    event.preventDefault();
    signedOut = true;
    hideNotice("connection-notice");
    showNotice("signed-out-notice");
  } else if (isPoll(ctx) && ctx.response.status >= 400) {
    event.preventDefault();
    showNotice("connection-notice");
  } else {
    hideNotice("connection-notice");
  }
});

document.addEventListener("htmx:error", (event) => {
  if (event.detail.ctx) showNotice("connection-notice");
});

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  for (const element of document.querySelectorAll("[data-poll]")) {
    element.dispatchEvent(new CustomEvent("poll"));
  }
});

// A search tells how much it found; a list that refreshes itself stays silent.
document.addEventListener("htmx:after:swap", (event) => {
  const { ctx } = event.detail;
  if (isPoll(ctx)) return;
  const found = ctx.target.querySelector("[data-announce]");
  if (found) document.getElementById("announcer").textContent = found.dataset.announce;
});
