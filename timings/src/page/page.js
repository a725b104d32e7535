// While the pointer (or the focus) is on a step: what it needs, and what needs it.
"use strict";
(() => {
  const rows = [...document.querySelectorAll(".row")];
  const inputs = (row) => row.dataset.inputs.split(" ").filter(Boolean).map((id) => "s" + id);
  const show = (row) => {
    const needed = row ? inputs(row) : [];
    for (const other of rows) {
      other.classList.toggle("needs", needed.includes(other.id));
      other.classList.toggle("feeds", row !== null && inputs(other).includes(row.id));
    }
  };
  for (const row of rows) {
    row.addEventListener("pointerenter", () => show(row));
    row.addEventListener("pointerleave", () => show(null));
    row.addEventListener("focusin", () => show(row));
    row.addEventListener("focusout", () => show(null));
  }
  // A link to a step opens it.
  const open = () => {
    const row = document.getElementById(location.hash.slice(1));
    if (row instanceof HTMLDetailsElement) row.open = true;
  };
  addEventListener("hashchange", open);
  open();
})();
