/* The language is switched by loading the page again: what was typed and chosen in it goes along, passwords and claims
   excepted. It lies in this tab for that one load; any other page that comes first throws it away. */
(function () {
  "use strict";

  const KEY = "ivm-typed";
  const LEFT_OUT = "[type=password], [type=hidden]:not([name=seen]), [type=checkbox][required]"; // claims: see anew
  const IS_TICKED = "[type=checkbox], [type=radio]";

  function fields() {
    const inputs = Array.from(document.querySelectorAll("main :is(input, select, textarea)"));
    return inputs.filter((input) => !input.matches(LEFT_OUT)).map((input) => [nameOf(input), input]);
  }

  /* Finds the same field in the page that comes. */
  function nameOf(input) {
    return input.id || (input.matches(IS_TICKED) ? `${input.name} ${input.value}` : input.name);
  }

  function keep() {
    const typed = fields().map(([name, input]) => [name, input.matches(IS_TICKED) ? input.checked : input.value]);
    const opened = Array.from(document.querySelectorAll("main details[open][id]"), (details) => details.id);
    try {
      sessionStorage.setItem(KEY, JSON.stringify({ path: location.pathname, typed, opened }));
    } catch {
      /* the browser keeps nothing: the language is switched all the same */
    }
  }

  function take() {
    try {
      const text = sessionStorage.getItem(KEY);
      sessionStorage.removeItem(KEY);
      return JSON.parse(text);
    } catch {
      return null;
    }
  }

  function putBack(typed) {
    const kept = new Map(typed);
    for (const [name, input] of fields()) {
      if (!kept.has(name)) continue;
      if (input.matches(IS_TICKED)) input.checked = kept.get(name);
      else if (isOffered(input, kept.get(name))) input.value = kept.get(name);
    }
  }

  function isOffered(input, value) {
    return input.localName !== "select" || Array.from(input.options, (option) => option.value).includes(value);
  }

  document.addEventListener("submit", (event) => event.target.hasAttribute("data-keeps-typed") && keep());
  const kept = take();
  if (kept !== null && kept.path === location.pathname) {
    putBack(kept.typed);
    for (const id of kept.opened) document.getElementById(id)?.setAttribute("open", "");
  }
})();
