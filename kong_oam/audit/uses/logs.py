"""Read logs of records into uses: lines of JSON, compressed or not, and Parquet."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kong_oam.audit.uses.declared import Declared
from kong_oam.audit.uses.engine import connection
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

# A line of OpenTelemetry's JSON begins with it (OTLP 1.x, JSON encoding of logs).
_TELEMETRY = '{"resourceLogs"'

# Plugin http-log sends up to 200 records in a line.
_LONGEST_LINE = 4 * 1024 * 1024

# Minutes. A record that many older than the record before it is late: sinks retry for a minute.
_LATE = 5

# Reports the number of a file, its name, and the records so far.
Progress = Callable[[int, str, int], None]


def _text_of(raw: str) -> str:
    """Return the expression of a JSON text without its quotes. Other types become NULL."""
    return (
        f"CASE WHEN {raw} NOT LIKE '\"%' THEN NULL WHEN has_escapes "
        f"THEN json_extract_string({raw}, '$') ELSE substr({raw}, 2, length({raw}) - 2) END"
    )


# In a list of texts without escapes, the texts are between these signs.
_PLAIN_LIST = r'\["[^"\\]*"(,"[^"\\]*")*\]'


def _list_of(raw: str) -> str:
    """Return the expression of a JSON list of texts. OpenTelemetry has words in its place."""
    cases = [
        (f"{raw} = '[]'", "NULL"),
        (
            f"regexp_full_match({raw}, '{_PLAIN_LIST}')",
            f"string_split(substr({raw}, 3, length({raw}) - 4), '\",\"')",
        ),
        (f"{raw} LIKE '\"%'", f"string_split({_text_of(raw)}, ' ')"),
        (
            f"list_distinct(json_type({raw}, '$[*]')) = ['VARCHAR']",
            f"json_extract_string({raw}, '$[*]')",
        ),
    ]
    listed = " ".join(f"WHEN {case} THEN {value}" for case, value in cases)
    return f"CASE {listed} END"


def _value_of(raw: str, kind: str) -> str:
    """Return the expression of a JSON value. A value of another type becomes NULL."""
    if kind == "VARCHAR":
        return _text_of(raw)
    if kind == "VARCHAR[]":
        return _list_of(raw)
    return f"TRY_CAST({raw} AS {kind})"


def _is_wrong(name: str, kind: str) -> str:
    """Return the condition that a field has another type."""
    empty = f" AND raw_{name} <> '[]'" if kind == "VARCHAR[]" else ""
    return f"(\"{name}\" IS NULL AND raw_{name} <> 'null'{empty})"


def _json_records(
    file: Path, compression: str, *, has_torn: bool, has_telemetry: bool
) -> str:
    """Return a query for the records in lines of JSON. Each line is a record or a list of records.

    `has_telemetry`: whether lines may also be OpenTelemetry's JSON. `has_torn`: whether to expect
    lines that are no JSON. Otherwise such a line is an error, and the query needs less time.
    """
    lines = f"""\
SELECT row_number() OVER () AS line, text FROM read_csv(
    {literal(str(file))}, columns = {{'text': 'VARCHAR'}}, delim = '\x01', quote = '',
    escape = '', header = false, auto_detect = false, compression = '{compression}',
    max_line_size = {_LONGEST_LINE}, buffer_size = {2 * _LONGEST_LINE}, store_rejects = true)"""
    of_telemetry = "false"
    if has_telemetry:
        of_telemetry = f"text LIKE '{_TELEMETRY}%' AND json_valid(text)"
    records = f"""\
SELECT line, text AS entry FROM ({lines}) WHERE text NOT LIKE '[%' AND NOT ({of_telemetry})"""
    # Lists are read apart, because a list for each line would take longer.
    listed = f"""\
SELECT line, unnest(CASE WHEN json_valid(text)
  THEN CAST(json_extract(text, '$[*]') AS VARCHAR[]) ELSE [text] END) AS entry
FROM ({lines}) WHERE text LIKE '[%'"""
    sources = [records, listed]
    if has_telemetry:
        sources.append(
            _telemetry_entries(f"FROM ({lines}) WHERE {of_telemetry}")
        )
    parts = (_records_in(entries, has_torn) for entries in sources)
    return "\nUNION ALL\n".join(parts)


def _telemetry_entries(of_lines: str) -> str:
    """Return a query for the records in lines of OpenTelemetry's JSON, each as a flat object.

    A record's fields are attributes. Kong's error log, which it sends there too, has no requestId.
    """
    path = "$.resourceLogs[*].scopeLogs[*].logRecords[*]"
    value = ", ".join(
        (
            "json_extract(attribute, '$.value.stringValue')",
            # JSON has 64-bit numbers as texts.
            "CAST(json_extract_string(attribute, '$.value.intValue') AS JSON)",
            "json_extract(attribute, '$.value.boolValue')",
            "json_extract(attribute, '$.value.doubleValue')",
        )
    )
    return f"""\
