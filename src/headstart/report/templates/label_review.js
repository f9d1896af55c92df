"use strict";
// Labels in doubt, one after the other: what a person decides goes into a log, and everything that
// is shown or saved is derived from it. Undo takes the last entry off.
(() => {
const find = (id) => document.getElementById(id);
const review = find("labels");
const data = JSON.parse(find("labels-data").textContent);
const { items, near, classes, codes } = data;
const KEY = "headstart labels " + data.digest;
const LEFT_OUT = -1;
// What an earlier table of fixes says; decisions made here come on top of it.
const earlier = new Map(data.earlier.map(([name, fix]) =>
  [name, fix === null ? LEFT_OUT : classes.indexOf(fix)]));
// A name is shown with codes for the characters that cannot be seen or that turn others around.
const printable = (text) => text.replace(
  /[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]/gu,
  (sign) => "\\u" + sign.charCodeAt(0).toString(16).padStart(4, "0"));
for (const item of [...items, ...Object.values(near)]) item.title = printable(item.name);
const names = classes.map(printable);
const placeOf = new Map(items.map((item, place) => [item.row, place]));

let log = []; // [row, class name, or null for "leave out"], the oldest first
let at = 0; // place in items
let isKept = true; // whether the browser keeps the log
let isSaved = true; // whether the last decision is in a saved file

// ---- decisions

function load() {
  try {
    const text = localStorage.getItem(KEY) || "[]";
    localStorage.setItem(KEY, text);
    log = JSON.parse(text).filter(([row, name]) =>
      placeOf.has(row) && (name === null || classes.includes(name)));
  } catch {
    isKept = false;
  }
  find("labels-storage").hidden = isKept;
}

function keepLog() {
  isSaved = false;
  if (!isKept) return;
  try {
    localStorage.setItem(KEY, JSON.stringify(log));
  } catch {
    isKept = false;
    find("labels-storage").hidden = false;
  }
}

// Row to class, or to LEFT_OUT.
function decisions() {
  const made = new Map();
  for (const item of items) if (earlier.has(item.name)) made.set(item.row, earlier.get(item.name));
  for (const [row, name] of log) made.set(row, name === null ? LEFT_OUT : classes.indexOf(name));
  return made;
}

function decide(choice) {
  const item = items[at];
  if (choice === LEFT_OUT && !data.can_leave_out) {
    return say("A class is called “drop”, the word for leaving out: take the picture out of the table.");
  }
  if (choice === undefined || (choice < 0 && choice !== LEFT_OUT)) {
    return say("There is no other class to suggest: choose one from the list.");
  }
  log.push([item.row, choice === LEFT_OUT ? null : classes[choice]]);
  keepLog();
  const done = words(item, choice);
  const next = nextOpen();
  if (next !== null) at = next;
  show();
  say(next === null ? `${item.title}: ${done}. All that are shown are decided: save fixes.csv.`
    : `${item.title}: ${done}. Next: ${spoken(items[at])}`);
}

function undo() {
  const last = log.pop();
  if (!last) return say("Nothing to undo.");
  keepLog();
  at = placeOf.get(last[0]);
  show();
  say(`Undone: ${spoken(items[at])}`);
}

function nextOpen() {
  const decided = decisions();
  const open = shown().filter((place) => !decided.has(items[place].row));
  return open.find((place) => place > at) ?? open[0] ?? null;
}

function words(item, choice) {
  if (choice === undefined) return "not decided";
  if (choice === LEFT_OUT) return "left out";
  return choice === item.given ? `kept as ${names[choice]}` : `is really ${names[choice]}`;
}

function spoken(item) {
  const p = item.p ? ` ${item.p[0].toFixed(3)}` : "";
  return `${item.title}, given ${names[item.given]}${p}`;
}

// ---- filters

function shown() {
  const code = find("labels-code").value;
  const given = find("labels-class").value;
  const decided = decisions();
  const open = find("labels-open").checked;
  return [...items.keys()].filter((place) => {
    const item = items[place];
    return (!code || item.codes.includes(code)) && (!given || item.given === Number(given))
      && (!open || !decided.has(item.row));
  });
}

function move(step) {
  const places = shown();
  const later = step > 0 ? places.find((place) => place > at)
    : places.filter((place) => place < at).pop();
  if (later === undefined) return say(step > 0 ? "This is the last one." : "This is the first one.");
  at = later;
  show();
  say(spoken(items[at]));
}

function filter() {
  const places = shown();
  if (places.length && !places.includes(at)) at = places[0];
  show();
  say(places.length ? `${places.length} shown.` : "None is of this kind.");
}

// ---- what is seen

function element(tag, text, attributes = {}) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function picture(item, alt) {
  if (!item.uri) return element("span", `No picture to show: ${item.error}`, { class: "gone" });
  return element("img", undefined, { src: item.uri, alt });
}

function show() {
  const item = items[at];
  const decided = decisions();
  const choice = decided.get(item.row);
  find("labels-picture").replaceChildren(picture(item, item.title));
  find("labels-name").textContent = item.title;
  find("labels-given").replaceChildren(...line("given", item.given, item.p?.[0]));
  const isLikelier = item.p && item.p[1] > item.p[0];
  const source = item.codes.includes(data.copy) ? "its copy" : isLikelier ? "likelier" : "next";
  find("labels-suggested").className = `verdict ${source === "next" ? "" : "wrong"}`;
  find("labels-suggested").replaceChildren(
    ...(item.suggested < 0 ? [] : line(source, item.suggested, item.p?.[1])));
  find("labels-why").replaceChildren(
    ...item.codes.map((code) => element("span", `${code} ${codes[code]}`, { class: "badge" })));
  find("labels-decision").textContent = words(item, choice);
  find("labels-decision").className = choice === undefined ? "" : "decided";
  find("labels-keep").lastElementChild.textContent = names[item.given];
  const really = find("labels-really");
  really.lastElementChild.textContent = item.suggested < 0 ? "…" : names[item.suggested];
  really.setAttribute("aria-disabled", String(item.suggested < 0));
  alike("labels-given-like", item.given, item.like[0]);
  alike("labels-suggested-like", item.suggested, item.like[1]);
  count(decided);
  strip(decided);
  if (find("labels-large").open) enlarge();
}

function line(said, place, share) {
  const name = element("span", said + " ");
  const strong = element("b");
  strong.append(element("bdi", names[place]));
  name.append(strong);
  return [name, element("span", share === undefined ? "" : share.toFixed(3), { class: "figure" })];
}

function alike(id, place, rows) {
  const group = find(id);
  group.hidden = place < 0 || !rows.length;
  if (group.hidden) return;
  group.querySelector("bdi").textContent = names[place];
  group.querySelector("ul").replaceChildren(...rows.map((row) => {
    const other = placeOf.has(row) ? items[placeOf.get(row)] : near[row];
    const cell = element("li", undefined, { title: other.title });
    cell.append(picture(other, `${other.title}, given ${names[place]}`));
    return cell;
  }));
}

function count(decided) {
  const made = items.map((item) => [item, decided.get(item.row)]).filter(([, choice]) => choice !== undefined);
  const out = made.filter(([, choice]) => choice === LEFT_OUT).length;
  const kept = made.filter(([item, choice]) => choice === item.given).length;
  find("labels-count").textContent = `${made.length} of ${items.length} decided`;
  find("labels-parts").textContent = `${kept} kept, ${made.length - kept - out} changed, ${out} left out`;
  find("labels-progress").value = made.length;
}

// The small pictures come as one scrolls to them.
const seen = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    seen.unobserve(target);
    const item = items[target.dataset.place];
    target.prepend(picture(item, item.title));
  }
}, { root: find("labels-strip"), rootMargin: "200px" });

