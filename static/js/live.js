/* Keeps the page fresh: one event stream per visible tab. The stream carries names of what changed; each becomes an
   event on <body>, and the part of the page that names it in hx-trigger fetches itself again. A slow tick does the
   same, so the page goes on without the stream, and notices what no event tells (a worker that fell silent). */
(function () {
  "use strict";

  const address = document.currentScript.dataset.events;
  const PAUSE_MS = 400; // at most one event of a name in this time, the last one always delivered
  const TICK_MS = document.querySelector("[data-watched]") ? 3000 : 10000;
  const RECONNECT_MS = 10000;
  let source = null;
  const pauses = new Map(); // name -> true when it came again during its pause

  function announce(name) {
    if (pauses.has(name)) {
      pauses.set(name, true);
      return;
    }
    pauses.set(name, false);
    if (isBusyWith(name)) missed.add(name);
    window.setTimeout(function () {
      const again = pauses.get(name);
      pauses.delete(name);
      if (again) announce(name);
    }, PAUSE_MS);
    document.body.dispatchEvent(new CustomEvent(name));
  }

  /* What arrives while a part is being fetched or put in its place would go to the old part, and be lost with it. */
  const missed = new Set();
  const BUSY = ".htmx-request, .htmx-added, .htmx-settling";
  const SETTLED_MS = 50;

  function isBusyWith(name) {
    return Array.from(document.querySelectorAll("[hx-trigger]")).some(
      (part) => part.matches(BUSY) && part.getAttribute("hx-trigger").includes(`${name} from:body`),
    );
  }

  function repeatMissed() {
    for (const name of missed) window.setTimeout(() => announce(name), SETTLED_MS);
    missed.clear();
  }

  document.body.addEventListener("htmx:afterRequest", repeatMissed);
  document.body.addEventListener("htmx:afterSettle", repeatMissed);

  function names() {
    const found = new Set(["everything"]);
    for (const part of document.querySelectorAll("[hx-trigger]")) {
      for (const match of part.getAttribute("hx-trigger").matchAll(/([\w-]+) from:body/g)) found.add(match[1]);
    }
    return found;
  }

  function connect() {
    if (source !== null || document.hidden) return;
    const opened = new EventSource(address);
    source = opened;
    for (const name of names()) opened.addEventListener(name, () => announce(name));
    opened.addEventListener("online", () => announce("everything")); // what changed before the stream was open
    opened.onerror = function () {
      announce("everything"); // whether the console is away is found out by asking it
      if (opened.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
      if (source === opened) source = null;
      window.setTimeout(connect, RECONNECT_MS);
    };
  }

  function disconnect() {
    if (source !== null) source.close();
    source = null;
  }

  document.addEventListener("visibilitychange", () => (document.hidden ? disconnect() : connect()));
  window.addEventListener("pagehide", disconnect); // a page kept for "back" must not keep its connection
  window.addEventListener("pageshow", function (event) {
    connect();
    if (event.persisted) announce("everything");
  });
  window.setInterval(() => document.hidden || announce("everything"), TICK_MS);

  /* What stands on a page whose console is away was so once. The page says so, and since when. */
  const ANSWER_WITHIN_MS = 5000;
  const silent = document.getElementById("silent");
  /* Of when the page is that is printed: moved on by a part that is all of it that can change (data-whole). Beside
     any other part stand values of when the page was opened. */
  const printed = document.querySelector("#on-paper time");

  function unanswered() {
    if (!silent.hidden || document.hidden) return;
    silent.querySelector("time").textContent = `${lastAnswer.toISOString().slice(11, 19)} UTC`;
    silent.hidden = false;
  }

  let lastAnswer = new Date();
  document.body.addEventListener("htmx:beforeSend", (event) => (event.detail.xhr.timeout = ANSWER_WITHIN_MS));
  document.body.addEventListener("htmx:sendError", unanswered);
  document.body.addEventListener("htmx:timeout", unanswered);
  document.body.addEventListener("htmx:beforeOnLoad", function (event) {
    lastAnswer = new Date();
    silent.hidden = true;
    if (event.detail.xhr.status !== 200 || !event.detail.target.hasAttribute("data-whole")) return;
    printed.textContent = `${lastAnswer.toISOString().slice(0, 19).replace("T", " ")} UTC`;
  });

  /* A part that comes back as it was is left alone; what the user has chosen in it survives where it did change. */
  const shown = new Map();
  let chosen = [];
  let opened = [];
  let focused = null; // a link or summary; htmx itself sees to fields and what else has an id
  document.body.addEventListener("htmx:beforeSwap", function (event) {
    const id = event.detail.target.id;
    const text = event.detail.xhr.responseText;
    if (shown.get(id) === text) event.detail.shouldSwap = false;
    shown.set(id, text);
    chosen = Array.from(event.detail.target.querySelectorAll("input[type=checkbox], input[type=radio]"), (input) => [
      input.id,
      input.checked,
    ]);
    opened = Array.from(event.detail.target.querySelectorAll("details[open]"), (details) => details.id);
    focused = event.detail.target.contains(document.activeElement) ? placeOf(document.activeElement) : null;
  });

  /* Where the focus is, in words that find the same thing in the new part. */
  function placeOf(element) {
    if (element.id) return `#${CSS.escape(element.id)}`;
    const holder = element.parentElement.closest("[id]");
    const address = element.getAttribute("href");
    const what = address === null ? element.localName : `${element.localName}[href="${CSS.escape(address)}"]`;
    return `#${CSS.escape(holder.id)} ${what}`;
  }

  document.body.addEventListener("htmx:afterSwap", function () {
    for (const [id, checked] of chosen) {
      const input = document.getElementById(id);
      if (input !== null) input.checked = checked;
    }
    for (const id of opened) document.getElementById(id)?.setAttribute("open", "");
    const again = focused && (document.querySelector(focused) ?? document.querySelector("[data-announce]"));
    if (again && again !== document.activeElement) again.focus({ preventScroll: true });
    focused = null;
    tell();
  });

  /* Screen readers hear a new headline once. */
  function tell() {
    const headline = document.querySelector("[data-announce]");
    const announcer = document.getElementById("announcer");
    if (headline !== null && announcer.textContent !== headline.textContent) announcer.textContent = headline.textContent;
  }

  /* A second press while the first is on its way does nothing. */
  document.addEventListener("submit", function (event) {
    if (!event.target.hasAttribute("data-once")) return;
    if (event.target.dataset.once === "sent") event.preventDefault();
    event.target.dataset.once = "sent";
  });
  window.addEventListener("pageshow", function () {
    for (const form of document.querySelectorAll("form[data-once]")) form.dataset.once = "";
  });
})();
