// Find: Ctrl/Cmd+K. The server answers with what this person may see; arrows choose, Enter opens.
import { register } from "./keys.js";

const dialog = document.getElementById("palette");

function open() {
  if (!dialog || dialog.open) return;
  dialog.showModal();
  const input = dialog.querySelector("input");
  input.select();
  input.focus();
}

if (dialog) {
  register("search", open);
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      open();
    }
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-palette]")) {
      event.preventDefault();
      open();
    }
  });
  const options = () => [...dialog.querySelectorAll("[role=option]")];
  const choose = (index) => {
    const all = options();
    if (!all.length) return;
    const at = (index + all.length) % all.length;
    all.forEach((item, i) => item.setAttribute("aria-selected", String(i === at)));
    dialog.querySelector("input").setAttribute("aria-activedescendant", all[at].id);
    all[at].scrollIntoView({ block: "nearest" });
  };
  const chosen = () => options().findIndex((item) => item.getAttribute("aria-selected") === "true");
  dialog.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      choose(chosen() + (event.key === "ArrowDown" ? 1 : -1));
    } else if (event.key === "Enter") {
      const item = options()[chosen()];
      if (item) {
        event.preventDefault();
        item.click();
      }
    }
  });
  dialog.addEventListener("htmx:afterSwap", () => choose(0));
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
}
