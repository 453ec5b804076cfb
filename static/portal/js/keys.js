// The one registry of single keys. It binds them and writes the help of this page from the same rows.
// An action is live while an element with data-key="name" is on the page (or a function is registered).
const ACTIONS = [
  ["help", "?", "Show the keys of this page", "everywhere"],
  ["search", "/", "Find a case, account, ring, e-mail or IP address", "everywhere"],
  ["go.queue", "g q", "Go to the queue", "everywhere"],
  ["go.mine", "g m", "Go to my work", "everywhere"],
  ["go.approvals", "g a", "Go to approvals that wait for me", "everywhere"],
  ["row.next", "j", "Next row", "list"],
  ["row.previous", "k", "Previous row", "list"],
  ["row.open", "o", "Open the row", "list"],
  ["row.select", "x", "Select the row", "list"],
  ["row.range", "X", "Select up to this row", "list"],
  ["claim.next", "n", "Claim the next case", "list"],
  ["claim", "c", "Claim or release this case", "case"],
  ["next", "n", "Decide and go to the next case", "case"],
  ["escalate", "e", "Open the form to escalate", "case"],
  ["snooze", "s", "Open the form to snooze", "case"],
  ["note", "m", "Write a note", "case"],
  ["dispose.1", "1", "Open the proposal: cleared", "case"],
  ["dispose.2", "2", "Open the proposal: monitor", "case"],
  ["dispose.3", "3", "Open the proposal: restricted", "case"],
  ["dispose.4", "4", "Open the proposal: off-boarded", "case"],
  ["evidence.previous", "[", "Previous panel", "case"],
  ["evidence.next", "]", "Next panel", "case"],
  ["copy", ".", "Copy the reference", "case"],
];
const FIXED = [["Ctrl K or ⌘ K", "Find"], ["Ctrl Enter", "Send the form you are in"], ["Esc", "Close what is open"]];

const off = () => document.documentElement.dataset.keys === "off";
const own = JSON.parse(document.getElementById("keymap")?.textContent || "{}") || {};
const handlers = new Map();

export const keyOf = (name) => own[name] ?? ACTIONS.find((row) => row[0] === name)?.[1];
export const register = (name, run, live = () => true) => handlers.set(name, { run, live });

const visible = (element) =>
  element && !element.disabled && !element.closest("dialog:not([open])") && element.getClientRects().length > 0;
const target = (name) => [...document.querySelectorAll(`[data-key="${CSS.escape(name)}"]`)].find(visible);

function live(name) {
  const handler = handlers.get(name);
  if (handler && handler.live()) return () => handler.run();
  const element = target(name);
  return element ? () => act(element) : null;
}

function act(element) {
  if (element.matches("input, textarea, select, [tabindex='-1']")) {
    element.focus();
    element.scrollIntoView({ block: "nearest" });
  } else {
    element.focus();
    element.click();
  }
}

const typing = (element) =>
  element.closest?.("input:not([type=checkbox], [type=radio]), select, textarea, [contenteditable]:not([contenteditable=false])");

let prefix = "";
let prefixTimer;

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.keyCode === 229 || event.repeat) return;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (off() || event.key.length !== 1 || typing(event.target)) return;
  if (document.querySelector("dialog[open]")) return;
  const pressed = prefix ? `${prefix} ${event.key}` : event.key;
  clearTimeout(prefixTimer);
  prefix = "";
  for (const [name] of ACTIONS) {
    const key = keyOf(name);
    if (!key) continue;
    if (key === pressed) {
      const run = live(name);
      if (run) {
        event.preventDefault();
        run();
        return;
      }
    } else if (key.startsWith(`${pressed} `)) {
      prefix = pressed;
    }
  }
  if (prefix) prefixTimer = setTimeout(() => (prefix = ""), 1200);
});

// The help lists exactly what would fire now.
export function showHelp() {
  const dialog = document.getElementById("keys-dialog");
  if (!dialog) return;
  const list = dialog.querySelector("[data-keys-list]");
  list.replaceChildren();
  const table = document.createElement("table");
  const body = table.createTBody();
  const add = (key, words) => {
    const row = body.insertRow();
    const cell = row.insertCell();
    cell.className = "nowrap";
    for (const part of key.split(" ")) {
      const kbd = document.createElement("kbd");
      kbd.textContent = part;
      cell.append(kbd, " ");
    }
    row.insertCell().textContent = words;
  };
  if (off()) {
    const said = document.createElement("p");
    said.textContent = "Single keys are switched off in your preferences.";
    list.append(said);
  } else {
    for (const [name, , words] of ACTIONS) if (keyOf(name) && live(name)) add(keyOf(name), words);
  }
  for (const [key, words] of FIXED) add(key, words);
  list.append(table);
  dialog.showModal();
  dialog.querySelector("h2").focus();
}

export function hint(root = document) {
  for (const kbd of root.querySelectorAll("[data-key-for]")) {
    const key = keyOf(kbd.dataset.keyFor);
    kbd.textContent = key ?? "";
    kbd.hidden = off() || !key;
  }
}

register("help", showHelp);
const go = (name, path) => register(name, () => location.assign(path));
go("go.queue", "/queue/");
go("go.mine", "/");
register("go.approvals", () => location.assign("/#approvals"));
