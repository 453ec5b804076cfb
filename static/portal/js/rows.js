// A list that is worked from the keyboard: one current row, a selection, a count that is always seen.
import { register } from "./keys.js";

const table = () => document.querySelector("table[data-rows]");
const rows = () => [...(table()?.tBodies[0]?.rows ?? [])].filter((row) => row.dataset.href);
const current = () => rows().findIndex((row) => row.classList.contains("current"));
let anchor = -1;

function move(to) {
  const all = rows();
  if (!all.length) return;
  const at = Math.max(0, Math.min(all.length - 1, to));
  all.forEach((row, i) => row.classList.toggle("current", i === at));
  all[at].querySelector("a.row-link")?.focus();
  all[at].scrollIntoView({ block: "nearest" });
}

function mark(row, on) {
  row.setAttribute("aria-selected", String(on));
  const box = row.querySelector("input[type=checkbox]");
  if (box) box.checked = on;
  count();
}

function count() {
  const bar = document.querySelector("[data-selection]");
  if (!bar) return;
  const chosen = rows().filter((row) => row.getAttribute("aria-selected") === "true").length;
  bar.hidden = chosen === 0;
  bar.querySelector("[data-count]").textContent = `${chosen} of ${rows().length} rows on this page`;
}

const any = () => rows().length > 0;
register("row.next", () => move(current() + 1), any);
register("row.previous", () => move(current() - 1), any);
register("row.open", () => rows()[Math.max(0, current())]?.querySelector("a.row-link")?.click(), any);
register("row.select", () => {
  const at = Math.max(0, current());
  const row = rows()[at];
  anchor = at;
  mark(row, row.getAttribute("aria-selected") !== "true");
}, () => any() && document.querySelector("[data-selection]"));
register("row.range", () => {
  const to = Math.max(0, current());
  const from = anchor < 0 ? to : anchor;
  rows().forEach((row, i) => {
    if (i >= Math.min(from, to) && i <= Math.max(from, to)) mark(row, true);
  });
}, () => any() && document.querySelector("[data-selection]"));

document.addEventListener("focusin", (event) => {
  const row = event.target.closest?.("table[data-rows] tbody tr");
  if (row) rows().forEach((other) => other.classList.toggle("current", other === row));
});
document.addEventListener("keydown", (event) => {
  if (!["ArrowDown", "ArrowUp"].includes(event.key) || event.repeat && !event.target.closest) return;
  if (!event.target.closest?.("table[data-rows] a.row-link")) return;
  event.preventDefault();
  move(current() + (event.key === "ArrowDown" ? 1 : -1));
});
document.addEventListener("change", (event) => {
  if (event.target.matches("table[data-rows] tbody input[type=checkbox]")) mark(event.target.closest("tr"), event.target.checked);
  if (event.target.matches("[data-select-page]")) rows().forEach((row) => mark(row, event.target.checked));
});