SELECT line, CAST((
  SELECT json_group_object(json_extract_string(attribute, '$.key'), coalesce({value}))
  FROM (SELECT unnest(json_extract(record, '$.attributes[*]')) AS attribute)
) AS VARCHAR) AS entry
FROM (SELECT line, unnest(json_extract(text, '{path}')) AS record {of_lines})
WHERE contains(CAST(record AS VARCHAR), '"requestId"')"""


def _may_have_telemetry(log: Path, compression: str) -> bool:
    """Return whether a log may be OpenTelemetry's JSON, by its first line."""
    if compression == "zstd":
        return True
    wanted = _TELEMETRY.encode()
    if compression == "gzip":
        with gzip.open(log) as unpacked:
            return unpacked.read(len(wanted)) == wanted
    with log.open("rb") as opened:
        return opened.read(len(wanted)) == wanted


def _records_in(entries: str, has_torn: bool) -> str:
    """Return a query for the records of `entries`, each a text with its line."""
    paths = ", ".join(literal(f"$.{name}") for name in FIELDS)
    fields = f"CAST(json_extract(entry, [{paths}]) AS VARCHAR[])"
    if has_torn:
        fields = f"TRY({fields})"
    raws = ", ".join(
        f"raw[{number}] AS raw_{name}"
        for number, name in enumerate(FIELDS, start=1)
    )
    values = ", ".join(
        f'{_value_of(f"raw_{name}", kind)} AS "{name}"'
        for name, kind in FIELDS.items()
    )
    wrong = " OR ".join(_is_wrong(name, kind) for name, kind in FIELDS.items())
    names = ", ".join(f'"{name}"' for name in FIELDS)
    return f"""\
SELECT {names}, line, CASE WHEN raw IS NULL THEN 'torn' WHEN {wrong} THEN 'type' END AS problem,
  {_is_late()} AS late
FROM (
  SELECT *, max("time") OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS newest FROM (
    SELECT *, {values} FROM (
      SELECT line, raw, has_escapes, {raws} FROM (
        SELECT line, contains(entry, '\\') AS has_escapes, CASE WHEN entry LIKE '{{%'
          THEN {fields} END AS raw
        FROM ({entries}) WHERE entry <> ''
))))"""


def _is_late() -> str:
    """Return the condition that a record is late. Most records are as new as the newest."""
    limit = f"CAST(newest AS TIMESTAMP) - INTERVAL {_LATE} MINUTE"
    return f'CASE WHEN "time" < newest THEN TRY_CAST("time" AS TIMESTAMP) < {limit} END'


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
        has_telemetry = _may_have_telemetry(log, compression)
        try:
            query = _json_records(
                log, compression, has_torn=False, has_telemetry=has_telemetry
            )
            self._add_records(log, query)
        except duckdb.InvalidInputException:
            query = _json_records(
                log, compression, has_torn=True, has_telemetry=has_telemetry
            )
            self._add_records(log, query)

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
            self._add_records(log, query)
        return True

    def _add_records(self, log: Path, query: str) -> None:
        database = self.database
        database.execute(f"CREATE OR REPLACE TEMP VIEW records AS {query}")
        names = ", ".join(f'"{name}"' for name in COLUMNS)
        self._forget_rejected()
        database.execute(
            f"CREATE OR REPLACE TEMP TABLE added AS SELECT {names} FROM ({self.statement})"
        )
        self._note_rejected(log)
        self._note_repeated(log)
        database.execute(
            f"INSERT INTO uses SELECT {names}, {literal(log.name)} FROM added"
        )

    def _note_rejected(self, log: Path) -> None:
        """Note the lines that are no UTF-8, or too long."""
        if not self._has_rejected():
            return
        row = self.database.execute(
            "SELECT count(DISTINCT line), min(line) FROM reject_errors"
        ).fetchone()
        if row and row[0]:
            self._note(log, "torn", row[0], row[1])

    def _has_rejected(self) -> bool:
        """Return whether DuckDB has made its table of rejected lines."""
        tables = "SELECT table_name FROM duckdb_tables() WHERE table_name = 'reject_errors'"
        return bool(self.database.execute(tables).fetchall())

    def _forget_rejected(self) -> None:
        """Empty the table of rejected lines."""
        if self._has_rejected():
            self.database.execute("DELETE FROM reject_errors")
            self.database.execute("DELETE FROM reject_scans")

    def _note_repeated(self, log: Path) -> None:
        """Note the records whose number was already seen, in this log or in an earlier log."""
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
FROM ({added}) LEFT JOIN ({known}) USING (component, port, node, worker, block)
WHERE repeated > 0"""
        rows = self.database.execute(
            f"SELECT sum(repeated) FROM ({suspicious})"
        ).fetchone()
        if not rows or not rows[0]:
            return
        self._note(
            log, "repeated", int(rows[0]), self._first_repeated(suspicious)
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
