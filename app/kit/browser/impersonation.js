/* The integration kit in the browser.

   The product loads this as the first script of every page, and blocking, because it has to decide
   before anything is painted. In an ordinary tab it stops at once. In a tab that holds an
   impersonation token it hides what the browser was sent (a page for whoever is, or is not, signed
   in by cookie), fetches the same address with the token instead, shows that, and from then on
   makes every request of the tab carry the token. The server decides everything; this carries. */
(() => {
  "use strict";

  const TOKEN = "impersonation.token";
  const ENDED = "impersonation.ended";
  const OWN_PATHS = /^\/impersonation(\/|$)/;
  const MARK = "●";

  const root = document.documentElement;
  const { src: scriptUrl, nonce } = document.currentScript;
  const token = kept(TOKEN);
  let over = false;
  let hidden = false;

  if (token === null) {
    // A tab whose session has ended says so at every address, until the person moves on.
    if (kept(ENDED) !== null) {
      hide();
      location.replace("/impersonation/ended");
    }
    return;
  }

  hide();

  function kept(name) {
    try {
      return sessionStorage.getItem(name);
    } catch {
      // A browser that keeps nothing for this site keeps no session either.
      return null;
    }
  }

  function hide() {
    hidden = true;
    root.style.setProperty("display", "none", "important");
  }

  function reveal() {
    if (over) return;
    hidden = false;
    root.style.removeProperty("display");
  }

  // Leaving for another document, rather than changing this one, so that nothing of the customer's
  // stays in the tab's memory.
  function leave(ended) {
    if (over) return;
    over = true;
    hide();
    sessionStorage.removeItem(TOKEN);
    sessionStorage.setItem(ENDED, JSON.stringify(ended ?? {}));
    location.replace("/impersonation/ended");
  }

  // ---- Requests ------------------------------------------------------------------------------

  const browserFetch = window.fetch.bind(window);

  // The token goes to our own origin only ("same-origin" holds for redirects too), and no cookie
  // goes with it: the browser may hold someone's own sign-in here.
  function withToken(options, headers) {
    const sent = new Headers(headers);
    sent.set("Authorization", `Bearer ${token}`);
    const guarded = { credentials: "omit", mode: "same-origin", cache: "no-store" };
    return { ...options, ...guarded, headers: sent };
  }

  function send(url, options = {}) {
    return browserFetch(url, withToken(options, options.headers));
  }

  function ask(path, content, options) {
    const headers = { "Content-Type": "application/json" };
    return send(path, { method: "POST", headers, body: JSON.stringify(content), ...options });
  }

  // What the product's own scripts ask must be asked as the member too. Without this it would be
  // asked as whoever is signed in by cookie.
  function takeOverRequests() {
    window.fetch = async (input, init) => {
      const url = new URL(input instanceof Request ? input.url : input, document.baseURI);
      if (url.origin !== location.origin) return browserFetch(input, init);
      const request = new Request(input, init);
      return browserFetch(new Request(request, withToken({}, request.headers)));
    };
    const open = XMLHttpRequest.prototype.open;
    XMLHttpRequest.prototype.open = function openWithToken(method, url, ...rest) {
      open.call(this, method, url, ...rest);
      if (new URL(url, document.baseURI).origin === location.origin) {
        this.setRequestHeader("Authorization", `Bearer ${token}`);
      }
    };
  }

  // ---- The banner ----------------------------------------------------------------------------

  const LOST = "The connection to the admin site is lost. Trying again…";
  const NOT_ENDED =
    "The session could not be ended: the admin site cannot be reached. Try again; " +
    "when the time is over, it ends by itself.";
  const banner = makeBanner();

  // The host keeps the banner's place in the page; what one sees of it is a frame in its shadow
  // tree, which the page's styles do not reach, and which stands in the browser's top layer, where
  // no opacity, clipping or transform of anything around it counts. Inline !important on both is
  // stronger than anything a style sheet can say. The words themselves stay in the open document,
  // slotted into the frame, so that whatever reads the page's text reads them too.
  function makeBanner() {
    const slot = (name) => element("slot", { name });
    const whom = element("p", {}, slot("lead"), element("b", {}, slot("member")), slot("where"));
    const whose = element("p", { class: "whose" }, slot("whose"), slot("id"));
    const whoPlace = element("div", { class: "who" }, whom, whose);
    const timePlace = element("span", { class: "time" }, slot("time"));
    const time = element("span", { slot: "time", role: "timer", "aria-label": "Time left" });
    const end = element("button", { type: "button", class: "end" }, "End session");
    const trouble = element("p", { class: "trouble", role: "status" });
    const news = element("p", { class: "unseen", role: "status" });
    const bar = element("div", { class: "bar" });
    const sheet = element("link", { rel: "stylesheet", href: beside("impersonation.css") });
    const progress = element("div", { class: "progress" });
    bar.append(whoPlace, timePlace, end);

    const colours = { background: "#b3001b", color: "#fff", direction: "ltr" };
    const host = element("section", { "aria-label": "Impersonation" });
    pin(host, { all: "initial", display: "block", position: "sticky", top: "0", left: "0" });
    pin(host, { "z-index": "2147483647", ...colours });
    const frame = element("div", { class: "frame", popover: "manual" });
    pin(frame, { position: "fixed", inset: "0 0 auto", width: "auto", margin: "0", padding: "0" });
    pin(frame, { border: "0", overflow: "visible", ...colours });
    frame.append(bar, trouble, progress, news);
    host.attachShadow({ mode: "open" }).append(sheet, frame);

    const styled = settled(sheet);
    end.addEventListener("click", endSession);
    host.append(element("span", { slot: "lead" }, "You are impersonating a member."), " ", time);
    let shownSession = null;

    return {
      host,
      frame,
      end,
      styled,
      showSession({ subject, account, actor }) {
        const said = JSON.stringify([subject, account, actor]);
        if (said === shownSession) return;
        shownSession = said;
        // Names come from customers: isolated, so that their writing direction stays their own.
        // Each is a child of the host, because a shadow tree protects no deeper than that.
        const text = (slot, words) => element("span", { slot }, words);
        const name = (slot, words) => element("bdi", { slot }, words);
        host.replaceChildren(
          text("lead", "You are impersonating "),
          name("member", subject.name || "a member without a name"),
          text("where", ", "),
          name("where", subject.email),
          text("where", ", in "),
          name("where", account.name),
          " ",
          text("whose", "Session of "),
          name("whose", actor.name),
          text("id", " · member id "),
          name("id", subject.id),
          " ",
          time,
        );
      },
      showTime(seconds) {
        const text = [seconds / 60, seconds % 60].map(twoDigits).join(":");
        if (time.textContent === text) return;
        time.textContent = text;
        bar.classList.toggle("soon", seconds <= 60);
        if (seconds === 60) news.textContent = "One minute left in this session.";
      },
      showTrouble(text) {
        if (trouble.textContent !== text) trouble.textContent = text;
      },
      showConnected() {
        if (trouble.textContent === LOST) trouble.textContent = "";
      },
      showBusy(busy) {
        progress.classList.toggle("busy", busy);
      },
      showEnding(ending) {
        end.disabled = ending;
      },
      announce(text) {
        news.textContent = text;
      },
    };
  }

  function twoDigits(number) {
    return String(Math.floor(number)).padStart(2, "0");
  }

  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  function pin(target, style) {
    for (const [key, value] of Object.entries(style)) target.style.setProperty(key, value, "important");
  }

  // Our other files have the same version in their address as this one.
  function beside(name) {
    return new URL(name + new URL(scriptUrl).search, scriptUrl).href;
  }

  async function endSession() {
    banner.showEnding(true);
    banner.showTrouble("");
    try {
      const response = await ask("/impersonation/end", {});
      const answer = await response.json();
      if (response.ok || response.status === 401) return leave(answer.ended);
      throw new Error(`unexpected status ${response.status}`);
    } catch {
      banner.showTrouble(NOT_ENDED);
      banner.showEnding(false);
    }
  }

  // The page may not push the banner away, nor take the mark from the title.
  function keepInPlace() {
    if (document.body && !isInPlace()) stand();
    if (!document.title.startsWith(MARK)) document.title = `${MARK} ${document.title}`;
    watcher.takeRecords();
  }

  function isInPlace() {
    const place = banner.host.parentNode;
    if (place === document.body) return place.firstElementChild === banner.host;
    return place !== null && isExclusive(place);
  }

  // While there is a modal dialog, or an element fills the screen, the browser lets nobody click
  // anywhere else, in its top layer either.
  function isExclusive(place) {
    return place === document.fullscreenElement || Boolean(place.matches?.("dialog:modal"));
  }

  // Puts the banner where it can be clicked, above whatever the page has put on top. What is hit
  // instead of the banner stands in the topmost dialog, or is its backdrop.
  function stand() {
    const focused = banner.host.shadowRoot.activeElement;
    const dialogs = [...document.querySelectorAll("dialog:modal")].reverse();
    const places = [coverOfBanner()?.closest("dialog:modal"), ...dialogs, document.fullscreenElement];
    for (const place of [...places, document.body]) {
      if (!place) continue;
      if (place !== banner.host.parentNode || !isInPlace()) {
        if (place === document.body) place.prepend(banner.host);
        else place.append(banner.host);
      }
      unblock();
      raise();
      if (hidden || coverOfBanner() === null) break;
    }
    focused?.focus({ preventScroll: true });
    if (!hidden) align();
  }

  // The top layer has an order, too: the last to come is on top.
  function raise() {
    if (!banner.frame.showPopover) return;
    if (banner.frame.matches(":popover-open")) banner.frame.hidePopover();
    banner.frame.showPopover();
  }

  // What reaches into the top layer from around it.
  function unblock() {
    for (let around = banner.host.parentElement; around; around = around.parentElement) {
      if (around.inert) around.inert = false;
      pin(around, { "content-visibility": "visible", interactivity: "auto" });
      if (!hidden && getComputedStyle(around).display === "none") pin(around, { display: "block" });
    }
    pin(banner.host, { zoom: String(1 / (banner.host.parentElement.currentCSSZoom || 1)) });
  }

  let beaten = null;

  // Whatever the page does, twice a second and after each of its changes.
  function keepOnTop() {
    if (over || hidden || !document.body) return;
    unblock();
    const cover = coverOfBanner();
    // What could not be beaten once is not fought again, or the banner would flicker.
    if (cover !== null && cover !== beaten) {
      stand();
      beaten = coverOfBanner();
    } else if (cover === null) beaten = null;
  }

  // What a click would hit in place of the banner or its button; null where it hits them.
  function coverOfBanner() {
    const bar = banner.frame.getBoundingClientRect();
    const end = banner.end.getBoundingClientRect();
    const beginning = hitAt(bar.left + 4, bar.top + bar.height / 2);
    const button = hitAt(end.left + end.width / 2, end.top + end.height / 2);
    const others = [beginning, button].filter((hit) => hit && !banner.host.contains(hit));
    return others.at(-1) ?? null;
  }

  function hitAt(x, y) {
    let hit = document.elementFromPoint(x, y);
    while (hit?.shadowRoot && hit !== banner.host) {
      const inside = hit.shadowRoot.elementFromPoint(x, y);
      if (!inside || inside === hit) break;
      hit = inside;
    }
    return hit;
  }

  const watcher = new MutationObserver(() => {
    keepInPlace();
    keepOnTopSoon();
  });
  let watching = 0;

  // Once for all changes before the next picture is drawn.
  function keepOnTopSoon() {
    cancelAnimationFrame(watching);
    watching = requestAnimationFrame(keepOnTop);
  }

  function raiseAbove(event) {
    if (event.newState === "open" && event.target.matches("[popover], dialog")) stand();
  }

  function watchThePage() {
    const attributeFilter = ["open", "inert", "hidden"];
    watcher.observe(root, { childList: true, subtree: true, attributeFilter });
    // "toggle" does not bubble; it tells of popovers and dialogs.
    addEventListener("toggle", raiseAbove, true);
    addEventListener("fullscreenchange", stand);
    setInterval(keepOnTop, 500);
  }

  let fixed = false;

  // Full width above the page's content, whatever margins and layout the page gives its body.
  function align() {
    const body = getComputedStyle(document.body);
    const apart = banner.host.parentNode !== document.body;
    const height = Math.ceil(banner.frame.getBoundingClientRect().height);
    pin(banner.host, { height: `${height}px`, opacity: apart ? "0" : "1" });
    fixed ||= !canHoldSticky(body);
    if (fixed || apart) {
      pin(banner.host, { position: "fixed", margin: "0", right: "0" });
    } else {
      const box = document.body.getBoundingClientRect();
      const sum = (...names) => names.reduce((total, name) => total + parseFloat(body[name]), 0);
      const above = sum("marginTop", "borderTopWidth", "paddingTop");
      const left = box.left + scrollX + sum("borderLeftWidth", "paddingLeft");
      const right = root.clientWidth - scrollX - box.right + sum("borderRightWidth", "paddingRight");
      pin(banner.host, { position: "sticky", margin: `${-above}px ${-right}px ${above}px ${-left}px` });
    }
    root.style.removeProperty("scroll-padding-top");
    const jumpsBelow = parseFloat(getComputedStyle(root).scrollPaddingTop) || 0;
    // For the product's own sticky parts, and so that no target of a jump hides under the banner.
    pin(root, { "--impersonation-height": `${height}px` });
    pin(root, { "scroll-padding-top": `${jumpsBelow + height}px` });
    if (fixed || apart) pin(root, { "padding-top": `${height}px` });
    else root.style.removeProperty("padding-top");
  }

  // In a grid or a row the banner would become a cell; past the end of a body that is shorter than
  // its content it would scroll away.
  function canHoldSticky(body) {
    const inRow = body.display.includes("flex") && body.flexDirection.startsWith("row");
    const inGrid = body.display.includes("grid");
    return !inRow && !inGrid && document.body.scrollHeight <= document.body.offsetHeight + 1;
  }

  // ---- Presence: the server hears that this page is open, and we hear when the session ends ------

  // Made anew for each document and never stored: a duplicated tab copies the storage.
  const pageId = Array.from(crypto.getRandomValues(new Uint8Array(16)), hex).join("");
  let deadline = Infinity;
  let interval = 5000;
  let nextCheck;
  let checking = null;

  function hex(byte) {
    return byte.toString(16).padStart(2, "0");
  }

  function checkPresence() {
    clearTimeout(nextCheck);
    checking ??= tellPresence().finally(() => {
      checking = null;
      if (!over) nextCheck = setTimeout(checkPresence, untilNextCheck());
    });
    return checking;
  }

  // Not the answer to a question that was asked before now.
  async function checkPresenceAnew() {
    await checking;
    if (!over) await checkPresence();
  }

  // At the expiry too, not only when the next turn comes.
  function untilNextCheck() {
    const left = deadline - performance.now();
    return left > 0 ? Math.min(interval, left + 50) : 1000;
  }

  async function tellPresence() {
    try {
      const message = { page_id: pageId, state: "open" };
      const patience = { signal: AbortSignal.timeout(10000) };
      const response = await ask("/impersonation/presence", message, patience);
      const answer = await response.json();
      if (response.status === 401) return leave(answer.ended);
      if (!response.ok) throw new Error(`unexpected status ${response.status}`);
      interval = answer.presence_seconds * 1000;
      deadline = performance.now() + answer.impersonation.seconds_left * 1000;
      banner.showSession(answer.impersonation);
      banner.showConnected();
      showTime();
    } catch {
      // Nothing lengthens a session, so after its time we need nobody to tell us.
      if (performance.now() > deadline) leave({ why: "expired", sentence: "Its time was over." });
      else banner.showTrouble(LOST);
    }
  }

  function showTime() {
    if (deadline < Infinity) {
      banner.showTime(Math.max(0, Math.round((deadline - performance.now()) / 1000)));
    }
  }

  // The browser may keep the whole page in its memory and bring it back, ended session or not: it
  // comes back hidden, and is asked for again.
  function closePage() {
    hide();
    if (over) return;
    const message = { page_id: pageId, state: "closing" };
    ask("/impersonation/presence", message, { keepalive: true }).catch(() => {});
  }

  function comeBack(event) {
    if (event.persisted) location.reload();
  }

  // ---- Showing a page that was fetched -----------------------------------------------------------

  let policy = null;

  // Pages come from the product's own server, as they would without us; parsed apart from the
  // document, nothing in them runs.
  function parse(text) {
    policy ??= window.trustedTypes?.createPolicy("understudy", { createHTML: (html) => html });
    return new DOMParser().parseFromString(policy?.createHTML(text) ?? text, "text/html");
  }

  async function render(page, signal) {
    for (const script of page.querySelectorAll("script")) script.remove();
    const obsolete = await addHead(page.head);
    if (signal.aborted || over) return false;
    for (const old of obsolete) old.remove();
    copyAttributes(page.documentElement, root);
    copyAttributes(page.body, document.body);
    // The banner itself never leaves the document, or it would flicker and lose the focus.
    keepInPlace();
    // A dialog or what fills the screen, where it may stand, goes with the page.
    if (banner.host.parentNode !== document.body) {
      document.body.prepend(banner.host);
      raise();
    }
    document.body.style.removeProperty("display");
    while (document.body.lastChild !== banner.host) document.body.lastChild.remove();
    banner.host.after(...page.body.childNodes);
    document.title = `${MARK} ${page.title}`;
    fixed = false;
    reveal();
    align();
    return true;
  }

  // Adds what the page's head has and ours has not, waits for its style, and returns what is ours
  // alone.
  async function addHead(head) {
    const parts = "link, style, meta[name], meta[property]";
    const obsolete = new Map();
    for (const old of document.head.querySelectorAll(parts)) obsolete.set(identity(old), old);
    const styles = [];
    for (const part of head.querySelectorAll(parts)) {
      if (obsolete.delete(identity(part))) continue;
      part.nonce = nonce;
      document.head.append(part);
      if (part.matches("link[rel~=stylesheet]")) styles.push(settled(part));
    }
    await Promise.all(styles);
    return obsolete.values();
  }

  function identity(part) {
    const attributes = [...part.attributes].filter(({ name }) => name !== "nonce");
    const written = attributes.map(({ name, value }) => `${name}=${value}`).sort();
    return [part.localName, ...written, part.textContent].join("\n");
  }

  function settled(link) {
    return new Promise((resolve) => {
      link.addEventListener("load", resolve);
      link.addEventListener("error", resolve);
      setTimeout(resolve, 3000);
    });
  }

  // All but "style", which on the root holds what we pinned to it.
  function copyAttributes(from, to) {
    for (const name of to.getAttributeNames()) if (name !== "style") to.removeAttribute(name);
    for (const { name, value } of from.attributes) if (name !== "style") to.setAttribute(name, value);
  }

  // A page of our own, for when there is none from the product.
  function notice(title, text) {
    const page = document.implementation.createHTMLDocument(title);
    page.documentElement.lang = "en";
    page.head.append(element("link", { rel: "stylesheet", href: beside("page.css") }));
    page.body.className = "kit-page";
    const card = element("main", { class: "kit-card" });
    const again = element("a", { href: "", class: "kit-button" }, "Try again");
    card.append(element("h1", {}, title), element("p", {}, text), element("p", {}, again));
    page.body.append(card);
    return page;
  }

  // ---- Visits: what a link, a form or the Back button asks for -----------------------------------

  const ACCEPT = { Accept: "text/html,application/xhtml+xml,*/*;q=0.8" };
  const UNREACHED = "The product cannot be reached. Look at your connection, then try again.";
  let visiting = new AbortController();
  let shown = null;

  // `entry` tells what becomes of the history: "push" for a new entry, "keep" where the browser has
  // moved already.
  async function visit(url, { request = {}, entry = "push", scroll = null, saveAs = null } = {}) {
    visiting.abort();
    const visitor = new AbortController();
    visiting = visitor;
    banner.showBusy(true);
    try {
      const arrival = await arrive(url, request, entry, saveAs, visitor.signal);
      await ready;
      if (arrival && !visitor.signal.aborted && !over) {
        await present(arrival, scroll, visitor.signal);
      }
    } finally {
      if (visiting === visitor) banner.showBusy(false);
    }
  }

  // The page that answers, and where it belongs; null where the tab stays as it is.
  async function arrive(url, request, entry, saveAs, signal) {
    try {
      const response = await send(url, { headers: ACCEPT, ...request, signal });
      // A 401 may be the product's own; the admin site knows whether the session is over.
      if (response.status === 401) await checkPresenceAnew();
      const file = isFile(response, saveAs);
      if (file) await save(response, saveAs);
      if ((file || isEmpty(response)) && shown !== null) return null;
      return { page: await pageOf(response, file), ...placeOf(url, response, request, entry) };
    } catch {
      if (signal.aborted) return null;
      const page = notice("This page could not be loaded", UNREACHED);
      return { page, ...placeOf(url, null, request, entry) };
    }
  }

  function isPage(response) {
    return /^(text\/html|application\/xhtml\+xml)\b/i.test(response.headers.get("Content-Type"));
  }

  function isEmpty({ status }) {
    return status === 204 || status === 205;
  }

  async function pageOf(response, file) {
    if (file) return notice("The file was saved", "Look for it in your downloads.");
    if (isEmpty(response)) return notice("Nothing to show", "The product has no page here.");
    if (isPage(response)) return parse(await response.text());
    return notice("Something went wrong", `The product answered with the error ${response.status}.`);
  }

  // An unsafe request that brought no page of its own leaves the address where it was, so that
  // Reload asks for something that can be asked for.
  function placeOf(url, response, request, entry) {
    const landed = response?.redirected ? new URL(response.url) : url;
    if (entry === "keep") return { url: landed, entry: response?.redirected ? "replace" : "keep" };
    if (request.method === "POST" && !response?.redirected && !response?.ok) {
      return { url: new URL(location.href), entry: "keep" };
    }
    return { url: landed, entry: landed.href === location.href ? "replace" : "push" };
  }

  async function present({ page, url, entry }, scroll, signal) {
    if (entry === "push") {
      saveScroll();
      history.pushState(null, "", url);
    } else if (entry === "replace") {
      history.replaceState(null, "", url);
    }
    shown = addressOf(url);
    if (!(await render(page, signal))) return;
    scrollToPlace(url, scroll);
    focus(document.querySelector("[autofocus]") ?? targetOf(url) ?? startOfReading());
    banner.announce(page.title);
    // For scripts of the product that have to look at a new page.
    document.dispatchEvent(new CustomEvent("impersonation:page"));
  }

  function addressOf({ pathname, search }) {
    return pathname + search;
  }

  function startOfReading() {
    return document.querySelector("main h1") ?? document.querySelector("h1, main");
  }

  function targetOf({ hash }) {
    return hash ? document.getElementById(decoded(hash.slice(1))) : null;
  }

  function scrollToPlace(url, scroll) {
    const target = targetOf(url);
    if (scroll) scrollTo(...scroll);
    else if (target) target.scrollIntoView();
    else scrollTo(0, 0);
  }

  function focus(place) {
    if (!place) return;
    if (place.tabIndex < 0 && !place.hasAttribute("tabindex")) {
      // Not a control, so without a ring; it only moves readers and the next Tab to this place.
      place.setAttribute("tabindex", "-1");
      place.style.outline = "none";
      place.addEventListener("blur", () => place.removeAttribute("tabindex"), { once: true });
    }
    place.focus({ preventScroll: true });
  }

  function decoded(text) {
    try {
      return decodeURIComponent(text);
    } catch {
      return text;
    }
  }

  // ---- Files -------------------------------------------------------------------------------------

  function isFile(response, saveAs) {
    const attached = /^attachment\b/i.test(response.headers.get("Content-Disposition"));
    const wanted = saveAs !== null || attached || !isPage(response);
    return response.ok && !isEmpty(response) && wanted;
  }

  async function save(response, saveAs) {
    const href = URL.createObjectURL(await response.blob());
    element("a", { href, download: saveAs || nameOf(response) }).click();
    setTimeout(() => URL.revokeObjectURL(href), 60000);
  }

  function nameOf(response) {
    const disposition = response.headers.get("Content-Disposition") ?? "";
    const [, encoded] = /filename\*=UTF-8''([^;]+)/i.exec(disposition) ?? [];
    const [, plain] = /filename="?([^";]+)/i.exec(disposition) ?? [];
    if (encoded) return decoded(encoded);
    return plain ?? (new URL(response.url).pathname.split("/").pop() || "download");
  }

  // ---- Links, forms, history ---------------------------------------------------------------------

  // The session lives in this tab: what a plain click would open in a new one opens here. A click
  // that asks for a new tab or window (Ctrl, middle button) gets an ordinary one.
  function followLink(event) {
    const isLink = (node) => node instanceof HTMLAnchorElement || node instanceof HTMLAreaElement;
    const link = event.composedPath().find(isLink);
    const modified = event.metaKey || event.ctrlKey || event.shiftKey || event.altKey;
    if (event.defaultPrevented || event.button !== 0 || modified || !link?.hasAttribute("href")) return;
    const url = ownUrl(link.href, link.target);
    if (!url || isJumpOnPage(url)) return;
    event.preventDefault();
    visit(url, { saveAs: link.getAttribute("download") });
  }

  // Null for what the browser shall do by itself: other sites, other schemes, the kit's own pages,
  // frames.
  function ownUrl(address, target) {
    const url = URL.canParse(address) ? new URL(address) : null;
    const own = url?.protocol === location.protocol && url.origin === location.origin;
    const inFrame = target && !target.startsWith("_");
    return own && !inFrame && !OWN_PATHS.test(url.pathname) ? url : null;
  }

  function isJumpOnPage(url) {
    return url.href.includes("#") && addressOf(url) === addressOf(location);
  }

  function followForm(event) {
    if (event.defaultPrevented || !(event.target instanceof HTMLFormElement)) return;
    if (sendForm(event.target, event.submitter)) event.preventDefault();
  }

  const sending = new WeakSet();

  // Returns whether the form is ours to send. Attributes are read as such, since a field may be
  // called "action" or "method".
  function sendForm(form, submitter) {
    const said = (name) => submitter?.getAttribute(`form${name}`) ?? form.getAttribute(name) ?? "";
    const url = ownUrl(new URL(said("action") || location.href, document.baseURI).href, said("target"));
    const method = said("method").toUpperCase() || "GET";
    if (!url || method === "DIALOG") return false;
    // Pressed twice is sent once.
    if (sending.has(form)) return true;
    const fields = new FormData(form, submitter);
    if (method !== "POST") {
      url.search = asQuery(fields);
      visit(url);
      return true;
    }
    const body = said("enctype").toLowerCase() === "multipart/form-data" ? fields : asQuery(fields);
    sending.add(form);
    visit(url, { request: { method, body } }).finally(() => sending.delete(form));
    return true;
  }

  // As browsers write it: a file by its name, line ends as CR LF.
  function asQuery(fields) {
    const query = new URLSearchParams();
    for (const [name, value] of fields) {
      const text = value instanceof File ? value.name : value;
      query.append(name, text.replace(/\r\n|\r|\n/g, "\r\n"));
    }
    return query;
  }

  function moveInHistory(event) {
    const url = new URL(location.href);
    const scroll = event.state?.impersonation ?? null;
    if (addressOf(url) === shown) scrollToPlace(url, scroll);
    else visit(url, { entry: "keep", scroll });
  }

  // Pages are fetched after the browser has moved, so it cannot restore the place by itself.
  function saveScroll() {
    if (over || addressOf(location) !== shown) return;
    history.replaceState({ ...history.state, impersonation: [scrollX, scrollY] }, "");
  }

  function takeOverNavigation() {
    // On the window, hence after the product's own listeners, which may have refused or confirmed.
    addEventListener("click", followLink);
    addEventListener("submit", followForm);
    addEventListener("popstate", moveInHistory);
    const submit = HTMLFormElement.prototype.submit;
    HTMLFormElement.prototype.submit = function submitWithToken() {
      if (!sendForm(this, null)) submit.call(this);
    };
    history.scrollRestoration = "manual";
    let pause;
    addEventListener("scroll", () => {
      clearTimeout(pause);
      pause = setTimeout(saveScroll, 150);
    });
  }

  // ---- Start -------------------------------------------------------------------------------------

  async function mount() {
    if (document.readyState === "loading") {
      await new Promise((resolve) => addEventListener("DOMContentLoaded", resolve, { once: true }));
    }
    keepInPlace();
    watchThePage();
    const sizes = new ResizeObserver(() => requestAnimationFrame(align));
    sizes.observe(root);
    sizes.observe(banner.frame);
    await banner.styled;
  }

  takeOverRequests();
  takeOverNavigation();
  addEventListener("pagehide", closePage);
  addEventListener("pageshow", comeBack);
  addEventListener("online", checkPresence);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") checkPresence();
  });
  setInterval(showTime, 500);

  // No page is shown before the banner stands and says whom it is about, or that it cannot.
  const ready = Promise.all([mount(), checkPresence()]);
  visit(new URL(location.href), { entry: "keep", scroll: history.state?.impersonation ?? null });
})();
