// Everything works without this file; it adds the reader's own time, live changes, keys and copying.
"use strict";

const each = (selector, act, root = document) => root.querySelectorAll(selector).forEach(act);
const byId = (id) => document.getElementById(id);

// Times

const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto", style: "short" });
const absolute = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

function spoken(moment) {
  const seconds = (moment - Date.now()) / 1000;
  for (const [unit, size, below] of [["second", 1, 60], ["minute", 60, 3600], ["hour", 3600, 86400], ["day", 86400, 604800]]) {
    if (Math.abs(seconds) < below) return relative.format(Math.round(seconds / size), unit);
  }
  return absolute.format(moment);
}

function tellTimes(root = document) {
  each("time[datetime]", (time) => {
    const moment = new Date(time.dateTime);
    const text = spoken(moment);
    if (time.textContent !== text) time.textContent = text;
    time.title = `${absolute.format(moment)} (${time.dateTime})`;
  }, root);
}

// Live changes: the page asks for itself and takes over the parts that the server tells differently than before.

const plain = (html) => html.replace(/name="once" value="[0-9a-f]{32}"/g, "");
const told = new Map();
let tag = "";

function remember(root) {
  each("[data-live]", (part) => told.set(part.id, plain(part.innerHTML)), root);
  each("[data-rows] tr[id]", (row) => told.set(row.id, plain(row.innerHTML)), root);
}

const isInUse = (part) => [...part.querySelectorAll("form.stack")].some((form) => form.dataset.dirty || form.contains(document.activeElement));

function warnOfChange(part) {
  each("form.stack[data-dirty]", (form) => {
    if (form.querySelector(".stale-form")) return;
    const words = document.createElement("p");
    words.className = "stale-form";
    words.setAttribute("role", "status");
    words.textContent = "The order changed while you were typing. What you typed is kept; reload to see the change.";
    form.append(words);
  }, part);
}

function takeOverRows(part, fresh) {
  const picked = new Set([...part.querySelectorAll("input[name=pick]:checked")].map((box) => box.value.split(":")[0]));
  const at = part.querySelector("tr.at")?.id;
  const focused = document.activeElement?.closest?.("tr[id]")?.id;
  const known = new Map([...part.querySelectorAll("tr[id]")].map((row) => [row.id, row]));
  each("tr[id]", (row) => {
    const before = told.get(row.id);
    told.set(row.id, plain(row.innerHTML));
    if (known.has(row.id) && before === told.get(row.id)) { row.replaceWith(known.get(row.id)); return; }
    row.classList.add("changed");
    const box = row.querySelector("input[name=pick]");
    box.checked = picked.has(box.value.split(":")[0]);
    if (row.id === at) row.classList.add("at");
    if (row.id === focused) queueMicrotask(() => row.querySelector("a")?.focus({ preventScroll: true }));
  }, fresh);
  part.replaceChildren(...fresh.childNodes);
}

function takeOver(part, fresh) {
  const open = [...part.querySelectorAll("details[open][id]")].map((it) => it.id);
  if (isInUse(part)) { warnOfChange(part); return; }
  if ("rows" in part.dataset) takeOverRows(part, fresh);
  else {
    part.replaceChildren(...fresh.childNodes);
    part.classList.add("changed");
    part.addEventListener("animationend", () => part.classList.remove("changed"), { once: true });
  }
  open.forEach((id) => { const it = byId(id); if (it) it.open = true; });
}

async function look() {
  const here = document.querySelector("[data-here]")?.dataset.here;
  // After a form that was refused the address bar holds the form's own address, which nothing can be read from.
  const address = here && !location.pathname.endsWith(here) ? new URL(here, location.href) : new URL(location.href);
  address.searchParams.set("live", "1");
  const answer = await fetch(address, { headers: tag ? { "If-None-Match": tag } : {}, cache: "no-store", credentials: "same-origin" });
  if (answer.status === 401) { location.reload(); return; }
  if (answer.status === 304) return;
  if (!answer.ok) throw new Error(String(answer.status));
  const first = !tag;
  tag = answer.headers.get("ETag") ?? "";
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  each("[data-live]", (part) => {
    const other = fresh.getElementById(part.id);
    if (!other) return;
    const html = plain(other.innerHTML);
    if (told.get(part.id) === html) return;
    if (first && part.querySelector("[data-tried]")) { told.set(part.id, html); return; }
    if (!isInUse(part)) told.set(part.id, html);
    takeOver(part, other);
  });
  const missing = [...fresh.querySelectorAll("[data-live]")].some((part) => !byId(part.id));
  if (missing && !document.querySelector("form.stack[data-dirty]")) location.reload();
  settle();
}

