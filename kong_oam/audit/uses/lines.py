"""Queries for the records in lines of JSON.

DuckDB's reader of JSON converts values of other types, or makes them NULL, and says nothing. So the
queries read each field as JSON, which keeps its type, and convert it themselves.
"""

from __future__ import annotations

import gzip
from collections.abc import Collection
from pathlib import Path

from kong_oam.audit.uses.statement import FIELDS, literal

# Each record has this field. A line without it is no plain record.
_MARK = "version"

# Minutes. A record that many older than the record before it is late: sinks retry for a minute.
_LATE = 5


def plain_records(file: Path, compression: str) -> str:
    """Return a query for lines that are records. Another line is an error."""
    # DuckDB reads any object. Without this error, OpenTelemetry's JSON would be empty records.
    is_record = (
        f"CASE WHEN raw_{_MARK} IS NULL THEN error('no record') ELSE true END"
    )
    plain = _plain(file, compression, has_others=False)
    return _records_in(f"SELECT * FROM ({plain}) WHERE {is_record}")


def all_records(file: Path, compression: str) -> str:
    """Return a query for the records in all lines. It needs more time.

    A line may also be a list of records, or OpenTelemetry's JSON. A line that is no JSON is torn.
    """
    plain = f"""\
SELECT * FROM ({_plain(file, compression, has_others=True)}) WHERE raw_{_MARK} IS NOT NULL"""
    others = _raws_of(_other_entries(file, compression))
    return f"{_records_in(plain)}\nUNION ALL\n{_records_in(others)}"


def line_numbers(
    file: Path, compression: str, numbers: Collection[int]
) -> dict[int, int]:
    """Return the numbers of lines, by their numbers among the lines with text.

    DuckDB's reader of JSON skips empty lines. Python before 3.14 reads no zstd, so its lines keep
    their numbers.
    """
    found = {number: number for number in numbers}
    if compression == "zstd":
        return found
    open_file = gzip.open if compression == "gzip" else open
    number = 0
    last = max(numbers, default=0)
    with open_file(file, "rb") as opened:
        for line, text in enumerate(opened, start=1):
            if number == last:
                break
            if text.isspace():
                continue
            number += 1
            if number in numbers:
                found[number] = line
    return found


def _plain(file: Path, compression: str, *, has_others: bool) -> str:
    """Return a query for lines that are objects. Other lines have no field, or are an error."""
    types = ", ".join(f"'{name}': 'JSON'" for name in FIELDS)
    raws = ", ".join(
        f'CAST("{name}" AS VARCHAR) AS raw_{name}' for name in FIELDS
    )
    return f"""\
SELECT row_number() OVER () AS line, false AS is_torn, {raws} FROM read_json(
  {literal(str(file))}, columns = {{{types}}}, format = 'newline_delimited',
  compression = '{compression}', ignore_errors = {has_others})"""


def _other_entries(file: Path, compression: str) -> str:
    """Return a query for the entries of lines that are no plain records. A torn line is NULL."""
    lines = f"""\
SELECT row_number() OVER () AS line, json AS text FROM read_json_objects(
  {literal(str(file))}, format = 'newline_delimited', compression = '{compression}',
  ignore_errors = true)"""
    is_other = f"""\
text IS NULL OR text NOT LIKE '{{%' OR json_extract_string(text, '$.{_MARK}') IS NULL"""
    telemetry = "$.resourceLogs[*].scopeLogs[*].logRecords[*]"
    # Kong also sends its error log to OpenTelemetry, without a requestId.
    return f"""\
SELECT line, CASE WHEN is_telemetry THEN {_flat("entry")} ELSE entry END AS entry
FROM (
  SELECT line, is_telemetry, unnest(CASE
    WHEN is_telemetry THEN json_extract(text, '{telemetry}')
    WHEN text LIKE '[%' THEN json_extract(text, '$[*]')
    ELSE [text] END) AS entry
  FROM (
    SELECT *, coalesce(json_exists(text, '$.resourceLogs'), false) AS is_telemetry
    FROM ({lines}) WHERE {is_other}
  )
)
WHERE NOT is_telemetry OR contains(CAST(entry AS VARCHAR), '"requestId"')"""


def _flat(entry: str) -> str:
    """Return the expression of a flat object from a record of OpenTelemetry's JSON.

    A record's fields are attributes (OTLP 1.x, JSON encoding of logs).
    """
    value = ", ".join(
        (
            "json_extract(attribute, '$.value.stringValue')",
            # JSON has 64-bit numbers as texts.
            "json_extract_string(attribute, '$.value.intValue')",
            "json_extract(attribute, '$.value.boolValue')",
            "json_extract(attribute, '$.value.doubleValue')",
            "'null'",
        )
    )
    field = f"concat(json_extract(attribute, '$.key'), ':', coalesce({value}))"
    fields = f"list_transform(json_extract({entry}, '$.attributes[*]'), lambda attribute: {field})"
    return f"CAST(concat('{{', array_to_string({fields}, ','), '}}') AS JSON)"


