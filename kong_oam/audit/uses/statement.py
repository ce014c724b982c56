"""The SQL that aggregates records into uses: one statement, in DuckDB's dialect.

It reads the relation `records`. Its columns are `FIELDS` and `EXTRA`.
A row of the result is a class, or a block of a counter on a day; `COLUMNS` has its columns.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from kong_oam.audit.uses.declared import Declared
from kong_oam.audit.uses.model import BLOCK
from kong_oam.metrics.records import VERSION

# The types of the fields of records that the statement reads.
FIELDS = {
    "version": "BIGINT",
    "time": "VARCHAR",
    "requestId": "VARCHAR",
    "stack": "VARCHAR",
    "component": "VARCHAR",
    "port": "VARCHAR",
    "method": "VARCHAR",
    "host": "VARCHAR",
    "path": "VARCHAR",
    "client": "VARCHAR",
    "caller": "VARCHAR",
    "by": "VARCHAR",
    "user": "BOOLEAN",
    "groups": "VARCHAR[]",
    "scopes": "VARCHAR[]",
    "decision": "VARCHAR",
    "code": "VARCHAR",
    "rulePath": "VARCHAR",
    "revision": "VARCHAR",
    "admitted": "VARCHAR",
    "address": "VARCHAR",
    "node": "VARCHAR",
    "worker": "VARCHAR",
    "sequence": "BIGINT",
}

# Columns that a reader of files adds: the line, a problem of the line, and whether the record is
# late. A table of records has none of them.
EXTRA = {"line": "BIGINT", "problem": "VARCHAR", "late": "BOOLEAN"}

# The columns that make a class, in the order of CallClass.
CLASS = (
    "component",
    "port",
    "revision",
    "admitted",
    "method",
    "host",
    "path",
    "caller",
    "client",
    "by",
    "user",
    "scopes",
    "groups",
    "address",
    "decision",
    "code",
    "rulePath",
)
# The columns that make a row about a counter: a day has separate rows.
_COUNTER = ("component", "port", "node", "worker", "block", "day", "late")

# The columns of a result and of a file with uses. Lists are texts with a name in each line.
COLUMNS = {
    "kind": "VARCHAR",
    "problem": "VARCHAR",
    **{name: "BOOLEAN" if name == "user" else "VARCHAR" for name in CLASS},
    "node": "VARCHAR",
    "worker": "VARCHAR",
    "block": "BIGINT",
    "bits": "BIGINT",
    "day": "VARCHAR",
    "late": "BOOLEAN",
    "count": "BIGINT",
    "first": "VARCHAR",
    "last": "VARCHAR",
    "example": "VARCHAR",
    "line": "BIGINT",
}

# Characters of a time, as 2026-11-28T06:23:17.052Z.
_LENGTH_OF_TIME = 24

# Fields without which a record tells nothing.
_REQUIRED = (
    "version",
    "requestId",
    "component",
    "port",
    "method",
    "host",
    "path",
    "decision",
    "code",
    "revision",
    "stack",
)

# Signs of an ordinary element: no server reads them in another way.
_SIGNS = "-A-Za-z0-9_@=+,!&'"
# Escapes of an ordinary element, unless an Application declares their character.
_ESCAPES = {
    " ": ("%20",),
    "@": ("%40",),
    "+": ("%2B", "%2b"),
    ",": ("%2C", "%2c"),
    ":": ("%3A", "%3a"),
    "=": ("%3D", "%3d"),
}


def statement(declared: Declared, stacks: Collection[str]) -> str:
    """Return the statement for records of these stacks. It keeps the declared elements of paths."""
    return f"""\
WITH declared AS (
  SELECT component, prefix FROM (VALUES {_prefixes(declared)}) AS pairs(component, prefix)
),
checked AS (
  SELECT *, lower(path) AS small, {_trouble(stacks)} AS trouble FROM records
),
narrowed AS (
  SELECT
    r.trouble AS problem, r.component, r.port, r.revision, r.admitted, r.method, r.host,
    {_path(declared)} AS path,
    r.caller, CASE WHEN r.caller IS NULL THEN r.client END AS client, r."by", r."user",
    array_to_string(r.scopes, chr(10)) AS scopes,
    array_to_string(r.groups, chr(10)) AS groups,
    CASE WHEN {_is_addressed(declared)} THEN r.address END AS address,
    r.decision, r.code, r."rulePath", r.node, r.worker,
    CASE WHEN r.trouble IS NULL AND r.sequence >= 0 THEN r.sequence // {BLOCK} END AS block,
    CASE WHEN r.sequence >= 0 THEN r.sequence % {BLOCK} END AS bit,
    substr(r.time, 1, 10) AS day, r.late, r.time, r."requestId", r.line
  FROM checked AS r{_joins(declared)}
)
SELECT
  CASE WHEN GROUPING(method) = 0 THEN 'class' ELSE 'sequence' END AS kind,
  problem, {_names(CLASS)}, node, worker, block,
  CASE WHEN GROUPING(block) = 0 THEN bit_or(CAST(1 AS BIGINT) << bit) END AS bits,
  day, late, count(*) AS "count",
  min(time) AS "first", max(time) AS "last", min("requestId") AS example, min(line) AS line
