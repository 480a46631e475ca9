// Countdowns and "3 min ago", kept current by the server's clock: this computer's own may be wrong.

const arrival = performance.timeOrigin + (performance.getEntriesByType("navigation")[0]?.responseStart ?? 0);
const serverTime = Date.parse(document.querySelector('meta[name="server-time"]').content);
const offset = serverTime - arrival;

function pad(number) {
  return String(number).padStart(2, "0");
}

function clock(seconds) {
  return `${pad(Math.floor(seconds / 60))}:${pad(seconds % 60)}`;
}

// The words are those of the `ago` filter; what is a day old no longer changes while one looks.
function ago(seconds) {
  if (seconds < 1) return "just now";
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
  return null;
}

function write(element, words) {
  if (words !== null && element.textContent !== words) element.textContent = words;
}

function tick() {
  const now = Date.now() + offset;
  for (const element of document.querySelectorAll("[data-expires-at]")) {
    const left = Math.max(0, Math.floor((Date.parse(element.dataset.expiresAt) - now) / 1000));
    write(element, clock(left));
    element.classList.toggle("countdown--short", left <= 120);
  }
  for (const element of document.querySelectorAll("time[data-ago]")) {
    write(element, ago(Math.max(0, (now - Date.parse(element.dateTime)) / 1000)));
  }
}

tick();
setInterval(tick, 1000);
