/* The wait dialog of what asks the other console; it says which one. data-wait of the form, or of the one button that
   asks: its name, or, with data-wait-field, the field in which it is typed or chosen (a radio button is called by it).
   Without JavaScript the browser's own sign of loading stands for it. */
(function () {
  "use strict";

  const dialog = document.getElementById("wait");
  const line = dialog.querySelector("#wait-for");

  function awaited(asking, form) {
    const name = asking.dataset.waitField;
    if (name === undefined) return asking.dataset.wait;
    const fields = Array.from(form.elements).filter((field) => field.name === name);
    const field = fields.find((found) => found.type !== "radio" || found.checked);
    return field?.type === "radio" ? field.getAttribute("aria-label") : (field?.value ?? "");
  }

  document.addEventListener("submit", function (event) {
    const asking = [event.submitter, event.target].find((part) => part?.hasAttribute("data-wait"));
    if (asking === undefined) return;
    if (dialog.open) {
      event.preventDefault(); // pressed twice
      return;
    }
    const name = awaited(asking, event.target).trim();
    line.hidden = name === "";
    line.querySelector("b").textContent = name;
    dialog.showModal();
  });
  dialog.addEventListener("cancel", (event) => event.preventDefault()); // Escape would not end the operation
  window.addEventListener("pageshow", () => dialog.close());
})();
