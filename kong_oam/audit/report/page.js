
// Show the lines of a review, and save the reviewer's decisions as a file.

const FIELDS = ["component", "kind", "holder", "owner", "holderOwner", "scopes", "details", "granted", "approver", "use"];
const digest = document.querySelector("meta[name=snapshot]").content;
const region = $("region");
const lines = data.lines.map((numbers) => Object.fromEntries(FIELDS.map((name, place) => [name, data.names[numbers[place]]])));
const decisions = new Map();  // by line: {decision, reason}
let saved = true, printing = false;

for (const line of lines) {
  line.members = line.kind === "group" ? data.members[line.holder] || [] : [];
  line.text = [...FIELDS.map((name) => line[name]), ...line.members].join("\n").toLowerCase();
  line.unused = line.use.startsWith("none since");
}

const own = (line) => $("team").value !== "" && line.owner === $("team").value;

const STATES = {
  open: (line) => !decisions.has(line),
  keep: (line) => decisions.get(line)?.decision === "keep",
  revoke: (line) => decisions.get(line)?.decision === "revoke",
  own,
  unused: (line) => line.unused,
};

function selected() {
  const words = $("q").value.toLowerCase().split(/\s+/).filter(Boolean);
  const kind = $("kind").value, state = STATES[$("state").value];
  return lines.filter((line) => (!kind || line.kind === kind) && (!state || state(line)) && words.every((word) => line.text.includes(word)));
}

// Decisions

function decide(line, decision) {
  const before = decisions.get(line);
  if (before?.decision === decision) decisions.delete(line);
  else decisions.set(line, {decision, reason: before?.reason || $("reason").value.trim()});
  saved = false;
}

const withoutReason = () => [...decisions.values()].filter((each) => !each.reason).length;

function count() {
  const verdicts = [...decisions.values()].map((each) => each.decision);
  const revoked = verdicts.filter((verdict) => verdict === "revoke").length;
  const missing = withoutReason();
  $("status").textContent = `${counted(shown.length, "line")} of ${lines.length.toLocaleString("en")}; ` +
    `kept ${verdicts.length - revoked}, revoked ${revoked}, without a decision ${lines.length - verdicts.length}` +
    (missing ? `; ${counted(missing, "decision")} without a reason` : "");
}

function save() {
  if (withoutReason()) {
    $("status").textContent = `${counted(withoutReason(), "decision")} without a reason: write the reasons, then save again`;
    return;
  }
  const written = lines.filter((line) => decisions.has(line)).map((line) => {
    const {component, kind, holder} = line;
    return {component, kind, holder, ...decisions.get(line)};
  });
  const file = {version: 1, snapshot: digest, stack: data.stack, team: $("team").value, decisions: written};
  const link = make("a", {download: `decisions-${data.stack}-${digest.slice(0, 8)}.json`});
  link.href = URL.createObjectURL(new Blob([`${JSON.stringify(file, null, 1)}\n`], {type: "application/json"}));
  link.click();
  URL.revokeObjectURL(link.href);
  saved = true;
}

async function load(file) {
  try {
    const read = JSON.parse(await file.text());
    if (read.snapshot !== digest) throw new Error("these decisions are about another snapshot");
    const keyOf = ({component, kind, holder}) => `${component} ${kind} ${holder}`;
    const byKey = new Map(lines.map((line) => [keyOf(line), line]));
    for (const {decision, reason, ...key} of read.decisions) decisions.set(byKey.get(keyOf(key)), {decision, reason});
    $("team").value = read.team;
    show();
  } catch (error) {
    $("status").textContent = `The file is not read: ${error.message}`;
  }
}

// Display

function verdict(line, row) {
  const field = make("input", {placeholder: "reason", "aria-label": `Reason for ${line.holder}`});
  const buttons = ["keep", "revoke"].map((name) => {
    const button = make("button", {type: "button"}, name[0].toUpperCase() + name.slice(1));
    button.addEventListener("click", () => { decide(line, name); update(); count(); });
    return button;
  });
  const update = () => {
    const known = decisions.get(line);
    row.className = known?.decision || "";
    buttons[0].setAttribute("aria-pressed", known?.decision === "keep");
    buttons[1].setAttribute("aria-pressed", known?.decision === "revoke");
    field.value = known?.reason || "";
    field.disabled = !known;
  };
  field.addEventListener("input", () => { decisions.get(line).reason = field.value.trim(); saved = false; count(); });
  update();
  return make("td", {}, ...buttons, field);
}

