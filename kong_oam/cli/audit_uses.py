"""`audit uses`: aggregate records of requests into classes of calls."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from kong_oam.cli.audit_models import add_runs, in_force
from kong_oam.cli.command import FOUND, OK, UsageError, quoted
from kong_oam.cli.console import Console, print_note
from kong_oam.engine.stacks import stack_names

if TYPE_CHECKING:
    from kong_oam.audit.uses.model import Unread, Uses

USES_DETAILS = """\
Aggregates records of requests into classes of calls that the gate decides alike. Paths keep the
elements that Applications declare; the rest is `~`. The file has no subjects, and is small enough
to keep for years. Then the logs may go.

  python -m kong_oam audit uses requests-*.jsonl.gz -o day.parquet --runs records
  python -m kong_oam audit uses day-*.parquet -o quarter.parquet --runs records
  python -m kong_oam audit uses --sql spark > uses.sql

Logs are lines of JSON, also with gzip or zstd, or Parquet with the fields of records. A line may
be a list of records. Files of uses are joined. With --sql, it prints the statement for a table
`records`, in a dialect of sqlglot. The other verbs read the result as Parquet.

Exit status: 0 if all records count. 1 if lines or records do not count; the command lists them.
"""

# The problems of lines and records, in words.
PROBLEMS = {
    "torn": "no JSON object",
    "type": "a field with another type",
    "incomplete": "without required fields",
    "version": "of another version",
    "stack": "of another stack",
    "record-failed": "the gateway could not write the record",
    "not-admitted": "not admitted, so without a component",
    "unreadable": "cannot be read",
    "repeated": "a second record with the same number; it counts",
    "late": "late; it counts",
}
_COUNTING = ("repeated", "late")


class UnreadEntry(TypedDict):
    """Records or lines of a log with a problem, and the first line."""

    file: str
    problem: str
    count: int
    line: int | None


class UsesAnswer(TypedDict):
    """The number of aggregated records, and the problems of logs."""

    records: int
    classes: int
    problems: list[UnreadEntry]


def uses_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of `audit uses`."""
    parser.add_argument(
        "logs", nargs="*", type=Path, metavar="LOG", help="logs, or uses"
    )
    parser.add_argument(
        "--output", "-o", type=Path, metavar="FILE", help="the file to write"
    )
    parser.add_argument(
        "--sql",
        metavar="DIALECT",
        help="print the statement, for example for spark, and read nothing",
    )
    add_runs(parser)


def run_uses(options: Namespace, console: Console) -> int:
    """Run `audit uses`."""
    from kong_oam.audit.uses.declared import declared_in
    from kong_oam.audit.uses.logs import collect
    from kong_oam.audit.uses.store import read_uses

    models = in_force(options)
    declared = declared_in(models.estates)
    stacks = stack_names(models.settings)
    if options.sql:
        console.print_exactly(_statement(options.sql, declared, stacks))
        return OK
    if not options.logs or not options.output:
        raise UsageError("specify logs and -o FILE, or --sql DIALECT")
    for log in options.logs:
        if not log.is_file():
            raise UsageError(f"{quoted(str(log))} is no file")
    collect(options.logs, declared, stacks, options.output, _progress)
    uses = read_uses([options.output])
    if console.json:
        console.print_json(_document(uses))
    else:
        print_unread(uses.unread, console)
        console.print(
            f"{uses.count:,} records in {len(uses.classes):,} classes: {options.output}"
        )
    is_complete = all(each.problem in _COUNTING for each in uses.unread)
    return OK if is_complete else FOUND


def _statement(dialect: str, declared: object, stacks: Sequence[str]) -> str:
    from kong_oam.audit.uses.declared import Declared
    from kong_oam.audit.uses.engine import require
    from kong_oam.audit.uses.statement import portable

    require("sqlglot")
    from sqlglot.dialects import Dialect

    assert isinstance(declared, Declared)
    if dialect not in Dialect.classes:
        raise UsageError(
            f"unknown dialect {quoted(dialect)}: use a dialect of sqlglot, as `spark` or `bigquery`"
        )
    return portable(declared, stacks, dialect)


def _progress(number: int, name: str, count: int) -> None:
    if name:
        print_note(f"{count:,} records; reading file {number}: {name}")


def unread_entries(unread: Sequence[Unread]) -> list[UnreadEntry]:
    """Return problems of logs as JSON."""
    return [
        {
            "file": each.file,
            "problem": each.problem,
            "count": each.count,
            "line": each.line,
        }
        for each in unread
    ]


def _document(uses: Uses) -> UsesAnswer:
    return {
        "records": uses.count,
        "classes": len(uses.classes),
        "problems": unread_entries(uses.unread),
    }


def print_unread(unread: Sequence[Unread], console: Console) -> None:
    """Print the problems of logs, if there are any."""
    if not unread:
        return
    rows = [
        (
            each.file,
            f"{each.count:,}",
            str(each.line or ""),
            PROBLEMS.get(each.problem, each.problem),
        )
        for each in unread
    ]
    console.print_table(("FILE", "RECORDS", "FIRST LINE", "PROBLEM"), rows)
    console.print("")
