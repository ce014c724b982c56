
// Show the connections inside the cluster below the endpoints, in pages that have any. They have no
// host, method or group, so a filter on these hides them.

const callees = distinct(data.connections.map(([callee]) => callee));
const connecting = distinct(data.connections.map(([, by]) => by));
const showEndpoints = show;

function connections(asked) {
  if (asked.host || asked.method || asked.group || asked.access) return [];
  const words = asked.q.split(/\s+/).filter(Boolean);
  const component = named(asked.component, callees), principal = named(asked.principal, connecting);
  return data.connections.filter(([callee, by, text]) =>
    component(callee) && principal(by) && words.every((word) => `${by} ${text}`.toLowerCase().includes(word)));
}

show = () => {
  showEndpoints();
  const found = connections(wanted());
  $("status").textContent += `; ${counted(found.length, "connection")} of ${data.connections.length.toLocaleString("en")}`;
  if (!data.rows.length) region.replaceChildren();
  if (!found.length) return;
  const shown = printing ? found : found.slice(0, CHUNK);
  const lines = shown.map(([callee, by, text]) =>
    make("tr", {}, header("row", ...breakable(callee)), make("td", {}, make("b", {}, by), ` ${text}`)));
  if (found.length > shown.length) {
    lines.push(make("tr", {}, header("row"), make("td", {}, `and ${counted(found.length - shown.length, "more connection")}: narrow the filters`)));
  }
  const head = make("tr", {}, header("col", "Component"), header("col", "Connections inside the cluster"));
  region.append(make("table", {class: "list", "aria-label": "Connections inside the cluster"}, make("thead", {}, head), make("tbody", {}, ...lines)));
};

for (const [id, names] of [["components", callees], ["principals", connecting]]) {
  const listed = [...$(id).children].map((option) => option.value);
  $(id).append(...names.filter((name) => !listed.includes(name)).map((value) => make("option", {value})));
}
show();