function people(line) {
  if (!line.members.length) return [];
  const users = line.members.join(", ");
  return [make("details", {}, make("summary", {}, counted(line.members.length, "user")), users)];
}

function lineOf(line) {
  const row = make("tr");
  const mark = own(line) ? [" ", make("span", {class: "own-team"}, "your team")] : [];
  const owner = line.holderOwner ? [make("span", {class: "kind"}, `owner ${line.holderOwner}`)] : [];
  row.append(
    header("row", make("span", {class: "kind"}, line.kind, ...mark), make("b", {}, ...breakable(line.holder)), ...owner, ...people(line)),
    make("td", {}, line.scopes, line.details ? make("span", {class: "kind"}, line.details) : ""),
    make("td", {}, line.granted), make("td", {}, line.approver), make("td", {}, line.use), verdict(line, row));
  return row;
}

function headingOf({component, owner}) {
  const cell = header("rowgroup", make("b", {}, component), make("span", {}, owner ? `owner ${owner}` : "no owner"));
  cell.colSpan = 6;
  return make("tr", {class: "group"}, cell);
}

function section({title, columns, rows}) {
  const details = make("details", {}, make("summary", {}, `${title}: ${rows.length.toLocaleString("en")}`));
  const body = rows.map((row) => make("tr", {}, ...row.map((text) => make("td", {}, text))));
  details.append(make("table", {}, make("thead", {}, make("tr", {}, ...columns.map((name) => header("col", name)))), make("tbody", {}, ...body)));
  details.open = printing || rows.length <= 12;
  return make("section", {}, details);
}

let shown = [];

function show() {
  shown = selected();
  const table = make("table", {class: "review", "aria-label": "Lines"}, make("colgroup", {}, ...Array.from({length: 6}, () => make("col"))));
  table.append(make("thead", {}, make("tr", {}, ...["Holder", "Scopes", "Granted by", "Approved by", "Last use", "Decision"].map((name) => header("col", name)))));
  const notes = make("section", {}, ...data.notes.map((note) => make("p", {}, note)));
  region.replaceChildren(notes, ...data.sections.map(section), table);
  fill(table, shown, (line) => line.component, headingOf, lineOf);
  count();
}

function begin() {
  document.title = `Review of access: ${data.stack}, ${data.time.slice(0, 10)}`;
  const parts = Object.entries(data.totals).map(([kind, number]) => `${kind} ${number.toLocaleString("en")}`);
  $("summary").textContent = `Stack ${data.stack}, ${data.time}: ${parts.join(", ") || "nothing to review"}`;
  $("source").textContent = data.source;
  $("digest").textContent = digest;
  $("team").append(...distinct(lines.map((line) => line.owner).filter(Boolean)).map((value) => make("option", {value}, value)));
  $("kind").append(...Object.keys(data.totals).map((value) => make("option", {value}, value)));
  let waiting;
  const form = document.querySelector("form");
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", (event) => {
    if (["reason", "load"].includes(event.target.id)) return;
    clearTimeout(waiting);
    waiting = setTimeout(show, 120);
  });
  $("save").addEventListener("click", save);
  $("load").addEventListener("change", (event) => load(event.target.files[0]));
  $("keep-all").addEventListener("click", () => {
    for (const line of shown) if (!decisions.has(line)) decide(line, "keep");
    show();
  });
  addEventListener("scroll", () => more(), {capture: true, passive: true});
  addEventListener("resize", () => more());
  addEventListener("beforeunload", (event) => { if (!saved) event.preventDefault(); });
  addEventListener("beforeprint", () => { printing = true; show(); more(true); });
  addEventListener("afterprint", () => { printing = false; show(); });
  show();
}

begin();
