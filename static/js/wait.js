/* The wait dialog of Validate and Migrate. Without JavaScript the browser's own sign of loading stands for it. */
(function () {
  "use strict";

  const dialog = document.getElementById("wait");
  document.addEventListener("submit", function (event) {
    if (!event.target.hasAttribute("data-wait")) return;
    if (dialog.open) event.preventDefault(); // pressed twice
    else dialog.showModal();
  });
  dialog.addEventListener("cancel", (event) => event.preventDefault()); // Escape would not end the operation
  window.addEventListener("pageshow", () => dialog.close());
})();