function sayLive(text) {
  const state = byId("live-state");
  state.textContent = text;
  state.hidden = !text;
}

async function live() {
  let pause = 2000;
  for (;;) {
    await new Promise((done) => setTimeout(done, document.querySelector("[data-waiting]") ? Math.min(pause, 500) : pause));
    if (document.hidden) continue;
    try { await look(); sayLive(""); pause = 2000; } catch { sayLive("Not live: the console does not answer"); pause = Math.min(pause * 2, 30000); }
  }
}

// Selecting

function countPicked() {
  const bar = document.querySelector(".bulk");
  if (!bar) return;
  const boxes = [...document.querySelectorAll("input[name=pick]")];
  const count = boxes.filter((box) => box.checked).length;
  bar.classList.toggle("some", count > 0);
  byId("picked").textContent = count ? `${count} selected` : "Select orders to act on several at once";
  each("button", (button) => { button.disabled = count === 0; }, bar);
  const all = byId("pick-all");
  all.hidden = false;
  all.checked = count > 0 && count === boxes.length;
  all.indeterminate = count > 0 && count < boxes.length;
}

// Keys

const rows = () => [...document.querySelectorAll("tr[data-order]")];

function step(by) {
  const all = rows();
  if (!all.length) return;
  const now = all.findIndex((row) => row.classList.contains("at"));
  const next = all[Math.max(0, Math.min(all.length - 1, now < 0 ? 0 : now + by))];
  each("tr.at", (row) => row.classList.remove("at"));
  next.classList.add("at");
  next.querySelector("th a").focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}

function toggle() {
  const box = document.querySelector("tr.at input[name=pick]");
  if (box) { box.checked = !box.checked; countPicked(); }
}

let went = 0;
const keys = {
  "/": () => byId("search")?.select(),
  j: () => step(1),
  k: () => step(-1),
  x: toggle,
  u: () => byId("up")?.click(),
  g: () => { went = Date.now(); },
  "?": () => byId("help").showModal(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input:not([type=checkbox]), textarea, select, dialog")) return;
  if (Date.now() - went < 1200 && ["o", "s"].includes(event.key)) { location.href = event.key === "o" ? "/orders" : "/sync"; return; }
  const act = keys[event.key];
  if (act) { event.preventDefault(); act(); }
});

// The rest

document.addEventListener("change", (event) => {
  if (event.target.id === "pick-all") each("input[name=pick]", (box) => { box.checked = event.target.checked; });
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
  countPicked();
});
document.addEventListener("input", (event) => {
  const form = event.target.closest("form.stack");
  if (form) form.dataset.dirty = "yes";
});
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method === "dialog") return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
});
document.addEventListener("click", async (event) => {
  const copy = event.target.closest("[data-copy]");
  if (copy) {
    await navigator.clipboard.writeText(copy.dataset.copy);
    copy.textContent = "Copied";
    setTimeout(() => { copy.textContent = "Copy link"; }, 1500);
  }
  const opens = event.target.closest("[data-opens]");
  if (opens) {
    event.preventDefault();
    const details = byId(opens.dataset.opens);
    details.open = true;
    details.querySelector("input:not([type=hidden])")?.focus();
  }
});
// A page from the back-forward cache holds forms that were sent already.
window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

function settle() {
  tellTimes();
  countPicked();
  if (navigator.clipboard) each("[data-copy]", (button) => { button.hidden = false; });
}

byId("help-open").hidden = false;
byId("help-open").addEventListener("click", () => byId("help").showModal());
remember(document);
settle();
each("[autofocus]", (it) => it.scrollIntoView({ block: "center" }));
setInterval(tellTimes, 30000);
if (document.querySelector("[data-live]")) live();