const buttons = items.map((item, place) => {
  const made = element("button", undefined, { type: "button", "data-place": place, tabindex: "-1" });
  made.append(element("span", "", { class: "sign", "aria-hidden": "true" }));
  made.addEventListener("click", () => { at = place; show(); });
  const cell = element("li");
  cell.append(made);
  find("labels-strip").append(cell);
  seen.observe(made);
  return made;
});

function strip(decided) {
  const places = new Set(shown());
  buttons.forEach((button, place) => {
    const item = items[place];
    const choice = decided.get(item.row);
    button.parentElement.hidden = !places.has(place) && place !== at;
    button.lastElementChild.textContent = choice === undefined ? "" : choice === LEFT_OUT ? "✕"
      : choice === item.given ? "✓" : "→";
    button.setAttribute("aria-label", `${item.title}, ${words(item, choice)}`);
    button.setAttribute("aria-current", String(place === at));
    button.tabIndex = place === at ? 0 : -1;
  });
  const list = find("labels-strip");
  const { offsetTop, offsetHeight } = buttons[at];
  const top = offsetTop - list.offsetTop;
  if (top < list.scrollTop || top + offsetHeight > list.scrollTop + list.clientHeight) {
    list.scrollTop = top - list.clientHeight / 2;
  }
}

function enlarge() {
  const large = find("labels-large");
  large.querySelector("div").replaceChildren(picture(items[at], items[at].title));
  large.querySelector("bdi").textContent = items[at].title;
  if (!large.open) large.showModal();
}

