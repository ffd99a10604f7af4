/* The wait dialog of what asks the other console; it says which one. data-wait of the form: its name, or, with
   data-wait-field, the field in which it is typed. Without JavaScript the browser's own sign of loading stands for it. */
(function () {
  "use strict";

  const dialog = document.getElementById("wait");
  const line = dialog.querySelector("#wait-for");

  function awaited(form) {
    const field = form.elements[form.dataset.waitField];
    return (field ? field.value : form.dataset.wait).trim();
  }

  document.addEventListener("submit", function (event) {
    if (!event.target.hasAttribute("data-wait")) return;
    if (dialog.open) {
      event.preventDefault(); // pressed twice
      return;
    }
    const name = awaited(event.target);
    line.hidden = name === "";
    line.querySelector("b").textContent = name;
    dialog.showModal();
  });
  dialog.addEventListener("cancel", (event) => event.preventDefault()); // Escape would not end the operation
  window.addEventListener("pageshow", () => dialog.close());
})();