def _raws_of(entries: str) -> str:
    """Return a query for the fields of `entries`, each a JSON value with its line."""
    paths = ", ".join(literal(f"$.{name}") for name in FIELDS)
    raws = ", ".join(
        f"nullif(raw[{number}], 'null') AS raw_{name}"
        for number, name in enumerate(FIELDS, start=1)
    )
    return f"""\
SELECT line, is_torn, {raws} FROM (
  SELECT line, coalesce(entry NOT LIKE '{{%', true) AS is_torn,
    CAST(json_extract(entry, [{paths}]) AS VARCHAR[]) AS raw
  FROM ({entries})
)"""


def _records_in(raws: str) -> str:
    """Return a query for the records with the fields `raws`, each a JSON text.

    Few records have a special field. The others need no check of each field.
    """
    special = " OR ".join(
        _is_special(f"raw_{name}", kind) for name, kind in FIELDS.items()
    )
    values = ", ".join(
        f"CASE WHEN is_special THEN {_exact(f'raw_{name}', kind)} "
        f'ELSE {_simple(f"raw_{name}", kind)} END AS "{name}"'
        for name, kind in FIELDS.items()
    )
    wrong = " OR ".join(_is_wrong(name, kind) for name, kind in FIELDS.items())
    names = ", ".join(f'"{name}"' for name in FIELDS)
    return f"""\
SELECT {names}, line, CASE WHEN is_torn THEN 'torn'
  WHEN is_special THEN CASE WHEN {wrong} THEN 'type' END END AS problem, {_is_late()} AS late
FROM (
  SELECT *, max("time") OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS newest
  FROM (SELECT *, {values} FROM (SELECT *, {special} AS is_special FROM ({raws})))
)"""


# In a list of texts without escapes, the texts are between these signs.
_SIMPLE_LIST = r'\[("[^"\\]*"(,"[^"\\]*")*)?\]'


def _is_special(raw: str, kind: str) -> str:
    """Return the condition that a JSON value has escapes or another type."""
    if kind == "VARCHAR":
        return f"{raw} NOT LIKE '\"%' OR contains({raw}, '\\')"
    if kind == "VARCHAR[]":
        return f"NOT regexp_full_match({raw}, '{_SIMPLE_LIST}')"
    if kind == "BOOLEAN":
        return f"{raw} NOT IN ('true', 'false')"
    return f"TRY_CAST({raw} AS {kind}) IS NULL AND {raw} IS NOT NULL"


def _simple(raw: str, kind: str) -> str:
    """Return the expression of a JSON value that is not special."""
    if kind == "VARCHAR":
        return f"substr({raw}, 2, length({raw}) - 2)"
    if kind == "VARCHAR[]":
        return f"string_split(substr(nullif({raw}, '[]'), 3, length({raw}) - 4), '\",\"')"
    if kind == "BOOLEAN":
        return f"{raw} = 'true'"
    return f"TRY_CAST({raw} AS {kind})"


def _exact(raw: str, kind: str) -> str:
    """Return the expression of a JSON value. A value of another type becomes NULL."""
    text = (
        f"CASE WHEN {raw} LIKE '\"%' THEN json_extract_string({raw}, '$') END"
    )
    if kind == "VARCHAR":
        return text
    if kind == "VARCHAR[]":
        # OpenTelemetry has words in place of a list.
        return (
            f"CASE WHEN {raw} LIKE '\"%' THEN string_split({text}, ' ') "
            f"WHEN list_distinct(json_type({raw}, '$[*]')) = ['VARCHAR'] "
            f"THEN json_extract_string({raw}, '$[*]') END"
        )
    if kind == "BOOLEAN":
        return f"CASE {raw} WHEN 'true' THEN true WHEN 'false' THEN false END"
    return f"TRY_CAST({raw} AS {kind})"


def _is_wrong(name: str, kind: str) -> str:
    """Return the condition that a field has another type."""
    empty = f" AND raw_{name} <> '[]'" if kind == "VARCHAR[]" else ""
    return f'("{name}" IS NULL AND raw_{name} IS NOT NULL{empty})'


def _is_late() -> str:
    """Return the condition that a record is late. Most records are as new as the newest."""
    limit = f"CAST(newest AS TIMESTAMP) - INTERVAL {_LATE} MINUTE"
    return f'CASE WHEN "time" < newest THEN TRY_CAST("time" AS TIMESTAMP) < {limit} END'
