
// Show the matrix.

const EVERYBODY = -1, ITSELF = 0, METHODS = 7, CALLERS = 12, LONG = 120, FITTING = 12, ON_PAPER = 8;
const FIELDS = ["q", "component", "host", "method", "principal", "group", "access"];
const region = $("region");
data.hosts = distinct(data.rows.map((row) => row.host));
data.groups = distinct(data.conditions.flatMap((condition) => condition.groups));
// Names of clients have a slash.
for (const entry of data.principals) entry.anonymous = entry.name === "anonymous";

// Filters

const wanted = () => Object.fromEntries(FIELDS.map((name) => [name, $(name).value.trim().toLowerCase()]));

/** A test of names: the exact name, or all names that contain the text if no name is equal. */
function named(text, names) {
  if (!text) return () => true;
  const exact = names.some((name) => name.toLowerCase() === text);
  return (name) => (exact ? name.toLowerCase() === text : name.toLowerCase().includes(text));
}

const callersText = data.accesses.map((cells) =>
  cells.map(([principal, condition]) => `${data.principals[principal].name} ${data.conditions[condition].words}`).join("\n").toLowerCase());
for (const row of data.rows) {
  const {name, owner} = data.components[row.component];
  row.callers = row.access === EVERYBODY ? [] : data.accesses[row.access];
  row.text = [name, owner, `${data.scheme}://${row.host}${row.path}`, row.except.join(" "), row.methods.join(","),
    row.access === EVERYBODY ? `everybody anonymous public ${row.reasons.join(" ")}` : row.callers.length ? "" : "nobody"].join("\n").toLowerCase();
}

/** The rows that pass the filters, and the columns (numbers of principals) with entries. */
function selected(asked) {
  const words = asked.q.split(/\s+/).filter(Boolean);
  const component = named(asked.component, data.components.map((entry) => entry.name));
  const host = named(asked.host, data.hosts);
  const principal = named(asked.principal, data.principals.map((entry) => entry.name));
  const group = named(asked.group, data.groups);
  const groups = data.conditions.map((condition) => !asked.group || condition.groups.some(group));
  const principals = data.principals.map((entry) => principal(entry.name));
  const columns = new Set();
  const rows = data.rows.filter((row) => {
    const open = row.access === EVERYBODY;
    if (asked.access && (asked.access === "public") !== open) return false;
    if (asked.method && !row.methods.includes(asked.method.toUpperCase())) return false;
    if (!component(data.components[row.component].name) || !host(row.host)) return false;
    if (!words.every((word) => row.text.includes(word) || (!open && callersText[row.access].includes(word)))) return false;
    if (open) return !asked.group && principals.some(Boolean);
    const cells = row.callers.filter(([number, condition]) => principals[number] && groups[condition]);
    for (const [number] of cells) columns.add(number);
    return cells.length > 0 || !(asked.principal || asked.group);
  });
  if (!rows.length) return {rows, columns: []};
  const candidates = [...data.principals.keys()].filter((number) => principals[number]);
  const all = !FIELDS.some((name) => asked[name]) || (asked.principal && !asked.group);
  const shown = candidates.filter((number) => all || columns.has(number) || (data.principals[number].anonymous && !asked.group));
  return {rows, columns: shown.length ? shown : candidates};  // public and empty rows apply to these, too
}

// Display

function endpoint(row) {
  const calls = row.methods.filter((name) => name.startsWith("call "));
  const every = row.methods.length - calls.length === METHODS;
  const methods = every ? ["any method", ...calls] : row.methods;
  const parts = methods.map((name) => make("span", {class: "method"}, name));
  const but = row.except.length ? [make("span", {class: "but"}, " but not "), make("span", {class: "path but"}, ...breakable(row.except.join(", ")))] : [];
  return header("row", ...parts, make("span", {class: "path"}, ...breakable(row.path)), ...but);
}

function openTo(row) {
  return [make("b", {}, "everybody"), row.reasons.length ? ` \u2013 ${row.reasons.join("; ")}` : ""];
}

