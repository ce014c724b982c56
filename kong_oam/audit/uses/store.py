"""Files with uses: Parquet, with the rows of the statement, and the name of the log.

A result of the statement from another engine is such a file, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kong_oam.access.data import Names
from kong_oam.audit.uses.engine import UsesError, connection
from kong_oam.audit.uses.model import (
    Block,
    CallClass,
    Counter,
    Seen,
    Unread,
    Uses,
)
from kong_oam.audit.uses.statement import CLASS, COLUMNS, literal

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# Rows that are read at a time.
_AT_ONCE = 10_000

# The columns of a file. `file` names the log of a problem.
_COLUMNS = {**COLUMNS, "file": "VARCHAR"}
_KEYS = (
    "kind",
    "problem",
    *CLASS,
    "node",
    "worker",
    "block",
    "day",
    "late",
    "file",
)


def create_table(database: DuckDBPyConnection) -> None:
    """Create the empty table `uses`."""
    columns = ", ".join(f'"{name}" {kind}' for name, kind in _COLUMNS.items())
    database.execute(f"CREATE TABLE uses ({columns})")


def is_uses(database: DuckDBPyConnection, file: Path) -> bool:
    """Return whether a Parquet file has uses."""
    return {"kind", "bits", "count"} <= set(_types(database, file))


def _types(database: DuckDBPyConnection, file: Path) -> dict[str, str]:
    rows = database.execute(
        "DESCRIBE SELECT * FROM read_parquet(?)", [str(file)]
    ).fetchall()
    return {row[0]: row[1] for row in rows}


def add_uses(database: DuckDBPyConnection, file: Path) -> None:
    """Add the rows of a file with uses to the table `uses`. Raises UsesError."""
    types = _types(database, file)
    values = []
    for name, kind in _COLUMNS.items():
        if name in types:
            values.append(f'CAST("{name}" AS {kind})')
        elif name == "file":
            # Another engine does not know the names of logs.
            values.append(literal(file.name))
        else:
            raise UsesError(
                f"{file}: the column {name} is missing: write the uses again with the statement of "
                "this version"
            )
    database.execute(
        f"INSERT INTO uses SELECT {', '.join(values)} FROM read_parquet(?)",
        [str(file)],
    )


def _merged() -> str:
    """Return a query for the rows of the table `uses`, each class, block and day once."""
    keys = ", ".join(
        # Only problems have a file.
        "CASE WHEN problem IS NOT NULL OR late THEN file END AS file"
        if name == "file"
        else f'"{name}"'
        for name in _KEYS
    )
    places = ", ".join(str(number + 1) for number in range(len(_KEYS)))
    return f"""\
SELECT {keys}, bit_or(bits) AS bits, CAST(sum("count") AS BIGINT) AS "count",
  min("first") AS "first", max("last") AS "last", min(example) AS example, min(line) AS line
FROM uses GROUP BY {places}"""


def write_uses(database: DuckDBPyConnection, target: Path) -> None:
    """Write the table `uses` to a file."""
    database.execute(
        f"COPY (SELECT * FROM ({_merged()}) ORDER BY ALL) TO {literal(str(target))} "
        "(FORMAT parquet, COMPRESSION zstd)"
    )


def read_uses(files: Iterable[Path]) -> Uses:
    """Return the joined uses of files. Raises UsesError."""
    with connection() as database:
        import duckdb

        create_table(database)
        for file in files:
            try:
                if not is_uses(database, file):
                    raise UsesError(
                        f"{file} has no uses: write them with `audit uses LOGS -o FILE`"
                    )
                add_uses(database, file)
            except duckdb.Error:
                raise UsesError(
                    f"{file} cannot be read as Parquet: write it with `audit uses LOGS -o FILE`"
                ) from None
        return _uses(database)


def _uses(database: DuckDBPyConnection) -> Uses:
    database.execute(f"CREATE TEMP TABLE merged AS {_merged()}")
    days: dict[str, int] = {}
    blocks: dict[tuple[Counter, int], Block] = {}
    counters: dict[tuple[str, ...], Counter] = {}
    unnumbered = 0
    unread = []
    for row in _rows(database, "sequence", _SEQUENCE):
        problem, file, line, late, day, count, block, bits, *names = row
        if problem or late:
            unread.append(Unread(file or "", problem or "late", count, line))
        if problem:
            continue
        days[day] = days.get(day, 0) + count
        if block is None:
            unnumbered += count
            continue
        key = tuple(names)
        counter = counters.get(key) or Counter(*names)
        counters[key] = counter
        added = Block(bits, count)
        known = blocks.get((counter, block))
        blocks[counter, block] = known.joined(added) if known else added
    return Uses(_classes(database), days, blocks, unnumbered, _by_file(unread))


# The columns of a row about a counter.
_SEQUENCE = (
    "problem",
    "file",
    "line",
    "late",
    "day",
    "count",
    "block",
    "bits",
    "component",
    "port",
    "node",
    "worker",
)


def _rows(
    database: DuckDBPyConnection, kind: str, names: Iterable[str]
) -> Iterator[tuple[Any, ...]]:
    """Yield columns of the merged rows of a kind."""
    columns = ", ".join(f'"{name}"' for name in names)
    found = database.execute(
        f"SELECT {columns} FROM merged WHERE kind = '{kind}'"
    )
    while rows := found.fetchmany(_AT_ONCE):
        yield from rows


def _classes(database: DuckDBPyConnection) -> dict[CallClass, Seen]:
    classes: dict[CallClass, Seen] = {}
    names = (*CLASS, "count", "first", "last", "example")
    for *fields, count, first, last, example in _rows(database, "class", names):
        row = dict(zip(CLASS, fields, strict=True))
        seen = Seen(count, first, last, example)
        call = _class(row)
        # Two lists of groups may differ in their order only.
        known = classes.get(call)
        classes[call] = known.joined(seen) if known else seen
    return classes


def _by_file(unread: Iterable[Unread]) -> tuple[Unread, ...]:
    """Return the problems by file, the problems of several days joined."""
    found: dict[tuple[str, str], Unread] = {}
    for each in unread:
        key = each.file, each.problem
        known = found.get(key)
        if known:
            lines = [
                line for line in (known.line, each.line) if line is not None
            ]
            each = Unread(
                *key, known.count + each.count, min(lines, default=None)
            )
        found[key] = each
    return tuple(found[key] for key in sorted(found))


def _class(row: dict[str, Any]) -> CallClass:
    return CallClass(
        row["component"],
        row["port"],
        row["revision"],
        row["admitted"],
        row["method"],
        row["host"],
        row["path"],
        row["caller"],
        row["client"],
        row["by"],
        row["user"],
        _listed(row["scopes"]),
        _listed(row["groups"]),
        row["address"],
        row["decision"],
        row["code"],
        row["rulePath"],
    )


def _listed(text: str | None) -> Names:
    return tuple(sorted(text.split("\n"))) if text else ()