function say(text) {
  find("labels-said").textContent = text;
}

// ---- the table of fixes, as `fit --fixes` takes it

function fixes() {
  const decided = decisions();
  const listed = new Set(items.map((item) => item.name));
  const others = data.earlier.filter(([name]) => !listed.has(name))
    .map(([name, fix]) => [name, "", "", "", fix ?? data.drop]);
  const here = items.filter((item) => decided.has(item.row)).map((item) => {
    const choice = decided.get(item.row);
    return [item.name, classes[item.given], item.suggested < 0 ? "" : classes[item.suggested],
      item.p ? item.p[1].toFixed(4) : "", choice === LEFT_OUT ? data.drop : classes[choice]];
  });
  return [...others, ...here];
}

function asText(rows) {
  const quoted = (cell) => /[",\r\n]|^\s|\s$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
  return [data.columns, ...rows].map((row) => row.map(quoted).join(",") + "\n").join("");
}

// A file name's byte that is no UTF-8 stands as half of a surrogate pair and goes out as that byte.
function bytes(text) {
  return text.split(/([\udc80-\udcff])/u).map((part, place) =>
    place % 2 ? Uint8Array.of(part.charCodeAt(0) - 0xdc00) : part);
}

function save() {
  const rows = fixes();
  if (!rows.length) return say("Nothing is decided yet.");
  const text = asText(rows);
  find("labels-text").value = text;
  const link = element("a", undefined, {
    href: URL.createObjectURL(new Blob(bytes(text), { type: "text/csv" })), download: "fixes.csv",
  });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  isSaved = true;
  say(`fixes.csv is saved with ${rows.length} ${rows.length === 1 ? "decision" : "decisions"}. Use it: headstart fit … --fixes fixes.csv`);
}

// ---- keys and buttons

const actions = {
  k: () => decide(items[at].given),
  r: () => decide(items[at].suggested < 0 ? undefined : items[at].suggested),
  l: () => decide(LEFT_OUT),
  u: undo,
  s: save,
  z: () => find("labels-large").open ? find("labels-large").close() : enlarge(),
  c: () => find("labels-other").focus(),
  arrowright: () => move(1),
  arrowleft: () => move(-1),
};

function other() {
  decide(Number(find("labels-other").value));
  review.focus();
}

review.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const key = event.key.toLowerCase();
  if (event.target.matches("select, textarea, input")) {
    if (event.target.id === "labels-other" && key === "enter") { event.preventDefault(); other(); }
    return;
  }
  const action = actions[key] || (/^[1-9]$/.test(key) && classes.length > 2 && Number(key) <= classes.length
    && (() => decide(Number(key) - 1)));
  if (!action) return;
  event.preventDefault();
  action();
});
for (const [id, key] of [["keep", "k"], ["really", "r"], ["out", "l"], ["undo", "u"], ["save", "s"],
  ["picture", "z"], ["next", "arrowright"], ["before", "arrowleft"], ["close", "z"]]) {
  find(`labels-${id}`).addEventListener("click", actions[key]);
}
find("labels-set").addEventListener("click", other);
for (const id of ["code", "class", "open"]) find(`labels-${id}`).addEventListener("change", filter);
find("labels-table").addEventListener("toggle", () => { find("labels-text").value = asText(fixes()); });
addEventListener("beforeunload", (event) => { if (!isKept && !isSaved) event.preventDefault(); });

load();
at = -1;
at = nextOpen() ?? 0;
find("labels-app").hidden = false;
show();
})();
