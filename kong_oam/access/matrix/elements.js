"use strict";
// Elements of a page that shows its data. All values are inserted as text, never as HTML.

const data = JSON.parse(document.getElementById("data").textContent);
const CHUNK = 1500;
const $ = (id) => document.getElementById(id);
const distinct = (values) => [...new Set(values)].sort();
const ROLES = {table: "table", thead: "rowgroup", tbody: "rowgroup", tr: "row", td: "cell"};

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  if (ROLES[tag]) element.setAttribute("role", ROLES[tag]);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const header = (scope, ...children) =>
  make("th", {scope, role: scope.startsWith("row") ? "rowheader" : "columnheader"}, ...children);
const counted = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;

/** A text that may break after each slash, except after the slash that starts a path. */
const breakable = (text) => text.split(/(?<=\S\/)/).flatMap((part) => [part, make("wbr")]);

/** Append rows while the screen is near their end; with `all`, append all remaining rows. */
let more = (all) => {};

/** Fill a table with rows. A heading precedes rows with the same key. */
function fill(table, rows, keyOf, headingOf, lineOf) {
  let next = 0, body, previous;
  const near = () => table.getBoundingClientRect().bottom < 2 * innerHeight;
  const chunk = () => {
    for (let elements = 0; next < rows.length && elements < CHUNK; next++) {
      const row = rows[next], key = keyOf(row);
      if (key !== previous) table.append(body = make("tbody", {}, headingOf(row)));
      previous = key;
      const line = lineOf(row);
      body.append(line);
      elements += line.getElementsByTagName("*").length;
    }
  };
  more = (all) => { while (next < rows.length && (all || near())) chunk(); };
  more();
}
