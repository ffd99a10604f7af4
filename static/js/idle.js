/* Warns before a session ends for inactivity, and lets the user stay. Pages of one console share the time of the last
   answer: whoever works in another tab is not warned here. Without this script the log-in page tells it afterwards. */
(function () {
  "use strict";

  const box = document.getElementById("idle");
  const form = box.querySelector("form");
  const end = box.querySelector("time");
  const IDLE_MS = Number(box.dataset.seconds) * 1000;
  const WARN_MS = Math.min(120000, IDLE_MS / 3);
  const KEY = "ivm-last-answer";
  let timer = null;
  let own = Date.now(); // where the browser keeps nothing, this page stands alone

  function answered() {
    own = Date.now();
    try {
      localStorage.setItem(KEY, String(own));
    } catch {
      /* private window: see `own` */
    }
    look();
  }

  function last() {
    try {
      return Math.max(own, Number(localStorage.getItem(KEY)) || 0);
    } catch {
      return own;
    }
  }

  function look() {
    window.clearTimeout(timer);
    const left = last() + IDLE_MS - Date.now();
    if (left > WARN_MS) {
      box.hidden = true;
      timer = window.setTimeout(look, left - WARN_MS);
    } else if (left > 0) {
      end.textContent = `${new Date(Date.now() + left).toISOString().slice(11, 19)} UTC`;
      show("soon");
      timer = window.setTimeout(look, left);
    } else {
      show("over");
    }
  }

  function show(which) {
    box.hidden = false;
    for (const text of box.querySelectorAll("[data-when]")) text.hidden = text.dataset.when !== which;
    form.hidden = which !== "soon";
  }

  form.addEventListener("submit", function (event) {
    event.preventDefault();
    fetch(form.action, { method: "POST", body: new FormData(form), redirect: "manual" }).then(
      (response) => (response.status === 204 ? answered() : show("over")),
      () => show("soon"), // the console does not answer now: the button stays
    );
  });
  document.body.addEventListener("session-over", () => show("over")); // the server says so: its clock counts
  document.addEventListener("visibilitychange", look);
  window.addEventListener("storage", look);
  answered();
})();
