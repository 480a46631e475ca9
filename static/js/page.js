// Small comforts: "/" leads to the search, notices can be dismissed, a text can be copied or kept whole.

const SHORTCUT = "understudy-search-shortcut";
const search = document.getElementById("global-search");

function shortcutIsOn() {
  return localStorage.getItem(SHORTCUT) !== "off";
}

// People who speak to their computer type a stray "/" now and then: the key can be switched off in the settings.
function showShortcut() {
  const key = document.querySelector(".topbar__key");
  if (key) key.hidden = !shortcutIsOn();
  for (const box of document.querySelectorAll("[data-search-shortcut]")) box.checked = shortcutIsOn();
}

document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-search-shortcut]")) return;
  localStorage.setItem(SHORTCUT, event.target.checked ? "on" : "off");
  showShortcut();
});

document.addEventListener("keydown", (event) => {
  if (!search || event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.target.closest("input, select, textarea, dialog") || !shortcutIsOn()) return;
  event.preventDefault();
  search.focus();
  search.select();
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-dismiss]");
  if (!button) return;
  button.closest(".notice").remove();
  document.getElementById("main").focus({ preventScroll: true });
});

// The text is fetched only now, as reading it is recorded.
async function textAt(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}`);
  return new Blob([await answer.text()], { type: "text/plain" });
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const words = button.querySelector("span");
  const { copy, copied, failed } = button.dataset;
  let said = copied;
  try {
    // The clipboard waits for the text: once we had waited, the click would no longer count.
    await navigator.clipboard.write([new ClipboardItem({ "text/plain": textAt(copy) })]);
  } catch {
    said = failed;
  }
  words.textContent = document.getElementById("announcer").textContent = said;
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-download]");
  if (!button) return;
  const lines = [...document.getElementById(button.dataset.from).children].map((item) => item.textContent);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([`${lines.join("\n")}\n`], { type: "text/plain" }));
  link.download = button.dataset.download;
  link.click();
  URL.revokeObjectURL(link.href);
});

showShortcut();
