// What happens round an htmx swap: focus lands on something named, waiting is said, errors stay.
const live = document.getElementById("live");
const toasts = document.getElementById("toasts");
let lost = false;
let origin = "";

export function say(words) {
  if (!live) return;
  live.textContent = "";
  setTimeout(() => (live.textContent = words), 50);
}

export function toast(words, tone = "") {
  const box = document.createElement("div");
  box.className = `toast ${tone}`;
  box.dataset.toast = "";
  const text = document.createElement("span");
  text.textContent = words;
  const close = document.createElement("button");
  close.type = "button";
  close.className = "btn small quiet";
  close.dataset.dismiss = "";
  close.textContent = "Dismiss";
  box.append(text, close);
  toasts.append(box);
  fade(box);
  say(words);
}

// A notice leaves after a while, but never while it is focused or pointed at.
function fade(box) {
  setTimeout(() => (box.matches(":hover, :focus-within") ? fade(box) : box.remove()), 9000);
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-dismiss]")) event.target.closest("[data-toast]").remove();
});

const busy = (element, on) => {
  const panel = element?.closest?.(".panel, form, [data-busy]") ?? element;
  if (on) panel?.setAttribute?.("aria-busy", "true");
  else panel?.removeAttribute?.("aria-busy");
};

document.addEventListener("htmx:beforeRequest", (event) => busy(event.detail.elt, true));
document.addEventListener("htmx:afterRequest", (event) => busy(event.detail.elt, false));
document.addEventListener("htmx:beforeSwap", (event) => {
  // The focus may lie in a part that comes out of band: then it goes back to that part's head.
  const held = document.activeElement !== document.body;
  origin = held ? (document.activeElement.closest("section[id]")?.id ?? "") : "";
  lost = held || event.detail.elt?.dataset?.lazy === undefined;
});
document.addEventListener("htmx:afterSettle", (event) => {
  const target = event.detail.target ?? event.detail.elt;
  document.dispatchEvent(new CustomEvent("portal:fresh", { detail: target }));
  if (!lost || (document.activeElement && document.activeElement !== document.body)) return;
  lost = false;
  const here = document.getElementById(origin) ?? document.getElementById(target.id) ?? (target.isConnected ? target : document.getElementById("main"));
  const place =
    here.querySelector("[data-focus], [aria-invalid=true], [role=alert]") ??
    here.querySelector("h1[tabindex], h2[tabindex], h3[tabindex]") ??
    here.closest(".panel")?.querySelector("h2[tabindex]") ??
    here;
  if (!place.hasAttribute("tabindex") && !place.matches("a, button, input, select, textarea")) place.tabIndex = -1;
  place.focus({ preventScroll: false });
});

document.addEventListener("htmx:responseError", (event) => {
  const answer = event.detail.xhr;
  const id = answer.getResponseHeader("X-Request-ID");
  const words = answer.status === 429 ? "Too many requests. Wait a moment." : `The server could not do that (${answer.status}).`;
  failed(event.detail.elt, id ? `${words} Request ${id}.` : words);
});
document.addEventListener("htmx:sendError", (event) => failed(event.detail.elt, "The server could not be reached. Nothing was changed."));
document.addEventListener("htmx:timeout", (event) => failed(event.detail.elt, "The server took too long. Look at the page again before you repeat it."));

function failed(element, words) {
  if (element?.dataset?.lazy === undefined) {
    toast(words, "danger");
    return;
  }
  const box = document.createElement("div");
  box.className = "alert danger";
  box.setAttribute("role", "alert");
  const text = document.createElement("p");
  text.textContent = words;
  const again = document.createElement("button");
  again.type = "button";
  again.className = "btn small";
  again.textContent = "Try again";
  again.addEventListener("click", () => window.htmx.ajax("GET", element.getAttribute("hx-get"), { source: element, target: element }));
  box.append(text, again);
  element.replaceChildren(box);
}

const offline = document.getElementById("offline");
const network = () => {
  if (offline) offline.hidden = navigator.onLine;
};
addEventListener("offline", network);
addEventListener("online", () => {
  network();
  say("You are online again.");
});
network();
