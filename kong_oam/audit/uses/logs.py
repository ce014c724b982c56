"""Read logs of records into uses: lines of JSON, compressed or not, and Parquet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kong_oam.audit.uses.declared import Declared
from kong_oam.audit.uses.engine import connection
from kong_oam.audit.uses.lines import (
    all_records,
    line_numbers,
    plain_records,
)
from kong_oam.audit.uses.model import BLOCK
from kong_oam.audit.uses.statement import (
    COLUMNS,
    EXTRA,
    FIELDS,
    literal,
    statement,
)
from kong_oam.audit.uses.store import (
    add_uses,
    create_table,
    is_uses,
    write_uses,
)

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# The first bytes of compressed files.
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_PARQUET = b"PAR1"

# The columns of rows with uses, as SQL.
_COLUMNS = ", ".join(f'"{name}"' for name in COLUMNS)

# Reports the number of a file, its name, and the records so far.
Progress = Callable[[int, str, int], None]


def _parquet_records(
    database: DuckDBPyConnection, file: Path
) -> tuple[str, str | None]:
    """Return a query for the records in a Parquet file, and the name of a field of another
    type."""
    source = f"read_parquet({literal(str(file))})"
    described = database.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
    types = {row[0]: row[1] for row in described}
    values = []
    for name, kind in FIELDS.items():
        found = types.get(name)
        if found is None:
            values.append(f'CAST(NULL AS {kind}) AS "{name}"')
        elif found == kind or (kind == "BIGINT" and found.endswith("INTEGER")):
            values.append(f'"{name}"')
        elif kind == "VARCHAR[]" and found == "VARCHAR":
            # OpenTelemetry has no lists.
            values.append(f'string_split("{name}", \' \') AS "{name}"')
        else:
            return "", name
    extra = ", ".join(
        f"CAST(NULL AS {kind}) AS {name}" for name, kind in EXTRA.items()
    )
    return f"SELECT {', '.join(values)}, {extra} FROM {source}", None


def collect(
    logs: Sequence[Path],
    declared: Declared,
    stacks: Iterable[str],
    target: Path,
    progress: Progress,
) -> None:
    """Write the uses of logs to a Parquet file. A log may also be a file of uses.

    Lines that are no records, and files that cannot be read, are counted in the result. Raises
    UsesError.
    """
    with connection() as database:
        create_table(database)
        collection = _Collection(database, statement(declared, [*stacks]))
        for number, log in enumerate(logs, start=1):
            progress(number, log.name, _count(database))
            collection.add(log)
        progress(len(logs), "", _count(database))
        write_uses(database, target)


def _count(database: DuckDBPyConnection) -> int:
    row = database.execute(
        "SELECT sum(\"count\") FROM uses WHERE kind = 'class'"
    ).fetchone()
    return int(row[0] or 0) if row else 0


@dataclass(frozen=True, slots=True)
class _Collection:
    """Adds logs to the table `uses`, each by the statement."""

    database: DuckDBPyConnection
    statement: str

    def add(self, log: Path) -> None:
        import duckdb

        try:
            if not self._add_other(log):
                self._add_lines(log)
        except (duckdb.Error, OSError):
            self._note(log, "unreadable", 1, None)

    def _add_lines(self, log: Path) -> None:
        import duckdb

        with log.open("rb") as opened:
            start = opened.read(4)
        compression = "none"
        if start.startswith(_GZIP):
            compression = "gzip"
        elif start == _ZSTD:
            compression = "zstd"
        try:
            self._aggregate(plain_records(log, compression))
        except duckdb.InvalidInputException:
            self._aggregate(all_records(log, compression))
        self._correct_lines(log, compression)
        self._keep(log)

    def _add_other(self, log: Path) -> bool:
        """Add a Parquet file: uses, or records. Return whether the log is such a file."""
        with log.open("rb") as opened:
            if opened.read(4) != _PARQUET:
                return False
        if is_uses(self.database, log):
            add_uses(self.database, log)
            return True
        query, wrong_field = _parquet_records(self.database, log)
        if wrong_field:
            counted = self.database.execute(
                "SELECT count(*) FROM read_parquet(?)", [str(log)]
            ).fetchone()
            self._note(log, "type", counted[0] if counted else 0, None)
        else:
            self._aggregate(query)
            self._keep(log)
        return True

    def _aggregate(self, query: str) -> None:
        """Make the table `added`: the uses of the records of a query."""
        self.database.execute(f"CREATE OR REPLACE TEMP VIEW records AS {query}")
        self.database.execute(
            f"CREATE OR REPLACE TEMP TABLE added AS SELECT {_COLUMNS} FROM ({self.statement})"
        )
        self._add_repeated()

    def _correct_lines(self, log: Path, compression: str) -> None:
        """Give the first line of each problem its number among all lines."""
        name = "CASE WHEN problem IS NOT NULL OR late THEN coalesce(problem, 'late') END"
        firsts = self.database.execute(
            f"SELECT {name} AS name, min(line) FROM added "
            "WHERE name IS NOT NULL AND line IS NOT NULL GROUP BY name"
        ).fetchall()
        lines = line_numbers(log, compression, {first for _, first in firsts})
        for found, first in firsts:
            self.database.execute(
                f"UPDATE added SET line = CASE WHEN line = ? THEN ? END WHERE {name} = ?",
                [first, lines[first], found],
            )

    def _keep(self, log: Path) -> None:
        """Add the table `added` to the table `uses`."""
        self.database.execute(
            f"INSERT INTO uses SELECT {_COLUMNS}, {literal(log.name)} FROM added"
        )

    def _add_repeated(self) -> None:
        """Add a row about the records whose number this log or an earlier log has already."""
        keys = "component, port, node, worker, block"
        of_blocks = (
            f"WHERE kind = 'sequence' AND block IS NOT NULL GROUP BY {keys}"
        )
        known = f"SELECT {keys}, bit_or(bits) AS known FROM uses {of_blocks}"
        added = f"""\