FROM narrowed
GROUP BY GROUPING SETS (
  (problem, {_names(CLASS)}),
  (problem, {_names(_COUNTER)})
)
HAVING problem IS NULL OR GROUPING(day) = 0"""


def portable(declared: Declared, stacks: Collection[str], dialect: str) -> str:
    """Return the statement for a table `records` in another dialect of sqlglot."""
    # Imported here: only this function needs the package.
    import sqlglot

    # A table of records has no lines.
    extra = ", ".join(
        f"CAST(NULL AS {kind}) AS {name}" for name, kind in EXTRA.items()
    )
    text = statement(declared, stacks).replace(
        "FROM records", f"FROM (SELECT *, {extra} FROM records) AS records"
    )
    return str(
        sqlglot.transpile(text, read="duckdb", write=dialect, pretty=True)[0]
    )


def literal(text: str) -> str:
    """Return a text as SQL."""
    return "'" + text.replace("'", "''") + "'"


def _names(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _prefixes(declared: Declared) -> str:
    # A relation needs a row.
    pairs = sorted(declared.prefixes) or [("", "")]
    return ", ".join(
        f"({literal(component)}, {literal(prefix)})"
        for component, prefix in pairs
    )


def _trouble(stacks: Collection[str]) -> str:
    """Return the expression of the reason why a record does not count."""
    missing = " OR ".join(f'"{name}" IS NULL' for name in _REQUIRED)
    names = ", ".join(map(literal, sorted(stacks)))
    return f"""\
CASE
      WHEN problem IS NOT NULL THEN problem
      WHEN code = 'record-failed' THEN 'record-failed'
      WHEN code = 'not-admitted' AND component IS NULL THEN 'not-admitted'
      WHEN version <> {VERSION} THEN 'version'
      WHEN {missing} THEN 'incomplete'
      WHEN time IS NULL OR length(time) <> {_LENGTH_OF_TIME} THEN 'incomplete'
      WHEN stack NOT IN ({names}) THEN 'stack'
    END"""


def _joins(declared: Declared) -> str:
    """Return a join for each number of elements. It finds a declared path with so many."""
    return "".join(
        f"\n  LEFT JOIN declared AS d{depth} ON d{depth}.component = r.component"
        f" AND d{depth}.prefix = regexp_extract(r.small, '^(/[^/]*){{{depth}}}', 0)"
        for depth in range(1, declared.depth + 1)
    )


def _path(declared: Declared) -> str:
    """Return the expression of the path of a class."""
    depths = range(declared.depth, 0, -1)
    prefixes = [f"d{depth}.prefix" for depth in depths]
    kept = f"length(coalesce({', '.join([*prefixes, literal('')])}))"
    return f"""\
CASE
      WHEN r.path = '/' OR {_stays_whole(declared)} THEN r.path
      WHEN length(r.path) = {kept} THEN r.path
      ELSE concat(substr(r.path, 1, {kept}), '/~')
    END"""


def _stays_whole(declared: Declared) -> str:
    """Return the condition that no element of the path may be left out."""
    conditions = [f"NOT regexp_matches(r.path, {literal(_ordinary(declared))})"]
    patterns: dict[str, list[str]] = {}
    for component, pattern in sorted(declared.whole):
        patterns.setdefault(component, []).append(pattern)
    for component, listed in patterns.items():
        joined = literal(f"^({'|'.join(listed)})")
        conditions.append(
            f"(r.component = {literal(component)}"
            f" AND regexp_matches(r.small, {joined}))"
        )
    return " OR ".join(conditions)


def _ordinary(declared: Declared) -> str:
    """Return the pattern of paths whose elements no server reads in another way."""
    escapes = [
        escape
        for sign, spellings in _ESCAPES.items()
        if sign not in declared.text
        for escape in spellings
    ]
    inside = "|".join([f"[{_SIGNS}:.]", *escapes])
    # Some servers drop dots and blanks at an end.
    element = f"[.]*[{_SIGNS}:](({inside})*[{_SIGNS}:])?"
    return f"^(/{element})+/?$"


def _is_addressed(declared: Declared) -> str:
    """Return the condition that the rules of a record allow only some networks."""
    pairs = [
        literal(f"{component} {path}")
        for component, path in sorted(declared.addressed)
    ]
    if not pairs:
        return "FALSE"
    return f"concat(r.component, ' ', r.\"rulePath\") IN ({', '.join(pairs)})"