function heading(row, columns) {
  const {name, owner} = data.components[row.component];
  const parts = [make("b", {}, name), make("span", {}, `${data.scheme}://${row.host}`)];
  if (owner) parts.push(make("span", {}, `owner ${owner}`));
  const cell = header("rowgroup", make("div", {class: "stay"}, ...parts));
  cell.colSpan = Math.min(columns, 1000);
  return make("tr", {class: "group"}, cell);
}

/** A condition in words. A long condition shows its beginning, and all of it when opened. */
function inWords(number) {
  const {words} = data.conditions[number];
  if (words.length <= LONG || printing) return words;
  return make("details", {}, make("summary", {}, `${words.slice(0, LONG)} ...`), words);
}

function caller([principal, number]) {
  return make("li", {}, make("b", {}, data.principals[principal].name),
    make("span", {class: `tag ${number === ITSELF ? "own" : "user"}`}, inWords(number)));
}

function listed(row, asked) {
  if (row.access === EVERYBODY) return make("td", {}, make("span", {class: "tag open"}, ...openTo(row)));
  const cells = row.callers.filter(([number]) => asked.has(number));
  if (!cells.length) return make("td", {}, make("span", {class: "nobody"}, row.callers.length ? "none of these" : "nobody"));
  const first = printing ? cells : cells.slice(0, CALLERS), others = cells.slice(first.length);
  const cell = make("td", {}, make("ul", {}, ...first.map(caller)));
  if (others.length) {
    const rest = make("details", {}, make("summary", {}, counted(others.length, "more principal")));
    rest.addEventListener("toggle", () => rest.append(make("ul", {}, ...others.map(caller))), {once: true});
    cell.append(rest);
  }
  return cell;
}

/** Adjacent empty cells are merged and painted with lines: most of a large matrix is empty. */
function gaps(from, to, kind = "gap", ...children) {
  const cells = [];
  for (let at = from; at < to; at += 1000) {  // HTML's largest colspan
    const cell = make("td", {class: kind}, ...(at === from ? children : []));
    cell.colSpan = Math.min(1000, to - at);
    cells.push(cell);
  }
  return cells;
}

function crossed(row, at, count) {
  if (row.access === EVERYBODY) return gaps(0, count, "open", make("span", {class: "stay"}, ...openTo(row)));
  const places = row.callers.filter(([principal]) => at.has(principal)).map(([principal, number]) => [at.get(principal), number]).sort((a, b) => a[0] - b[0]);
  if (!places.length) return gaps(0, count, "gap", make("span", {class: "stay nobody"}, row.callers.length ? "" : "nobody"));
  const cells = [];
  let next = 0;
  for (const [place, number] of places) {
    cells.push(...gaps(next, place), make("td", {class: number === ITSELF ? "own" : "user"}, inWords(number)));
    next = place + 1;
  }
  return [...cells, ...gaps(next, count)];
}

function title(number) {
  const {name, users, anonymous} = data.principals[number];
  return header("col", ...breakable(name), make("small", {}, anonymous ? "no token" : users ? "for its users" : "as itself"));
}

function table(view, columns) {
  const matrix = view === "matrix";
  const made = make("table", {class: view, "aria-label": "Endpoints by principals"});
  const count = matrix ? columns.length : 1;
  made.append(make("colgroup", {}, make("col"), ...Array.from({length: count}, () => make("col"))));
  made.style.setProperty("--columns", count);
  made.append(make("thead", {}, make("tr", {}, header("col", "Endpoint"), ...(matrix ? columns.map(title) : [header("col", "Who may call it")]))));
  const at = new Map(columns.map((principal, place) => [principal, place]));
  return {made, count: count + 1, cellsOf: (row) => (matrix ? crossed(row, at, columns.length) : [listed(row, at)])};
}

const narrow = matchMedia("(max-width: 45rem)");
let chosen = "", printing = false;