SELECT {keys}, bit_or(bits) AS bits, CAST(sum("count") AS BIGINT) AS "count"
FROM added {of_blocks}"""
        suspicious = f"""\
SELECT component, port, node, worker, block, coalesce(known, 0) AS known,
  "count" - bit_count(bits) + bit_count(coalesce(known, 0) & bits) AS repeated
FROM ({known}) RIGHT JOIN ({added}) USING (component, port, node, worker, block)
WHERE repeated > 0"""
        rows = self.database.execute(
            f"SELECT sum(repeated) FROM ({suspicious})"
        ).fetchone()
        if not rows or not rows[0]:
            return
        line = self._first_repeated(suspicious)
        self.database.execute(
            'INSERT INTO added (kind, problem, "count", line) '
            "VALUES ('sequence', 'repeated', ?, ?)",
            [int(rows[0]), line],
        )

    def _first_repeated(self, suspicious: str) -> int | None:
        """Return the line of the first record whose number was already seen."""
        # Only blocks with a repeated number are read again.
        known = self.database.execute(suspicious).fetchall()
        seen = {row[:5]: row[5] for row in known}
        self.database.execute(
            f"CREATE OR REPLACE TEMP TABLE suspicious AS {suspicious}"
        )
        found = self.database.execute(f"""\
SELECT r.line, r.component, r.port, r.node, r.worker, r.sequence FROM records AS r
SEMI JOIN suspicious AS s ON r.component = s.component AND r.port = s.port
  AND r.node = s.node AND r.worker = s.worker AND r.sequence // {BLOCK} = s.block
WHERE r.sequence >= 0 ORDER BY r.line""")
        while row := found.fetchone():
            line, *counter, number = row
            key = (*counter, number // BLOCK)
            bit = 1 << number % BLOCK
            bits = seen.get(key, 0)
            if bits & bit:
                return int(line) if line is not None else None
            seen[key] = bits | bit
        return None

    def _note(
        self, log: Path, problem: str, count: int, line: int | None
    ) -> None:
        """Add a row about lines of a log that are no class of calls."""
        self.database.execute(
            'INSERT INTO uses (kind, problem, "count", line, file) '
            "VALUES ('sequence', ?, ?, ?, ?)",
            [problem, count, line, log.name],
        )
