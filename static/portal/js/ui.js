// Small behaviours by data attribute: copy, confirm dialogs, menus, clocks, printing, sending by key.
import { register, hint, showHelp } from "./keys.js";
import { say, toast } from "./swap.js";

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    say(`Copied ${text}`);
  } catch {
    toast("The browser did not allow copying.", "danger");
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button.dataset.copy);
  if (event.target.closest("[data-help-keys]")) {
    event.target.closest("details")?.removeAttribute("open");
    showHelp();
  }
  if (event.target.closest("[aria-disabled=true]")) {
    event.preventDefault();
    const why = document.getElementById(event.target.closest("[aria-disabled=true]").getAttribute("aria-describedby"));
    if (why) say(why.textContent);
  }
  const closer = event.target.closest("[data-close]");
  if (closer) closer.closest("dialog")?.close();
  if (event.target.closest("[data-print]")) window.print();
  for (const menu of document.querySelectorAll("details[data-menu][open]")) if (!menu.contains(event.target)) menu.open = false;
}, true);

// A details with data-confirm becomes a native dialog: same form, focus kept inside, Escape closes.
function dress(details) {
  if (details.dataset.dressed) return;
  details.dataset.dressed = "1";
  const body = details.querySelector(".confirm-body");
  const dialog = document.createElement("dialog");
  dialog.setAttribute("aria-label", body.dataset.dialogTitle);
  details.after(dialog);
  dialog.append(body);
  for (const button of dialog.querySelectorAll("[data-close]")) button.hidden = false;
  const summary = details.querySelector("summary");
  summary.addEventListener("click", (event) => {
    event.preventDefault();
    dialog.showModal();
    (dialog.querySelector("[autofocus], textarea, select, input:not([type=hidden])") ?? dialog).focus();
  });
  dialog.addEventListener("close", () => summary.focus());
  if (body.querySelector("[aria-invalid=true], [role=alert]")) dialog.showModal();
  window.htmx?.process(dialog);
}

// Buttons that open a dialog with a choice already made; they do nothing without JavaScript.
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-open]");
  if (!opener) return;
  const form = document.getElementById(opener.dataset.open);
  const [name, value] = opener.dataset.set.split("=");
  for (const box of form.querySelectorAll(`[name="${CSS.escape(name)}"]`)) box.checked = box.value === value;
  form.dispatchEvent(new Event("change", { bubbles: true }));
  form.closest("dialog").showModal();
  form.querySelector("select, textarea").focus();
});

// Reasons are grouped by outcome: only those of the chosen outcome can be given.
document.addEventListener("change", (event) => {
  const form = event.target.closest?.("form");
  const chosen = form?.querySelector("input[name=outcome]:checked");
  if (!chosen) return;
  const words = chosen.closest("label").textContent.trim();
  for (const group of form.querySelectorAll("select[name=reason_code] optgroup")) {
    const other = group.label !== words;
    group.hidden = group.disabled = other;
    if (other) for (const option of group.children) option.selected = false;
  }
});

const fresh = (root = document) => {
  root.querySelectorAll?.("details[data-confirm]").forEach(dress);
  root.querySelectorAll?.("[data-openers]").forEach((box) => (box.hidden = false));
  hint(root.querySelectorAll ? root : document);
};
document.addEventListener("portal:fresh", () => fresh(document));
document.addEventListener("htmx:oobAfterSwap", () => fresh(document));
fresh();

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.isComposing && !event.repeat) {
    const form = event.target.closest?.("form");
    if (form && event.target.matches("textarea, input, select")) {
      event.preventDefault();
      form.requestSubmit([...form.querySelectorAll("button:not([type=button])")].at(-1));
    }
  }
});

// Deadlines run on while the page is open.
const spelled = (seconds) => {
  const minutes = Math.floor(Math.abs(seconds) / 60);
  const days = Math.floor(minutes / 1440), hours = Math.floor((minutes % 1440) / 60), rest = minutes % 60;
  if (days) return days < 10 && hours ? `${days}d ${hours}h` : `${days}d`;
  if (hours) return rest ? `${hours}h ${rest}m` : `${hours}h`;
  return rest ? `${rest}m` : "under 1m";
};
setInterval(() => {
  for (const time of document.querySelectorAll("time[data-due]")) {
    const left = (Date.parse(time.dateTime) - Date.now()) / 1000;
    time.textContent = `${spelled(left)} ${left < 0 ? "late" : "left"}`;
    const clock = time.closest(".clock");
    if (clock) clock.className = `clock ${left < 0 ? "late" : left < 28800 ? "soon" : "calm"}`;
  }
}, 30000);

// Panels of a case, one after the other.
const panels = () => [...document.querySelectorAll("[data-evidence] > .panel")];
const step = (by) => {
  const all = panels();
  const here = all.findIndex((panel) => panel.contains(document.activeElement));
  const panel = all[Math.max(0, Math.min(all.length - 1, here + by))];
  if (!panel) return;
  const head = panel.querySelector("h2, summary");
  head.focus();
  panel.scrollIntoView({ block: "start" });
};
const any = () => panels().length > 0;
register("evidence.next", () => step(1), any);
register("evidence.previous", () => step(-1), any);
register("copy", () => copy(document.querySelector("[data-case-ref]").dataset.caseRef), () => document.querySelector("[data-case-ref]"));

// Work keeps the lease; a page that is only open does not.
const renew = document.querySelector("[data-renew]");
let touched = 0;
if (renew) {
  for (const kind of ["keydown", "pointerdown"]) addEventListener(kind, () => (touched = Date.now()), { passive: true });
  setInterval(() => {
    const form = document.querySelector("form[data-renew]");
    if (form && Date.now() - touched < 60000) window.htmx?.trigger(form, "portal:renew");
  }, 60000);
}
