// Small comforts: "/" leads to the search, notices can be dismissed.

const SHORTCUT = "understudy-search-shortcut";
const search = document.getElementById("global-search");

function shortcutIsOn() {
  return localStorage.getItem(SHORTCUT) !== "off";
}

// People who speak to their computer type a stray "/" now and then: the key can be switched off in the settings.
function showShortcut() {
  document.querySelector(".topbar__key").hidden = !shortcutIsOn();
  for (const box of document.querySelectorAll("[data-search-shortcut]")) box.checked = shortcutIsOn();
}

document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-search-shortcut]")) return;
  localStorage.setItem(SHORTCUT, event.target.checked ? "on" : "off");
  showShortcut();
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
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

showShortcut();