function show() {
  const asked = wanted();
  const {rows, columns} = selected(asked);
  let view = chosen || (columns.length <= FITTING && !narrow.matches ? "matrix" : "list");
  if (printing && columns.length > ON_PAPER) view = "list";
  document.body.classList.toggle("as-matrix", view === "matrix");
  for (const button of document.getElementsByName("view")) button.checked = button.value === view;
  const narrowed = FIELDS.slice(1).filter((name) => asked[name]).length;
  $("active").textContent = narrowed ? ` (${narrowed})` : "";
  const filters = FIELDS.filter((name) => asked[name]).map((name) => `${name === "q" ? "search" : name} \u201c${$(name).value.trim()}\u201d`);
  $("status").textContent = `${counted(rows.length, "endpoint")} of ${data.rows.length.toLocaleString("en")}, ` +
    `${counted(columns.length, "principal")} of ${data.principals.length.toLocaleString("en")}${filters.map((filter) => `; ${filter}`).join("")}`;
  if (!rows.length) {
    region.replaceChildren(make("p", {}, data.rows.length ? "No endpoint matches. Clear some filters." : "Nobody may call anything."));
    more = () => {};
    return;
  }
  const built = table(view, columns);
  region.replaceChildren(built.made);
  region.scrollTo(0, 0);
  fill(built.made, rows, (row) => `${row.component} ${row.host}`, (row) => heading(row, built.count),
    (row) => make("tr", {}, endpoint(row), ...built.cellsOf(row)));
  region.style.setProperty("--under-head", `${built.made.tHead.offsetHeight}px`);
}

// The address has the filters, so that they can be shared

function keep() {
  const asked = new URLSearchParams(FIELDS.filter((name) => $(name).value.trim()).map((name) => [name, $(name).value.trim()]));
  if (chosen) asked.set("view", chosen);
  history.replaceState(null, "", `#${asked}`);
}

function recall() {
  const asked = new URLSearchParams(location.hash.slice(1));
  for (const name of FIELDS) $(name).value = asked.get(name) || "";
  chosen = ["list", "matrix"].includes(asked.get("view")) ? asked.get("view") : "";
  show();
}

function begin() {
  const open = data.rows.filter((row) => row.access === EVERYBODY).length;
  const clients = data.principals.filter((entry) => !entry.anonymous).length;
  document.title = `Who may call what: ${data.stack}`;
  $("summary").textContent = `Stack ${data.stack}: ${counted(data.rows.length, "endpoint")}, ` +
    `${open.toLocaleString("en")} of them public; ${counted(data.components.length, "component")}, ${counted(clients, "client")}`;
  $("source").textContent = data.source;
  const names = {components: data.components.map((entry) => entry.name), hosts: data.hosts, principals: data.principals.map((entry) => entry.name), groups: data.groups};
  for (const [id, options] of Object.entries(names)) $(id).append(...options.map((value) => make("option", {value})));
  $("method").append(...data.methods.map((value) => make("option", {value}, value)));
  $("filters").open = !narrow.matches;
  let waiting;
  const later = () => { clearTimeout(waiting); waiting = setTimeout(() => { keep(); show(); }, 120); };
  const form = document.querySelector("form");
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", (event) => { if (event.target.name === "view") chosen = event.target.value; later(); });
  form.addEventListener("reset", () => { chosen = ""; setTimeout(() => { keep(); show(); $("q").focus(); }); });
  addEventListener("keydown", (event) => {
    const typing = /^(INPUT|SELECT)$/.test(event.target.tagName);
    if (event.key === "/" && !typing) { event.preventDefault(); $("q").focus(); }
    if (event.key === "Escape" && FIELDS.some((name) => $(name).value)) form.reset();
  });
  addEventListener("scroll", () => more(), {capture: true, passive: true});
  addEventListener("resize", () => more());
  addEventListener("hashchange", recall);
  narrow.addEventListener("change", () => show());
  // Paper does not scroll: print all rows and callers, and a list if there are many columns.
  addEventListener("beforeprint", () => { printing = true; show(); more(true); });
  addEventListener("afterprint", () => { printing = false; show(); });
  recall();
}

begin();
